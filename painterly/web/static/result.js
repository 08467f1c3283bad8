// One result in the dialog: compared with its photo, zoomed, downloaded. The address names it, so that "back" closes it.
import { addressHash, goBack, pushAddress, replaceAddress, writeAddress } from "./shared/address.js";
import { by, fill, hangPaintings } from "./shared/elements.js";
import { text } from "./shared/texts.js";
import { compare, setView, slider } from "./shared/compare.js";
import { bindDialog, closeDialog, dialog, keepFocus, openDialog } from "./shared/dialog.js";
import { bindKeys, fitted } from "./shared/zoom.js";

const state = { list: () => [], current: null, view: "slider" };

// A result has an id, a title and subtitle, an alt text, the photo ({thumb, preview, href}), thumb, preview, href and size of
// the picture, its download and timelapse (null without one), onAgain (called to fill the form with its settings), paintings as for hangPaintings, and facts.
const showResult = (result) => {
  state.current = result;
  by("title").textContent = result.title;
  by("subtitle").textContent = result.subtitle;
  by("download").href = result.download;
  by("timelapse").hidden = !result.timelapse;
  if (result.timelapse) by("timelapse").href = result.timelapse;
  by("again").hidden = false;
  by("again").href = `/?again=${result.id}`;
  hangPaintings(by("paintings"), result.paintings);
  by("facts").parentElement.hidden = !fill(by("facts"), result.facts.filter(([, value]) => value));
  showNeighbours();
  slider.value = 50;
  compare(
    { title: text("gallery.photo"), said: text("gallery.said_photo"), alt: text("gallery.the_photo", { photo: result.title }), ...result.photo },
    { ...result, title: text("gallery.result"), said: text("gallery.said_result") },
    state.view,
  );
  fitted();
};
const neighbour = (steps) => {
  const list = state.list(), at = list.findIndex((each) => each.id === state.current.id);
  return at < 0 ? undefined : list[at + steps];
};
const showNeighbours = () => {
  by("previous").disabled = !neighbour(-1);
  by("next").disabled = !neighbour(1);
};
const address = (id) => `${location.pathname}${location.search}${id ? `#${encodeURIComponent(id)}` : ""}`;
const asked = () => { try { return decodeURIComponent(addressHash()); } catch { return ""; } };
const follow = () => {
  const id = asked(), result = id && state.list().find((each) => each.id === id);
  if (!result) { closeDialog(); return; }
  if (state.current !== result || !dialog.open) showResult(result);
  openDialog();
};
const go = (steps) => {
  const next = neighbour(steps);
  if (!next) return;
  replaceAddress(address(next.id));
  follow();
  keepFocus();
};
const leave = () => goBack(() => { history.replaceState(null, "", address("")); follow(); });

export const openResult = (id) => {
  pushAddress(address(id));
  follow();
};
// list: returns the results as they are now, in their order. Opens the one that the address names.
export const bindResults = (list) => {
  state.list = list;
  follow();
};

bindDialog(go, leave, () => {
  writeAddress();
  if (location.hash) history.replaceState(null, "", address(""));
});
by("views").addEventListener("change", (event) => {
  state.view = event.target.value;
  setView(state.view);
  fitted();
});
by("again").addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  dialog.addEventListener("close", () => setTimeout(state.current.onAgain), { once: true });
  leave();
});
bindKeys({ ArrowLeft: () => go(-1), ArrowRight: () => go(1) });
window.addEventListener("popstate", follow);
