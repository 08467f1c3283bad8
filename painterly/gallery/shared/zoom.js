// How large the pictures are and which part of them is seen; buttons and keys that change it. Both pictures move together.
import { byId } from "./elements.js";
import { percent, text } from "./texts.js";
import { dialog, showPicture, sides, slider, stage } from "./compare.js";

export let zoom = 1;
let x = 0, y = 0; // the picture's corner in sizes of its frame
export const frame = () => byId("after").parentElement.getBoundingClientRect();
export const fullSize = () => {
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
export const zoomTo = (wanted, at = [0.5, 0.5]) => {
  const next = Math.min(largestZoom(), Math.max(1, wanted)), grown = next / zoom;
  [x, y] = [at[0] - (at[0] - x) * grown, at[1] - (at[1] - y) * grown];
  zoom = next;
  showPart();
  if (zoom > 1) sharpen();
};
export const fitPictures = () => { zoom = 1; showPart(); };
// right, down: sizes of the frame.
export const moveBy = (right, down) => {
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
