// The address that replaces the page's own while a key is held down. Browsers take some hundred changes in ten seconds, Safari 100 in
// ten or thirty, and refuse the rest: so one now and then, and the last one.
const WRITTEN_EVERY_MS = 350;
let pending = null, writtenAt = -Infinity, writing = 0;

// Writes what is still to be written. To be called before the history is changed in another way.
export const writeAddress = () => {
  clearTimeout(writing);
  if (pending === null) return;
  history.replaceState(history.state, "", pending);
  pending = null;
  writtenAt = performance.now();
};
export const replaceAddress = (address) => {
  pending = address;
  clearTimeout(writing);
  if (performance.now() - writtenAt >= WRITTEN_EVERY_MS) writeAddress();
  else writing = setTimeout(writeAddress, WRITTEN_EVERY_MS);
};
// An address of its own, from which "back" leads to the one before.
export const pushAddress = (address) => {
  writeAddress();
  history.pushState({ pushed: true }, "", address);
};
// Back to the address before. otherwise: what is done where the page began with this one, by a link.
export const goBack = (otherwise) => {
  writeAddress();
  if (history.state && history.state.pushed) history.back();
  else otherwise();
};
// What follows # in the address, or will in a moment.
export const addressHash = () => (pending === null ? location.hash.slice(1) : pending.slice(pending.indexOf("#") + 1));
window.addEventListener("popstate", () => {
  clearTimeout(writing);
  pending = null;
});
