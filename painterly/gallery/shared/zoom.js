// How large the pictures are, which part of them is seen, and where the line is; buttons, keys, mouse, wheel and fingers that change it.
// Both pictures move together.
import { byId, percentAcross } from "./elements.js";
import { percent, text } from "./texts.js";
import { dialog, showDivider, showPicture, sides, slider, stage } from "./compare.js";

let zoom = 1, x = 0, y = 0; // the picture's corner in sizes of its frame
const frame = () => byId("after").parentElement.getBoundingClientRect();
const fullSize = () => {
  const [, right] = sides;
  return (right && right.size ? right.size[1] : byId("after").naturalWidth) / (frame().width * devicePixelRatio);
};
const largestZoom = () => Math.max(4, 4 * fullSize());
const showPart = () => {
  const within = (value) => Math.min(0, Math.max(1 - zoom, value));
  [x, y] = [within(x), within(y)];
  stage.style.setProperty("--zoom", zoom);
  stage.style.setProperty("--x", `${100 * x}%`);
  stage.style.setProperty("--y", `${100 * y}%`);
  stage.classList.toggle("zoomed", zoom > 1);
  const share = zoom / fullSize();
  byId("zoomed").textContent = zoom > 1 && Number.isFinite(share) ? text("gallery.of_full_size", { share: percent(share) }) : "";
  byId("smaller").disabled = byId("fit").disabled = zoom <= 1;
  byId("larger").disabled = zoom >= largestZoom();
  byId("full").disabled = fullSize() <= 1;
  if (document.activeElement.disabled) stage.focus({ preventScroll: true }); // It would be lost.
};
// A preview that is not sharp enough is replaced by the result itself.
const sharpen = () => {
  for (const [image, { href, preview }] of [[byId("before"), sides[0]], [byId("after"), sides[1]]]) {
    const needed = zoom * frame().width * devicePixelRatio;
    if (!href || needed <= image.naturalWidth || image.src.endsWith(href.slice(1))) continue;
    showPicture(image, image.src, [href, preview]);
  }
};
// at: the place that stays where it is, 0…1 of the frame.
const zoomTo = (wanted, at = [0.5, 0.5]) => {
  const next = Math.min(largestZoom(), Math.max(1, wanted)), grown = next / zoom;
  [x, y] = [at[0] - (at[0] - x) * grown, at[1] - (at[1] - y) * grown];
  zoom = next;
  showPart();
  if (zoom > 1) sharpen();
};
export const fitPictures = () => { zoom = 1; showPart(); };
// right, down: sizes of the frame.
const moveBy = (right, down) => {
  [x, y] = [x + right, y + down];
  showPart();
};

byId("larger").addEventListener("click", () => zoomTo(1.5 * zoom));
byId("smaller").addEventListener("click", () => zoomTo(zoom / 1.5));
byId("fit").addEventListener("click", fitPictures);
byId("full").addEventListener("click", () => zoomTo(fullSize()));

const zoomKeys = {
  "+": () => zoomTo(1.5 * zoom), "=": () => zoomTo(1.5 * zoom), "-": () => zoomTo(zoom / 1.5), 0: fitPictures, 1: () => zoomTo(fullSize()),
};
// others: functions by key, in addition to the keys that zoom.
export const bindKeys = (others) => document.addEventListener("keydown", (event) => {
  if (!dialog.open) return; // Not the dialog's own event: Safari leaves the focus outside after a click on a button.
  const keys = { ...zoomKeys, ...others }, field = event.target.closest("input, select, textarea");
  const arrow = event.key.startsWith("Arrow");
  if (event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(keys, event.key)) return;
  if (field && (arrow || field !== slider)) return;
  event.preventDefault();
  keys[event.key]();
});
window.addEventListener("resize", () => { if (dialog.open) showPart(); });

// Side by side, a place in one picture is the same place in the other.
const placeIn = (event) => {
  const { left, top } = stage.getBoundingClientRect(), { width, height } = frame();
  return [(event.clientX - left) % width / width, (event.clientY - top) % height / height];
};
stage.addEventListener("dblclick", (event) => {
  if (zoom > 1) fitPictures(); else zoomTo(Math.max(2, fullSize()), placeIn(event));
});
stage.addEventListener("wheel", (event) => {
  const closer = event.deltaY < 0;
  // A wheel that cannot zoom any further, or has scrolled down to the details, scrolls.
  if (!event.ctrlKey && (closer ? dialog.scrollTop > 0 : zoom <= 1)) return;
  event.preventDefault();
  zoomTo(zoom * Math.exp(-event.deltaY / 400), placeIn(event));
}, { passive: false });

const fingers = new Map();
let movesLine = false, pinch = 0, lineAt = 50;
// Browsers move a slider in different ways, iPhones by its thumb alone: the keys move this one by itself, and all else moves it here.
const moveLine = (to) => { slider.value = to; showDivider(); };
const distance = () => {
  const [first, second] = [...fingers.values()];
  return second ? Math.hypot(first.clientX - second.clientX, first.clientY - second.clientY) : 0;
};
stage.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  fingers.set(event.pointerId, event);
  const byMouse = event.pointerType === "mouse", alone = fingers.size === 1;
  // Two fingers zoom. The line, which has followed the first one, goes back to where it was.
  if (alone) lineAt = slider.value; else moveLine(lineAt);
  const isNear = Math.abs(percentAcross(stage, event) - slider.value) * stage.clientWidth < 2400; // 24 px
  movesLine = alone && stage.dataset.view === "slider" && (zoom <= 1 || isNear);
  if (movesLine && byMouse) moveLine(percentAcross(stage, event)); // A finger may be about to scroll.
  pinch = distance();
  if (byMouse || zoom > 1 || !alone) { event.preventDefault(); stage.setPointerCapture(event.pointerId); }
});
stage.addEventListener("pointermove", (event) => {
  const before = fingers.get(event.pointerId);
  if (!before) return;
  fingers.set(event.pointerId, event);
  const { width, height } = frame();
  if (fingers.size > 1) {
    const now = distance();
    if (pinch) zoomTo(zoom * now / pinch, placeIn(event));
    pinch = now;
  } else if (movesLine) {
    moveLine(percentAcross(stage, event));
  } else if (zoom > 1) {
    moveBy((event.clientX - before.clientX) / width, (event.clientY - before.clientY) / height);
  }
});
for (const end of ["pointerup", "pointercancel"]) {
  stage.addEventListener(end, (event) => {
    // A finger that scrolls leaves the line where it was.
    if (movesLine && fingers.size === 1) moveLine(end === "pointerup" ? percentAcross(stage, event) : lineAt);
    fingers.delete(event.pointerId);
    pinch = 0;
    // After a mouse, the arrow keys change the photo again instead of moving the line.
    if (end === "pointerup" && event.pointerType === "mouse") stage.focus({ preventScroll: true });
  });
}
