// How large the pictures are in the window and which part of them is seen, and what mouse, wheel, fingers and keys do to that.
import { byId, percentAcross } from "./elements.js";
import { percent, text } from "./texts.js";
import { dialog, moveLine, showLarger, sides, slider, stage } from "./compare.js";

const NEAR = 28, TAP = 8, SWIPE = 60, LARGER = 1.5; // px; a factor
let zoom = 1, x = 0, y = 0; // px from the window's middle to the picture's

const ratio = () => {
  const [, { size }] = sides, { naturalWidth, naturalHeight } = byId("after");
  return size ? size[1] / size[0] : naturalWidth / naturalHeight || 1.5;
};
const fitted = () => {
  const { clientWidth, clientHeight } = stage, width = Math.min(clientWidth, clientHeight * ratio());
  return { width, height: width / ratio(), roomX: clientWidth, roomY: clientHeight };
};
const fullSize = () => {
  const [, { size }] = sides;
  return (size ? size[1] : byId("after").naturalWidth) / (fitted().width * devicePixelRatio);
};
const largestZoom = () => Math.max(4, 4 * fullSize());
const showPart = () => {
  const { width, height, roomX, roomY } = fitted();
  // The picture's edge does not leave that of the window.
  const within = (value, length, room) => {
    const most = Math.max(0, (length * zoom - room) / 2);
    return Math.min(most, Math.max(-most, value));
  };
  [x, y] = [within(x, width, roomX), within(y, height, roomY)];
  for (const [name, value] of Object.entries({ zoom, x, y, w: width, ratio: ratio() })) stage.style.setProperty(`--${name}`, value);
  stage.classList.toggle("zoomed", zoom > 1);
  byId("actual").setAttribute("aria-pressed", String(zoom > 1));
  const share = zoom / fullSize();
  byId("zoomed").textContent = zoom > 1 && Number.isFinite(share) ? text("gallery.of_full_size", { share: percent(share) }) : "";
};
// A preview that is not sharp enough is replaced by the result itself.
const sharpen = () => {
  const needed = zoom * fitted().width * devicePixelRatio;
  for (const [image, side] of [[byId("before"), sides[0]], [byId("after"), sides[1]]]) {
    if (!side || !side.href || needed <= image.naturalWidth || image.dataset.size !== "larger") continue;
    image.dataset.size = "full";
    showLarger(image, [side.href, side.preview]);
  }
};
// at: the place that stays where it is, in px from the window's middle.
const zoomTo = (wanted, [atX, atY] = [0, 0]) => {
  const next = Math.min(largestZoom(), Math.max(1, wanted)), grown = next / zoom;
  [x, y] = [atX - (atX - x) * grown, atY - (atY - y) * grown];
  zoom = next;
  showPart();
  sharpen();
};
export const fitPictures = () => { zoom = 1; showPart(); };
const toggleSize = (at) => { if (zoom > 1) fitPictures(); else zoomTo(Math.max(2, fullSize()), at); };

byId("actual").addEventListener("click", () => toggleSize());
byId("after").addEventListener("load", () => { if (dialog.open) { showPart(); sharpen(); } });
window.addEventListener("resize", () => { if (dialog.open) { showPart(); sharpen(); } });

const zoomKeys = {
  "+": () => zoomTo(LARGER * zoom), "=": () => zoomTo(LARGER * zoom), "-": () => zoomTo(zoom / LARGER),
  0: fitPictures, z: () => toggleSize(),
};
// others: functions by key, in addition to those that zoom. On the line, the arrows move it.
export const bindKeys = (others) => document.addEventListener("keydown", (event) => {
  if (!dialog.open) return; // Not the dialog's own event: Safari leaves the focus outside after a click on a button.
  const keys = { ...zoomKeys, ...others }, { key, target } = event, name = key.length > 1 ? key : key.toLowerCase();
  const isField = target !== slider && target.closest("input, select, textarea"), onLine = target === slider && name.startsWith("Arrow");
  if (event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(keys, name) || isField) return;
  event.preventDefault();
  if (onLine) moveLine(slider.valueAsNumber + (["ArrowRight", "ArrowUp"].includes(name) ? 5 : -5));
  else keys[name]();
});

const placeIn = ({ clientX, clientY }) => [clientX - stage.clientWidth / 2, clientY - stage.clientHeight / 2];
stage.addEventListener("dblclick", (event) => { if (!event.target.closest("select")) toggleSize(placeIn(event)); });
stage.addEventListener("wheel", (event) => {
  event.preventDefault();
  zoomTo(zoom * Math.exp(-event.deltaY / 400), placeIn(event));
}, { passive: false });

// Two fingers zoom. One, or the mouse, moves the line or a zoomed picture, or swipes.
const fingers = new Map();
let doing = "", begun = null, pinch = 0, swiped = () => {};
// function: is called with "left", "right" or "down" after a swipe, and with "tap".
export const bindSwipes = (called) => { swiped = called; };
const distance = () => {
  const [first, second] = [...fingers.values()];
  return second ? Math.hypot(first.clientX - second.clientX, first.clientY - second.clientY) : 0;
};
const sight = byId("sight");
stage.addEventListener("pointerdown", (event) => {
  if (event.button || event.target.closest("select")) return;
  fingers.set(event.pointerId, event);
  const { left, width } = sight.getBoundingClientRect(), away = Math.abs(event.clientX - left - width * slider.value / 100);
  const isNear = event.target === byId("handle") || (sides[0] && slider.value >= 1 && away < NEAR);
  doing = zoom > 1 ? "move" : "swipe";
  if (isNear) doing = "line";
  if (fingers.size > 1) doing = "pinch";
  begun = event;
  pinch = distance();
  event.preventDefault();
  stage.setPointerCapture(event.pointerId);
  // After a mouse, the arrow keys turn to the next picture.
  if (doing !== "line") stage.focus({ preventScroll: true });
});
stage.addEventListener("pointermove", (event) => {
  const before = fingers.get(event.pointerId);
  if (!before) return;
  fingers.set(event.pointerId, event);
  if (doing === "pinch") {
    const now = distance();
    if (pinch && now) zoomTo(zoom * now / pinch, placeIn(event));
    pinch = now;
  } else if (doing === "line") {
    moveLine(percentAcross(sight, event));
  } else if (doing === "move") {
    [x, y] = [x + event.clientX - before.clientX, y + event.clientY - before.clientY];
    showPart();
  }
});
for (const end of ["pointerup", "pointercancel"]) {
  stage.addEventListener(end, (event) => {
    if (!fingers.delete(event.pointerId) || fingers.size || doing === "pinch") return;
    const right = event.clientX - begun.clientX, down = event.clientY - begun.clientY;
    const far = Math.max(Math.abs(right), Math.abs(down));
    if (end === "pointercancel" || doing === "line" || event.pointerType === "mouse") return;
    if (far < TAP) swiped("tap");
    else if (doing === "swipe" && far > SWIPE && Math.abs(right) === far) swiped(right < 0 ? "left" : "right");
    else if (doing === "swipe" && far > SWIPE && down > 0) swiped("down");
  });
}
