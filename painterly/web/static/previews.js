// Previews of the first chosen photo: a small one in each style's tile, and a larger one of what is chosen. The server paints them
// immediately, except while it paints a job.
import { by, make } from "./shared/elements.js";
import { askForPicture, fetchFile } from "./api.js";
import { chosenPhotos, onPhotos } from "./photos.js";
import { chosenStyles, onStyles, tiles } from "./styles.js";
import { givenSettings, onSettings } from "./order.js";

const TILE_SIDE = 256, SHOWN_SIDE = 512, PHOTO_SIDE = 512; // px; both are painted at scales that the server has in common
const PAUSE_MS = 120, RETRY_MS = 3000, MOST_KEPT = 80;

// A small copy of a photo and its mask, as files, or null if the browser cannot decode it.
const copies = new WeakMap();
const copyOf = (photo) => {
  const { of, copy } = copies.get(photo) || {};
  if (copy && of === photo.mask) return copy;
  copies.set(photo, { of: photo.mask, copy: withMask(photo) });
  return copies.get(photo).copy;
};
const withMask = async (photo) => {
  const [copy, mask] = await Promise.all([small(photo), photo.mask || (photo.maskAddress && fetchFile(photo.maskAddress).catch(() => null))]);
  return copy && { copy, mask };
};
const small = async ({ file, thumb }) => {
  try {
    const whole = await createImageBitmap(file || await (await fetch(thumb)).blob());
    const scale = Math.min(1, PHOTO_SIDE / Math.max(whole.width, whole.height));
    const canvas = make("canvas");
    canvas.width = Math.max(1, Math.round(scale * whole.width));
    canvas.height = Math.max(1, Math.round(scale * whole.height));
    const context = canvas.getContext("2d");
    context.fillStyle = "white"; // Behind transparent parts.
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.imageSmoothingQuality = "high";
    context.drawImage(whole, 0, 0, canvas.width, canvas.height);
    whole.close();
    return await new Promise((resolve) => { canvas.toBlob(resolve, "image/jpeg", 0.92); });
  } catch { return null; }
};

class Busy extends Error {}
// The addresses of the photo's previews by their requests, the latest last.
const kept = new Map();
let keptOf = null;
const forget = (request) => {
  URL.revokeObjectURL(kept.get(request));
  kept.delete(request);
};
const keepOnlyOf = (photo) => {
  if (photo !== keptOf) for (const request of [...kept.keys()]) forget(request);
  keptOf = photo;
};
const preview = async ({ copy, mask }, style, size, signal) => {
  const request = JSON.stringify({ ...style, settings: { ...givenSettings(), timelapse: false, size } });
  if (kept.has(request)) return kept.get(request);
  const body = new FormData();
  body.append("photo", copy, "photo.jpg");
  if (mask) body.append("mask", mask, "mask.png");
  body.append("request", request);
  const found = await askForPicture("/api/preview", body, signal);
  if (!found) throw new Busy();
  kept.set(request, URL.createObjectURL(found));
  if (kept.size > MOST_KEPT) forget(kept.keys().next().value);
  return kept.get(request);
};

const showOn = (face, address) => {
  let image = face.querySelector(".preview");
  if (!address) { if (image) image.remove(); return; }
  if (!image) {
    image = make("img", "", "preview");
    image.alt = "";
    face.prepend(image);
  }
  if (image.src !== address) image.src = address;
};
const showLarge = (address) => {
  by("preview").hidden = !address;
  if (address) by("preview-picture").src = address;
};
const clear = () => {
  for (const { face } of tiles()) showOn(face, null);
  showLarge(null);
};

let running = new AbortController(), next = 0;
const later = (pause) => {
  clearTimeout(next);
  next = setTimeout(update, pause);
};
const update = async () => {
  running.abort();
  running = new AbortController();
  const { signal } = running, [first] = chosenPhotos();
  const photo = first ? await copyOf(first) : null;
  if (signal.aborted) return;
  keepOnlyOf(photo);
  if (!photo) { clear(); return; }
  // Shows a preview; none of a style that cannot be painted, which an order explains.
  const attempt = async (style, size, show) => {
    try { show(await preview(photo, style, size, signal)); } catch (reason) {
      if (signal.aborted || reason instanceof Busy) throw reason;
      show(null);
    }
  };
  const [chosen] = chosenStyles();
  try {
    if (!chosen) showLarge(null);
    else for (const size of [TILE_SIDE, SHOWN_SIDE]) await attempt(chosen, size, showLarge);
    for (const { face, style } of tiles()) await attempt(style, TILE_SIDE, (address) => showOn(face, address));
  } catch {
    if (signal.aborted) return;
    showLarge(null); // It may show another style, or other settings.
    later(RETRY_MS);
  }
};

export const bindPreviews = () => {
  for (const on of [onPhotos, onStyles, onSettings]) on(() => later(PAUSE_MS));
};
