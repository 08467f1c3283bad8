// A mask drawn on a photo by mouse, pen or finger, or by keyboard as rectangles.
import { by } from "./shared/elements.js";
import { percent, text } from "./shared/texts.js";

const LONGEST = 1024, SHORTEST = 16; // px of a mask's sides; the server takes none that is narrower
const INK = "#d81b60", STEP = 0.02; // a key's step, as a share of a side
const dialog = by("mask"), stage = by("mask-stage"), photo = by("mask-photo"), canvas = by("mask-drawn"), box = by("mask-box");
const context = canvas.getContext("2d", { willReadFrequently: true });

// The open photo's drawing: what it began with, its strokes, and whether it is kept instead of painted. A stroke is a line of
// points, a rectangle, or empty, which clears. Places are shares of the sides.
let drawing = null, line = null, changed = false, close = () => {};
let rectangle = { x: 0.25, y: 0.25, width: 0.5, height: 0.5 };

const clear = (on) => on.clearRect(0, 0, on.canvas.width, on.canvas.height);
const drawStroke = ({ points, width, place, erase }) => {
  const across = canvas.width, down = canvas.height;
  context.globalCompositeOperation = erase ? "destination-out" : "source-over";
  context.fillStyle = context.strokeStyle = INK;
  if (place) context.fillRect(place.x * across, place.y * down, place.width * across, place.height * down);
  else if (points) {
    Object.assign(context, { lineCap: "round", lineJoin: "round", lineWidth: width * Math.max(across, down) });
    context.beginPath();
    context.moveTo(points[0][0] * across, points[0][1] * down);
    for (const [x, y] of points) context.lineTo(x * across, y * down);
    context.stroke();
  } else clear(context);
  context.globalCompositeOperation = "source-over";
};
const drawAll = () => {
  clear(context);
  if (drawing.base) context.drawImage(drawing.base, 0, 0, canvas.width, canvas.height);
  drawing.strokes.forEach(drawStroke);
};
// The share of the photo that is covered.
const covered = () => {
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let at = 3; at < data.length; at += 4) if (data[at] > 127) count += 1;
  return 4 * count / data.length;
};
const show = () => {
  by("mask-undo").disabled = !drawing.strokes.length;
  by("mask-said").textContent = text("page.mask.marked", { share: percent(covered()) });
};
const add = (stroke) => {
  changed = true;
  drawing.strokes.push(stroke);
  drawAll();
  show();
};
const undo = () => {
  if (!drawing.strokes.pop()) return;
  changed = true;
  drawAll();
  show();
  if (document.activeElement.disabled || document.activeElement === document.body) stage.focus(); // The button of the last step.
};

const copyOf = (source, width, height) => {
  const copy = document.createElement("canvas");
  Object.assign(copy, { width, height });
  const on = copy.getContext("2d");
  on.drawImage(source, 0, 0, width, height);
  return on;
};
// A canvas with ink where a mask is white.
const inkOf = async (address, width, height) => {
  const mask = new Image();
  mask.src = address;
  try { await mask.decode(); } catch { return null; } // The order reports it if the server does not answer.
  const on = copyOf(mask, width, height), pixels = on.getImageData(0, 0, width, height), ink = [216, 27, 96];
  for (let at = 0; at < pixels.data.length; at += 4) pixels.data.set([...ink, pixels.data[at]], at);
  on.putImageData(pixels, 0, 0);
  return on.canvas;
};
// The mask as a PNG: white is painted.
const fileOf = ({ keep }) => {
  const on = copyOf(canvas, canvas.width, canvas.height);
  for (const [how, colour] of [["source-in", keep ? "black" : "white"], ["destination-over", keep ? "white" : "black"]]) {
    on.globalCompositeOperation = how;
    on.fillStyle = colour;
    on.fillRect(0, 0, canvas.width, canvas.height);
  }
  return new Promise((resolve) => { on.canvas.toBlob(resolve, "image/png"); });
};

// Lets the user draw a photo's mask, from its earlier drawing, or from the mask of its job, if there is one. Resolves to
// null if nothing has changed, or else to the drawing, whether it covers anything, and its file: null if the photo needs none. Raises
// an error if the browser cannot show the photo.
export const drawMask = async ({ name, thumb, drawing: before, maskAddress }) => {
  photo.src = thumb;
  await photo.decode();
  // Upright, as the server decodes it, whatever its EXIF says.
  const sides = [photo.naturalWidth, photo.naturalHeight], scale = LONGEST / Math.max(...sides);
  [canvas.width, canvas.height] = sides.map((side) => Math.max(SHORTEST, Math.round(scale * side)));
  stage.style.setProperty("--ratio", sides[0] / sides[1]);
  drawing = before || { base: maskAddress ? await inkOf(maskAddress, canvas.width, canvas.height) : null, strokes: [], keep: false };
  changed = false;
  by("mask-title").textContent = name;
  dialog.querySelector(`[name=mask-side][value=${drawing.keep ? "keep" : "paint"}]`).checked = true;
  drawAll();
  show();
  box.hidden = true;
  dialog.showModal();
  await new Promise((resolve) => { close = resolve; });
  if (!changed) return null;
  const empty = !covered();
  // White all over: the server then forgets the mask that the photo had.
  return { drawing, covers: !empty, file: empty && !drawing.base ? null : fileOf({ keep: empty || drawing.keep }) };
};

const placeOf = (event) => {
  const { left, top, width, height } = canvas.getBoundingClientRect();
  return [(event.clientX - left) / width, (event.clientY - top) / height];
};
const bindPointer = () => {
  stage.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || event.button) return;
    event.preventDefault(); // No text is selected.
    stage.setPointerCapture(event.pointerId);
    box.hidden = true;
    line = { points: [placeOf(event)], width: Number(by("mask-brush").value) / 100, erase: by("mask-erase").checked };
    add(line);
  });
  stage.addEventListener("pointermove", (event) => {
    if (!line || !event.isPrimary) return;
    const from = line.points.at(-1), moves = event.getCoalescedEvents();
    line.points.push(...(moves.length ? moves : [event]).map(placeOf));
    drawStroke({ ...line, points: [from, ...line.points.slice(line.points.indexOf(from) + 1)] });
  });
  for (const end of ["pointerup", "pointercancel"]) {
    stage.addEventListener(end, (event) => {
      if (!line || !event.isPrimary) return;
      line = null;
      show();
    });
  }
};
const showBox = () => {
  const { x, y, width, height } = rectangle;
  Object.assign(box.style, Object.fromEntries(Object.entries({ left: x, top: y, width, height }).map(([side, share]) => [side, `${100 * share}%`])));
  box.hidden = false;
};
const ARROWS = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
const within = (value, least, most) => Math.min(most, Math.max(least, value));
const bindKeys = () => {
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
    } else if (event.key === "Enter") add({ place: rectangle, erase: by("mask-erase").checked });
    else return;
    event.preventDefault();
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "z" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    undo();
  });
};
export const bindMask = () => {
  bindPointer();
  bindKeys();
  by("mask-undo").addEventListener("click", undo);
  by("mask-clear").addEventListener("click", () => add({}));
  const end = () => {
    line = null;
    close();
    close = () => {};
  };
  // The event may come after a click on Paint.
  by("mask-done").addEventListener("click", () => { dialog.close(); end(); });
  dialog.addEventListener("close", end);
  for (const side of dialog.querySelectorAll("[name=mask-side]")) {
    side.addEventListener("change", () => { drawing.keep = side.value === "keep"; changed = true; });
  }
};
