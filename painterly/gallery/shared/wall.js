// The gallery. The address names the filter, the order, the first picture of the page, and the open picture:
// #monet/beach.jpg?style=monet&find=SKU+017&by=name&from=300
import { addressHash, pushAddress, replaceAddress } from "./address.js";
import { announce, byId, mark, matching, on, root, say } from "./elements.js";
import { cardWith, hang, showStars, wall } from "./hang.js";
import { namesOf, ordered, othersOf, paintingOf, pictureAt, pictures, plain } from "./pictures.js";
import { hasStar } from "./stars.js";
import { counted, text } from "./texts.js";
import { bindViewer, follow, toggleStar } from "./viewer.js";

const STARRED = "☆", PAGE_OF = Number(wall.dataset.most), search = byId("find"), order = byId("by"), unfinished = byId("unfinished");

const stateOf = (hash, search) => {
  const [anchor, query] = hash.split("?"), asked = new URLSearchParams(query ?? (hash ? "" : search));
  const style = asked.get("style") || "", from = Number(asked.get("from"));
  return {
    open: anchor ? pictureAt(anchor) : undefined, from: from > 0 ? from : 0, find: asked.get("find") || "",
    by: asked.get("by") === "name" ? "name" : "",
    style: style === STARRED || pictures.some(({ master }) => master === style) ? style : "",
  };
};
const state = () => stateOf(addressHash(), root === undefined ? "" : location.search);
const addressOf = ({ open, ...others }) => {
  const query = new URLSearchParams(Object.entries(others).filter(([, value]) => value)).toString();
  return `${root === undefined ? "" : location.pathname}#${open ? open.anchor : ""}${query && `?${query}`}`;
};
const isIn = (style) => (each) => !each.gone && (!style || (style === STARRED ? hasStar(each.star) : each.master === style));

export let filtered = [], hung = [];
const showPage = (id, from, isThere) => Object.assign(byId(id), { hidden: !isThere, href: addressOf({ ...state(), open: null, from }) });
const arrange = () => {
  const { style, from, find, by } = state(), parts = plain(find).split(/\s+/);
  const isFound = (names) => parts.every((part) => names.includes(part));
  filtered = ordered(by).filter(isIn(style));
  if (find) filtered = filtered.filter((each) => isFound(namesOf(each)));
  hung = filtered.slice(from, from + PAGE_OF);
  hang(hung, !by);
  showPage("newer", Math.max(0, from - PAGE_OF), from > 0);
  showPage("older", from + PAGE_OF, from + PAGE_OF < filtered.length);
  for (const chip of matching("#chips a")) mark(chip, "aria-current", chip.dataset.style === style);
  say("status", filtered.length || !(style || find) ? counted("gallery.pictures", filtered.length) : "");
  say("none", text(find ? "gallery.none_found" : "gallery.no_stars"));
  byId("none").hidden = filtered.length > 0 || !(find || style === STARRED);
  for (const each of matching("#failed li")) each.hidden = !isFound(plain(each.textContent));
  if (byId("failed")) byId("failed").hidden = style || !document.querySelector("#failed li:not([hidden])");
  if (!search) return;
  if (search.value !== find) search.value = find;
  order.value = by;
};
const push = (changes) => { pushAddress(addressOf({ ...state(), ...changes })); follow(); };
const toggleItsStar = (each) => { toggleStar(each, "said"); showStars(each); };
export const pictureOn = (target) => pictures[target.closest(".card").dataset.number];

// functions: of the page around it. choose is called for a click on a picture, or the key X, and may take it; remove for the key Delete.
let around = { choose: () => false, remove: () => {} };
export const bindWall = (functions) => { around = functions; };

on(wall, "click", (event) => {
  const { target, ctrlKey, metaKey, shiftKey, altKey } = event;
  if (!target.closest(".card")) return;
  if (target.closest(".star")) toggleItsStar(pictureOn(target));
  if (!target.closest("a") || ctrlKey || metaKey || altKey) return;
  event.preventDefault();
  if (!around.choose(pictureOn(target), shiftKey)) push({ open: pictureOn(target) });
});
// The arrows walk over the wall: left and right in its order, up and down to the nearest one.
const nearest = (link, links, down) => {
  const from = link.getBoundingClientRect(), away = links.map((each) => {
    const { x, y, width } = each.getBoundingClientRect(), beyond = down * (y - from.y);
    return { each, far: beyond > 1 ? Math.abs(x + width / 2 - from.x - from.width / 2) + 3 * beyond : Infinity };
  });
  const { each, far } = away.reduce((one, other) => other.far < one.far ? other : one);
  return far < Infinity ? each : undefined;
};
on(wall, "keydown", (event) => {
  const { key, target } = event, links = matching(".card a", wall), at = links.indexOf(target);
  if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
  const go = (link) => { event.preventDefault(); link?.focus(); };
  const acts = {
    arrowleft: () => go(links[at - 1]), arrowright: () => go(links[at + 1]),
    arrowup: () => go(nearest(target, links, -1)), arrowdown: () => go(nearest(target, links, 1)),
    s: () => toggleItsStar(pictureOn(target)), x: () => around.choose(pictureOn(target), false, true),
    delete: () => around.remove([pictureOn(target)]),
  };
  acts[key.toLowerCase()]?.();
});
for (const chip of matching("#chips a, .pages a")) {
  on(chip, "click", (event) => {
    event.preventDefault();
    if (chip.closest(".pages")) push(stateOf(chip.hash.slice(1), "")); else push({ style: chip.dataset.style, from: 0 });
    window.scrollTo({ top: 0 });
    announce(byId("status").textContent);
  });
}
for (const image of matching("img", byId("chips"))) {
  const thumb = paintingOf(image.closest("a").dataset.style);
  image.onerror = () => image.remove();
  if (thumb) image.src = thumb; else image.remove();
}
byId("chips").parentElement.hidden = !pictures.length;
if (search) {
  search.form.hidden = false;
  on(search, "input", () => { replaceAddress(addressOf({ ...state(), find: search.value, from: 0 })); follow(); });
  on(search.form, "submit", (event) => event.preventDefault());
  on(order, "change", () => push({ by: order.value, from: 0 }));
}
// A page that lacks pictures is loaded again, unless somebody is about to do something.
if (unfinished) setInterval(() => {
  const isUsed = document.activeElement === search || document.querySelector("dialog[open], .choosing, .told"); // .told: an undo
  if (!document.hidden && !isUsed) location.reload();
}, 1000 * unfinished.dataset.every);

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
