// Two pictures of one size in full screen: the line between them, how large they are, and which part is seen.
import { byId, loaded, on, percentAcross, retrying, say } from "./elements.js";
import { followPointers, inRoom } from "./pointers.js";
import { divided, percent, text } from "./texts.js";

export const dialog = byId("one"), stage = byId("stage"), slider = byId("slider");
const sight = byId("sight"), images = [byId("before"), byId("after")];
const NEAR = 28, TAP = 8, SWIPE = 60, LARGER = 1.5, LINE_STEP = 5; // px, a factor, percent
// The pictures on the left and the right, as `compare` got them.
let sides = [], zoom = 1, x = 0, y = 0; // px from the window's middle to the pictures'

// The words about each picture; empty if it is shown in full. One line has those about both.
const lacks = new Map();
const sayLack = (image, words) => {
  lacks.set(image, words);
  say("limited", [...new Set(lacks.values())].filter(Boolean).join(" "));
};
// Replaces a picture by the first larger one that can be loaded; without any it is tried again later, as long as the picture is shown.
const latestCalls = new WeakMap();
const showLarger = async (image, larger) => {
  const call = {}, isLate = () => latestCalls.get(image) !== call || !dialog.open;
  const attempt = async () => {
    for (const address of larger) {
      const isLoaded = address && await loaded(address);
      if (isLate()) return;
      if (!isLoaded) continue;
      if (image.dataset.size === "small") image.dataset.size = "larger";
      image.src = address;
      sayLack(image, "");
      return;
    }
    const hasSmall = await image.decode().then(() => true, () => false);
    if (isLate()) return;
    sayLack(image, hasSmall ? text("gallery.no_full_picture") : text("gallery.not_loaded", { name: image.alt }));
    again();
  }, again = retrying(attempt);
  latestCalls.set(image, call);
  await attempt();
};

// Moves the line. It waits at the left edge. glides: whether that may be seen.
export const moveLine = (to = slider.value, glides = false) => {
  const [left, right] = sides;
  slider.value = to;
  stage.classList.toggle("glides", glides);
  stage.classList.toggle("shut", slider.value < 1);
  stage.style.setProperty("--divide", slider.value);
  byId("compare-both").ariaPressed = slider.value >= 1;
  if (left) slider.ariaValueText = divided(slider.value, left.short, right.short);
};
on(slider, "input", () => moveLine());
// A picture has a short name, an alt text, and the addresses thumb, preview and href (all its pixels), or null instead. The left one may
// be missing.
export const compare = (left, right) => {
  sides = [left, right];
  for (const id of ["line-of", "compare-both"]) byId(id).hidden = !left;
  moveLine(left ? slider.value : 0);
  say("right", right.short);
  for (const [at, each] of sides.entries()) {
    const image = images[at];
    Object.assign(image, { alt: each ? each.alt : "", hidden: !each });
    image.dataset.size = "small";
    sayLack(image, "");
    if (each && each.thumb) image.src = each.thumb; else image.removeAttribute("src");
    if (each) showLarger(image, [each.preview, each.href]);
  }
};

const widthOf = () => (sides[1].size ? sides[1].size[1] : images[1].naturalWidth);
const ratio = () => (sides[1].size ? sides[1].size[1] / sides[1].size[0] : images[1].naturalWidth / images[1].naturalHeight || 1.5);
const fittedWidth = () => Math.min(stage.clientWidth, stage.clientHeight * ratio());
const fullSize = () => widthOf() / (fittedWidth() * devicePixelRatio);
const showPart = () => {
  const width = fittedWidth(), height = width / ratio(), share = zoom / fullSize();
  [x, y] = [inRoom(x, width * zoom, stage.clientWidth), inRoom(y, height * zoom, stage.clientHeight)];
  for (const [name, value] of Object.entries({ zoom, x, y, w: width, ratio: ratio() })) stage.style.setProperty(`--${name}`, value);
  stage.classList.toggle("zoomed", zoom > 1);
  byId("actual").ariaPressed = zoom > 1;
  say("zoomed", zoom > 1 && Number.isFinite(share) ? text("gallery.of_full_size", { share: percent(share) }) : "");
  // A preview that is not sharp enough is replaced by the picture itself.
  for (const [at, image] of images.entries()) {
    const isSharp = zoom * width * devicePixelRatio <= image.naturalWidth;
    if (isSharp || !sides[at] || !sides[at].href || image.dataset.size !== "larger") continue;
    image.dataset.size = "full";
    showLarger(image, [sides[at].href, sides[at].preview]);
  }
};
// at: the place that stays where it is, in px from the window's middle.
const zoomTo = (wanted, [atX, atY] = [0, 0]) => {
  const next = Math.min(Math.max(4, 4 * fullSize()), Math.max(1, wanted)), grown = next / zoom;
  [zoom, x, y] = [next, atX - (atX - x) * grown, atY - (atY - y) * grown];
  showPart();
};
export const fitPictures = () => zoomTo(1);
const toggleSize = (at) => zoomTo(zoom > 1 ? 1 : Math.max(2, fullSize()), at);
const followSize = () => { if (dialog.open) showPart(); };
on(images[1], "load", followSize);
on(window, "resize", followSize);
on("actual", "click", () => toggleSize());

const zoomKeys = {
  "+": () => zoomTo(LARGER * zoom), "=": () => zoomTo(LARGER * zoom), "-": () => zoomTo(zoom / LARGER),
  0: fitPictures, z: () => toggleSize(),
};
// others: functions by key, in addition to those that zoom. On the line, the arrows move it.
export const bindKeys = (others) => on(document, "keydown", (event) => {
  if (!dialog.open) return; // Not the dialog's own event: Safari leaves the focus outside after a click on a button.
  const keys = { ...zoomKeys, ...others }, { key, target } = event, name = key.length > 1 ? key : key.toLowerCase();
  const isField = target !== slider && target.closest("input, select, textarea"), onLine = target === slider && name.startsWith("Arrow");
  if (event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(keys, name) || isField) return;
  event.preventDefault();
  if (onLine) moveLine(slider.valueAsNumber + (["ArrowRight", "ArrowUp"].includes(name) ? LINE_STEP : -LINE_STEP)); else keys[name]();
});

const placeIn = ({ clientX, clientY }) => [clientX - stage.clientWidth / 2, clientY - stage.clientHeight / 2];
on(stage, "dblclick", (event) => { if (!event.target.closest("select")) toggleSize(placeIn(event)); });
on(stage, "wheel", (event) => {
  event.preventDefault();
  zoomTo(zoom * Math.exp(-event.deltaY / 400), placeIn(event));
}, { passive: false });
const shift = ([right, down]) => { [x, y] = [x + right, y + down]; showPart(); };
// Two fingers zoom. One, or the mouse, moves the line or a zoomed picture, or swipes: function is called with "left", "right" or "down"
// then, and with "tap".
export const bindSwipes = (swiped) => {
  let doing = "", begun = null;
  followPointers(stage, {
    began: (event) => {
      if (event.target.closest("select")) return false;
      const { left, width } = sight.getBoundingClientRect(), away = Math.abs(event.clientX - left - width * slider.value / 100);
      const isOnLine = event.target === byId("handle") || (sides[0] && slider.value >= 1 && away < NEAR);
      doing = isOnLine ? "line" : zoom > 1 ? "move" : "swipe";
      begun = event;
      // After a mouse, the arrow keys turn to the next picture.
      if (!isOnLine) stage.focus({ preventScroll: true });
      return true;
    },
    moved: (event, last) => {
      if (last && doing === "line") moveLine(percentAcross(sight, event));
      if (last && doing === "move") shift([event.clientX - last.clientX, event.clientY - last.clientY]);
    },
    ended: (event, isInterrupted) => {
      const right = event.clientX - begun.clientX, down = event.clientY - begun.clientY, far = Math.max(Math.abs(right), Math.abs(down));
      if (isInterrupted || doing === "line" || event.pointerType === "mouse") return;
      if (far < TAP) swiped("tap");
      else if (doing === "swipe" && far > SWIPE && (far === Math.abs(right) || down > 0)) {
        swiped(far > Math.abs(right) ? "down" : right < 0 ? "left" : "right");
      }
    },
    pinched: (factor, middle, moved) => { zoomTo(zoom * factor, placeIn(middle)); shift(moved); },
  });
};
