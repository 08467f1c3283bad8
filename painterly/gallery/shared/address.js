// The address that replaces the page's own while a key is held down. Browsers refuse more than some hundred changes in ten seconds,
// Safari more than 100 in ten or thirty: so it is written at intervals, and at the end.
const WRITTEN_EVERY_MS = 350;
let pending = null, pause = 0;

// Writes a pending address. Call this before any other change of the history.
export const writeAddress = () => {
  if (pending !== null) history.replaceState(history.state, "", pending);
  pending = null;
};
export const replaceAddress = (address) => {
  pending = address;
  if (pause) return;
  writeAddress();
  pause = setTimeout(() => { pause = 0; if (pending !== null) replaceAddress(pending); }, WRITTEN_EVERY_MS);
};
export const pushAddress = (address) => {
  writeAddress();
  history.pushState({ pushed: true }, "", address);
};
// Goes back to the address before. otherwise: is called if a link opened the page with this address.
export const goBack = (otherwise) => {
  writeAddress();
  if (history.state && history.state.pushed) history.back();
  else otherwise();
};
// The part of the address after #, also if it is still pending.
export const addressHash = () => (pending === null ? location.hash.slice(1) : pending.slice(pending.indexOf("#") + 1));
window.addEventListener("popstate", () => { pending = null; });
