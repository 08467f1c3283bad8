// A mask drawn on a photo by mouse, pen or finger, or by keyboard as rectangles.
import { byId, loaded } from "./shared/elements.js";
import { percent, text } from "./shared/texts.js";

const LONGEST = 1024, SHORTEST = 16; // px of a mask's sides; the server takes none that is narrower
const STEP = 0.02; // a key's step, as a share of a side
const WHOLE = { x: 0, y: 0, width: 1, height: 1 };
const dialog = byId("mask"), stage = byId("mask-stage"), photo = byId("mask-photo"), canvas = byId("mask-drawn"), box = byId("mask-box");
const context = canvas.getContext("2d", { willReadFrequently: true });

// The open photo's drawing: what it began with, its strokes, and whether it is kept instead of painted. A stroke is a line of
// points or a rectangle. Places are shares of the sides. The canvas is white where strokes are, and black elsewhere; page.css shows
// its white as ink.
let drawing = null, line = null, changed = false, close = () => {};
let rectangle = { x: 0.25, y: 0.25, width: 0.5, height: 0.5 };

const drawStroke = ({ points, width, place, erase }) => {
  const across = canvas.width, down = canvas.height;
  context.fillStyle = context.strokeStyle = erase ? "black" : "white";
  if (place) context.fillRect(place.x * across, place.y * down, place.width * across, place.height * down);
  else {
    Object.assign(context, { lineCap: "round", lineJoin: "round", lineWidth: width * Math.max(across, down) });
    context.beginPath();
    context.moveTo(points[0][0] * across, points[0][1] * down);
    for (const [x, y] of points) context.lineTo(x * across, y * down);
    context.stroke();
  }
};
// The share of the photo that is covered.
const covered = () => {
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let at = 0; at < data.length; at += 4) if (data[at] > 127) count += 1;
  return 4 * count / data.length;
};
const show = () => {
  byId("mask-undo").disabled = !drawing.strokes.length;
  byId("mask-status").textContent = text("page.mask.marked", { share: percent(covered()) });
};
const redraw = () => {
  changed = true;
  drawStroke({ place: WHOLE, erase: true });
  if (drawing.base) context.drawImage(drawing.base, 0, 0, canvas.width, canvas.height);
  drawing.strokes.forEach(drawStroke);
  show();
};
const add = (stroke) => {
  drawing.strokes.push(stroke);
  redraw();
};
const undo = () => {
  if (!drawing.strokes.pop()) return;
  redraw();
  if (document.activeElement.disabled || document.activeElement === document.body) stage.focus(); // The button of the last step.
};

// The mask as a PNG: white is painted.
const fileOf = (inverted) => {
  context.globalCompositeOperation = "difference";
  if (inverted) drawStroke({ place: WHOLE });
  context.globalCompositeOperation = "source-over";
  return new Promise((resolve) => { canvas.toBlob(resolve, "image/png"); });
};

// Lets the user draw a photo's mask, from its earlier drawing, or from the mask of its job, if there is one. Keeps its
// drawing and its file, null if it needs none, with the photo. Resolves to whether anything is drawn, or null if nothing has changed.
// Raises an error if the browser cannot show the photo. byPointer: whether a mouse or finger opens it; an arrow key then shows the
// rectangle.
export const drawMask = async (chosen, byPointer) => {
  const { name, thumb, maskAddress } = chosen;
  photo.src = thumb;
  await photo.decode();
  // Upright, as the server decodes it, whatever its EXIF says.
  const sides = [photo.naturalWidth, photo.naturalHeight], scale = LONGEST / Math.max(...sides);
  [canvas.width, canvas.height] = sides.map((side) => Math.max(SHORTEST, Math.round(scale * side)));
  stage.style.setProperty("--ratio", sides[0] / sides[1]);
  // If the server does not answer, the order reports it.
  drawing = chosen.drawing || { base: maskAddress ? await loaded(maskAddress) : null, strokes: [], keep: false };
  byId("mask-title").textContent = name;
  dialog.querySelector(`[name=mask-side][value=${drawing.keep ? "keep" : "paint"}]`).checked = true;
  redraw();
  changed = false;
  dialog.showModal();
  box.hidden = byPointer || !stage.matches(":focus-visible"); // In Safari, the focus is visible in any case.
  await new Promise((resolve) => { close = resolve; });
  if (!changed) return null;
  const empty = !covered();
  // White all over: the server then forgets the mask that the photo had.
  Object.assign(chosen, { drawing, mask: empty && !drawing.base ? null : fileOf(empty || drawing.keep) });
  return !empty;
};

const placeOf = (event) => {
  const { left, top, width, height } = canvas.getBoundingClientRect();
  return [(event.clientX - left) / width, (event.clientY - top) / height];
};
stage.addEventListener("pointerdown", (event) => {
  if (!event.isPrimary || event.button) return;
  event.preventDefault(); // No text is selected.
  stage.setPointerCapture(event.pointerId);
  box.hidden = true;
  line = { points: [placeOf(event)], width: Number(byId("mask-brush").value) / 100, erase: byId("mask-erase").checked };
  add(line);
});
stage.addEventListener("pointermove", (event) => {
  if (!line || !event.isPrimary) return;
  const events = event.getCoalescedEvents(), moves = (events.length ? events : [event]).map(placeOf);
  drawStroke({ ...line, points: [line.points.at(-1), ...moves] });
  line.points.push(...moves);
});
for (const end of ["pointerup", "pointercancel"]) {
  stage.addEventListener(end, (event) => {
    if (!line || !event.isPrimary) return;
    line = null;
    show();
  });
}
const showBox = () => {
  const { x, y, width, height } = rectangle;
  for (const [side, share] of Object.entries({ left: x, top: y, width, height })) box.style[side] = `${100 * share}%`;
  box.hidden = false;
};
const ARROWS = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
const within = (value, least, most) => Math.min(most, Math.max(least, value));
stage.addEventListener("focus", () => { if (stage.matches(":focus-visible")) showBox(); });
stage.addEventListener("blur", () => { box.hidden = true; });
stage.addEventListener("keydown", (event) => {
  const arrow = ARROWS[event.key];
  if (arrow) {
    const { x, y, width, height } = rectangle, [right, down] = arrow;
    rectangle = event.shiftKey
      ? { x, y, width: within(width + right, STEP, 1 - x), height: within(height + down, STEP, 1 - y) }
      : { x: within(x + right, 0, 1 - width), y: within(y + down, 0, 1 - height), width, height };
    showBox();
  } else if (event.key === "Enter") add({ place: rectangle, erase: byId("mask-erase").checked });
  else return;
  event.preventDefault();
});
dialog.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() !== "z" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  undo();
});
byId("mask-undo").addEventListener("click", undo);
byId("mask-clear").addEventListener("click", () => add({ place: WHOLE, erase: true }));
const end = () => {
  line = null;
  close();
};
// The event may come after a click on Paint.
byId("mask-done").addEventListener("click", () => { dialog.close(); end(); });
dialog.addEventListener("close", end);
byId("mask-side").addEventListener("change", ({ target }) => { drawing.keep = target.value === "keep"; changed = true; });
