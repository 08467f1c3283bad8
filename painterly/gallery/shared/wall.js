// The gallery. The address names the filter, the first picture of the page, and the open picture: #monet/beach.jpg?style=monet&from=300
import { addressHash, pushAddress } from "./address.js";
import { byId, mark, root } from "./elements.js";
import { counted, text } from "./texts.js";
import { hasStar, setStar } from "./stars.js";
import { bindViewer, follow } from "./viewer.js";
import { othersOf, paintingOf, pictureAt, pictures } from "./pictures.js";
import { cardWith, hang, showStars, wall } from "./hang.js";

const STARRED = "☆", PAGE_OF = Number(wall.dataset.most);
export const announce = (words) => { byId("said").textContent = words; };

const stateOf = (hash, search) => {
  const [anchor, query] = hash.split("?"), asked = new URLSearchParams(query ?? (hash ? "" : search));
  const style = asked.get("style") || "", from = Number(asked.get("from"));
  return {
    open: anchor ? pictureAt(anchor) : undefined, from: from > 0 ? from : 0,
    style: style === STARRED || pictures.some(({ master }) => master === style) ? style : "",
  };
};
const state = () => stateOf(addressHash(), root === undefined ? "" : location.search);
const addressOf = ({ open, style, from }) => {
  const query = new URLSearchParams();
  if (style) query.set("style", style);
  if (from) query.set("from", from);
  const changes = query.toString();
  return `${root === undefined ? "" : location.pathname}#${open ? open.anchor : ""}${changes && `?${changes}`}`;
};
const isIn = (style) => (each) => !each.gone && (!style || (style === STARRED ? hasStar(each.star) : each.master === style));

// The pictures of the filter, and those on the wall.
export let filtered = [];
export let hung = [];
const showPages = (from) => {
  for (const [id, to] of [["newer", from && Math.max(0, from - PAGE_OF)], ["older", from + PAGE_OF]]) {
    byId(id).hidden = id === "newer" ? !from : to >= filtered.length;
    byId(id).href = addressOf({ ...state(), open: undefined, from: to });
  }
};
export const arrange = () => {
  const { style, from } = state();
  filtered = pictures.filter(isIn(style));
  hung = filtered.slice(from, from + PAGE_OF);
  hang(hung);
  showPages(from);
  for (const chip of document.querySelectorAll("#chips a")) mark(chip, "aria-current", chip.dataset.style === style);
  byId("status").textContent = filtered.length || !style ? counted("gallery.pictures", filtered.length) : "";
  byId("no-stars").hidden = filtered.length > 0 || style !== STARRED;
  if (byId("failed")) byId("failed").hidden = Boolean(style);
};
const push = (changes) => { pushAddress(addressOf({ ...state(), ...changes })); follow(); };
const toggleStar = (each) => {
  setStar(each.star, !hasStar(each.star));
  showStars(each);
  announce(text(hasStar(each.star) ? "gallery.was_starred" : "gallery.not_starred"));
};
export const pictureOn = (target) => pictures[target.closest(".card").dataset.number];

// functions: of the page around it. choose is called for a click on a picture, or the key X, and may take it; remove for the key Delete.
let around = { choose: () => false, remove: null };
export const bindWall = (functions) => { around = functions; };

wall.addEventListener("click", (event) => {
  const { target, ctrlKey, metaKey, shiftKey, altKey } = event;
  if (!target.closest(".card")) return;
  if (target.closest(".star")) toggleStar(pictureOn(target));
  if (!target.closest("a") || ctrlKey || metaKey || altKey) return;
  event.preventDefault();
  if (!around.choose(pictureOn(target), shiftKey)) push({ open: pictureOn(target) });
});
// The arrows walk over the wall: left and right in its order, up and down to the nearest one.
const nearest = (link, links, isDown) => {
  const middle = ({ left, right, top, bottom }) => [(left + right) / 2, (top + bottom) / 2];
  const [atX, atY] = middle(link.getBoundingClientRect());
  const away = links.map((each) => {
    const [toX, toY] = middle(each.getBoundingClientRect());
    return { each, down: toY - atY, far: Math.abs(toX - atX) + 3 * Math.abs(toY - atY) };
  });
  const beyond = away.filter(({ down }) => (isDown ? down : -down) > link.clientHeight / 2);
  return beyond.sort((first, second) => first.far - second.far)[0]?.each;
};
wall.addEventListener("keydown", (event) => {
  const { key, target } = event, links = [...wall.querySelectorAll(".card a")], at = links.indexOf(target);
  if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
  const next = {
    ArrowLeft: () => links[at - 1], ArrowRight: () => links[at + 1],
    ArrowUp: () => nearest(target, links, false), ArrowDown: () => nearest(target, links, true),
  }[key];
  if (next) { event.preventDefault(); next()?.focus(); }
  if (key.toLowerCase() === "s") toggleStar(pictureOn(target));
  if (key.toLowerCase() === "x") around.choose(pictureOn(target), false, true);
  if (key === "Delete" && around.remove) around.remove([pictureOn(target)]);
});
for (const chip of document.querySelectorAll("#chips a, .pages a")) {
  chip.addEventListener("click", (event) => {
    event.preventDefault();
    if (chip.closest(".pages")) push(stateOf(chip.hash.slice(1), "")); else push({ style: chip.dataset.style, from: 0 });
    window.scrollTo({ top: 0 });
    announce(byId("status").textContent);
  });
}
for (const image of byId("chips").querySelectorAll("img")) {
  const thumb = paintingOf(image.closest("a").dataset.style);
  image.onerror = () => image.remove();
  if (thumb) image.src = thumb; else image.remove();
}
byId("chips").parentElement.hidden = !pictures.length;

bindViewer({
  wanted: () => { arrange(); const { open } = state(); return open && !open.gone ? open : undefined; },
  addressOf: (open) => addressOf({ ...state(), open: open || undefined }),
  list: () => filtered,
  others: othersOf,
  starred: showStars,
  closed: (each) => {
    if (each && !each.gone && cardWith(each).isConnected) cardWith(each).querySelector("a").focus();
    arrange();
  },
});
queueMicrotask(follow); // The page around it adds to the pictures first.
