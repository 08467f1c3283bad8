// A mask: a brush uncovers the painting on the photo, by mouse, pen or finger, or by keys. Two fingers zoom.
import { byId, loaded, make, on, say } from "./shared/elements.js";
import { followPointers, inRoom } from "./shared/pointers.js";
import { percent, text } from "./shared/texts.js";
import { styled } from "./api.js";
import { paintedWhole } from "./previews.js";

await styled("mask.css");

const RETRY_MS = 2000, LONGEST = 1024, SHORTEST = 16; // px of a mask's sides; the server takes none that is narrower
const STEP = 0.02, FINE_STEP = 0.005, THICKER = 2; // a key's step, as a share of the width; and of the brush, in percent of it
const SHIFT = 0.01; // px: a line from a point to itself would not be drawn
const LARGEST = 6; // times as large as the window has room for
const dialog = byId("mask"), stage = byId("mask-stage"), photo = byId("mask-photo"), nib = byId("mask-nib"), brush = byId("mask-brush");
const shown = byId("mask-drawn").getContext("2d"), { canvas } = shown, eraser = byId("mask-erase");
// Strokes are opaque here, all else is transparent.
const mask = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });

// The open photo's drawing: what it began with, its strokes, those that were undone, and whether it is kept instead of painted. A stroke
// has points, as shares of the sides, a width as a share of the whole, and may erase; without points it is all of the photo. at: the
// place of the brush. line: the stroke that is being drawn. painting: the picture that the brush uncovers. zoom, x and y: how large the
// photo is, and px from the middle of its room.
let drawing = null, line = null, at = [0.5, 0.5], painting = null, zoom = 1, x = 0, y = 0, close = () => {};

const drawStroke = ({ points, width, erase }) => {
  const { width: across, height: down } = mask.canvas;
  mask.globalCompositeOperation = erase ? "destination-out" : "source-over";
  if (!points) { mask.fillRect(0, 0, across, down); return; }
  Object.assign(mask, { lineCap: "round", lineJoin: "round", lineWidth: width * across });
  mask.beginPath();
  mask.moveTo(points[0][0] * across, points[0][1] * down);
  for (const [right, below] of points) mask.lineTo(right * across + SHIFT, below * down);
  mask.stroke();
};
const pixelsOf = () => mask.getImageData(0, 0, mask.canvas.width, mask.canvas.height);
// A stored mask is white where the photo is painted.
const drawBase = (base) => {
  mask.drawImage(base, 0, 0, mask.canvas.width, mask.canvas.height);
  const pixels = pixelsOf(), { data } = pixels;
  for (let each = 0; each < data.length; each += 4) data[each + 3] = data[each];
  mask.putImageData(pixels, 0, 0);
};
const covered = () => {
  const { data } = pixelsOf();
  let count = 0;
  for (let each = 3; each < data.length; each += 4) if (data[each] > 127) count += 1;
  return 4 * count / data.length;
};
// Without a painting, dark ink stands for it.
const showDrawing = () => {
  const { width, height } = canvas;
  shown.clearRect(0, 0, width, height);
  shown.globalCompositeOperation = "source-over";
  if (painting) shown.drawImage(painting, 0, 0, width, height); else shown.fillRect(0, 0, width, height);
  shown.globalCompositeOperation = drawing.keep ? "destination-out" : "destination-in";
  shown.drawImage(mask.canvas, 0, 0);
};
const erases = () => eraser.getAttribute("aria-pressed") === "true";
const showNib = () => {
  Object.assign(nib.style, { left: `${100 * at[0]}%`, top: `${100 * at[1]}%` });
  nib.style.setProperty("--size", `${brush.value}%`);
  brush.style.setProperty("--value", `${100 * (brush.value - brush.min) / (brush.max - brush.min)}%`);
  nib.classList.toggle("erases", erases());
  nib.classList.toggle("down", line !== null);
};
const show = () => {
  const share = percent(covered()), side = drawing.keep ? "keep" : "paint", isEmpty = !drawing.strokes.length && !drawing.base;
  byId("mask-undo").disabled = !drawing.strokes.length;
  byId("mask-redo").disabled = !drawing.undone.length;
  say("mask-status", text(`page.mask.${isEmpty ? "draw" : "part_is"}.${side}`, { share }));
  showNib();
  showDrawing();
};
const redraw = () => {
  mask.clearRect(0, 0, mask.canvas.width, mask.canvas.height);
  mask.globalCompositeOperation = "source-over";
  if (drawing.base) drawBase(drawing.base);
  drawing.strokes.forEach(drawStroke);
  show();
};
const move = (from, to) => {
  if (!from.length || line) return;
  to.push(from.pop());
  redraw();
  if (document.activeElement.disabled || document.activeElement === document.body) stage.focus(); // The button of the last step.
};
const undo = () => move(drawing.strokes, drawing.undone), redo = () => move(drawing.undone, drawing.strokes);

const addressOf = (inverted) => {
  const { width, height } = canvas, context = Object.assign(make("canvas"), { width, height }).getContext("2d");
  const fillWith = (colour) => { context.fillStyle = colour; context.fillRect(0, 0, width, height); };
  fillWith("white");
  context.globalCompositeOperation = inverted ? "destination-out" : "destination-in";
  context.drawImage(mask.canvas, 0, 0);
  context.globalCompositeOperation = "destination-over";
  fillWith("black");
  return context.canvas.toDataURL();
};

// Shows the painting once there is one, as long as the drawing is open.
const uncover = async (own) => {
  const picture = await paintedWhole().catch(() => null);
  if (own !== drawing) return;
  if (!picture) { setTimeout(() => { if (own === drawing) uncover(own); }, RETRY_MS); return; }
  painting = picture;
  showDrawing();
};
const zoomTo = (wanted) => {
  const { clientWidth, clientHeight } = stage.parentElement;
  zoom = Math.min(LARGEST, Math.max(1, wanted));
  [x, y] = [inRoom(x, stage.clientWidth * zoom, clientWidth), inRoom(y, stage.clientHeight * zoom, clientHeight)];
  stage.parentElement.classList.toggle("zoomed", zoom > 1);
  stage.style.transform = `translate(${x}px, ${y}px) scale(${zoom})`;
};

// Lets the user draw a photo's mask, from its earlier drawing, or from the mask that it has, if any. Resolves to the drawing, the address
// of the mask, null if it needs none, and whether anything is drawn; or to null if nothing has changed. Raises an error if the browser
// cannot show the photo.
export const drawMask = async (chosen) => {
  photo.src = chosen.thumb;
  await photo.decode();
  // Upright, as the server decodes it, whatever its EXIF says.
  const sides = [photo.naturalWidth, photo.naturalHeight], scale = LONGEST / Math.max(...sides);
  [canvas.width, canvas.height] = sides.map((side) => Math.max(SHORTEST, Math.round(scale * side)));
  Object.assign(mask.canvas, { width: canvas.width, height: canvas.height });
  shown.fillStyle = "rgb(31 26 21 / .45)";
  stage.style.setProperty("--ratio", sides[0] / sides[1]);
  // If the server does not answer, the order reports it.
  const before = chosen.drawing || { base: chosen.mask && await loaded(chosen.mask), strokes: [], undone: [], keep: false };
  const own = drawing = { ...before, strokes: [...before.strokes], undone: [] };
  [line, painting, at] = [null, null, [0.5, 0.5]];
  dialog.querySelector(`[name=mask-side][value=${drawing.keep ? "keep" : "paint"}]`).checked = true;
  eraser.ariaPressed = false;
  redraw();
  dialog.showModal();
  zoomTo(1);
  uncover(own);
  const isDone = await new Promise((resolve) => { close = resolve; });
  if (line) endStroke();
  drawing = null;
  dialog.close();
  const { strokes, keep } = before, isSame = own.strokes.length === strokes.length && own.strokes.every((each, at) => each === strokes[at]);
  if (!isDone || (isSame && own.keep === keep)) return null;
  const isEmpty = !covered();
  // White all over: the server then forgets the mask that the photo had.
  return { drawing: own, mask: isEmpty && !own.base ? null : addressOf(isEmpty || own.keep), masked: !isEmpty };
};

const add = (stroke) => { drawing.strokes.push(stroke); drawStroke(stroke); };
const beginStroke = () => {
  line = { points: [at], width: Number(brush.value) / 100, erase: erases() };
  add(line);
  showNib();
  showDrawing();
};
const drawTo = (places) => {
  if (line) {
    drawStroke({ ...line, points: [line.points.at(-1), ...places] });
    line.points.push(...places);
    showDrawing();
  }
  at = places.at(-1);
  showNib();
};
const endStroke = () => { line = null; drawing.undone = []; show(); };
const placeOf = ({ clientX, clientY }) => {
  const { left, top, width, height } = canvas.getBoundingClientRect();
  return [(clientX - left) / width, (clientY - top) / height];
};
followPointers(stage, {
  began: (event) => { at = placeOf(event); beginStroke(); },
  moved: (event) => { const events = event.getCoalescedEvents(); drawTo((events.length ? events : [event]).map(placeOf)); },
  ended: (event, isInterrupted) => {
    if (!line) return;
    if (isInterrupted) drawing.strokes.pop(); // By a second finger.
    line = null;
    if (isInterrupted) redraw(); else endStroke();
  },
  pinched: (factor, { clientX, clientY }, [right, down]) => {
    const { left, top, width, height } = stage.getBoundingClientRect(), grown = Math.min(LARGEST, Math.max(1, zoom * factor)) / zoom;
    x += right + (1 - grown) * (clientX - left - width / 2);
    y += down + (1 - grown) * (clientY - top - height / 2);
    zoomTo(zoom * grown);
  },
});

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const within = (value) => Math.min(1, Math.max(0, value));
const toggleEraser = () => { eraser.ariaPressed = !erases(); showNib(); };
const setBrush = (more) => { brush.valueAsNumber += more; showNib(); };
const KEYS = {
  " ": () => {
    if (line) { endStroke(); return; }
    beginStroke();
    say("mask-status", text("page.mask.brush_down"));
  },
  "[": () => setBrush(-THICKER), "]": () => setBrush(THICKER), e: toggleEraser, E: toggleEraser, Enter: () => byId("mask-done").click(),
};
on(stage, "keydown", (event) => {
  const arrow = ARROWS[event.key], step = event.shiftKey ? FINE_STEP : STEP;
  if (event.ctrlKey || event.metaKey || event.altKey || !(arrow || KEYS[event.key])) return;
  event.preventDefault();
  if (arrow) drawTo([[within(at[0] + arrow[0] * step), within(at[1] + arrow[1] * step * canvas.width / canvas.height)]]);
  else KEYS[event.key]();
});
on(dialog, "keydown", (event) => {
  if (event.key.toLowerCase() !== "z" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  if (event.shiftKey) redo(); else undo();
});
const clicks = {
  "mask-undo": undo, "mask-redo": redo, "mask-erase": toggleEraser, "mask-clear": () => { add({ erase: true }); endStroke(); },
  "mask-done": () => close(true), "mask-cancel": () => dialog.close(),
};
for (const [id, act] of Object.entries(clicks)) on(id, "click", act);
on(brush, "input", showNib);
on("mask-side", "change", ({ target }) => { drawing.keep = target.value === "keep"; show(); });
on(dialog, "close", () => close(false));
