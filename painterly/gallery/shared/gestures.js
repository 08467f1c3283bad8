// Zoom, pan and the slider's line by mouse, wheel and fingers.
import { dialog, showDivider, slider, stage } from "./compare.js";
import { fitPictures, frame, fullSize, moveBy, zoom, zoomTo } from "./zoom.js";

const placeIn = (event) => {
  const { left, top, width, height } = stage.getBoundingClientRect(), picture = frame();
  // Side by side, a place in one picture is the same place in the other.
  return [((event.clientX - left) % picture.width) / picture.width || (event.clientX - left) / width,
    ((event.clientY - top) % picture.height) / picture.height || (event.clientY - top) / height];
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
const percentAcross = ({ clientX }) => {
  const { left, width } = stage.getBoundingClientRect();
  return 100 * (clientX - left) / width;
};
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
  const isNear = Math.abs(percentAcross(event) - slider.value) * stage.clientWidth < 2400; // 24 px
  movesLine = alone && stage.dataset.view === "slider" && (zoom <= 1 || isNear);
  if (movesLine && byMouse) moveLine(percentAcross(event)); // A finger may be about to scroll.
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
    moveLine(percentAcross(event));
  } else if (zoom > 1) {
    moveBy((event.clientX - before.clientX) / width, (event.clientY - before.clientY) / height);
  }
});
for (const end of ["pointerup", "pointercancel"]) {
  stage.addEventListener(end, (event) => {
    // A finger that scrolls leaves the line where it was.
    if (movesLine && fingers.size === 1) moveLine(end === "pointerup" ? percentAcross(event) : lineAt);
    fingers.delete(event.pointerId);
    pinch = 0;
    // After a mouse, the arrow keys change the photo again instead of moving the line.
    if (end === "pointerup" && event.pointerType === "mouse") stage.focus({ preventScroll: true });
  });
}
