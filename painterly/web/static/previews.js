// Previews of the first chosen photo: a small one in each style's tile, and a larger one of what is chosen. The server paints them
// immediately, except while it paints a job.
import { by, loaded, make } from "./shared/elements.js";
import { askForPicture, fetchFile } from "./api.js";
import { chosenPhotos } from "./photos.js";
import { chosenStyles, tiles } from "./styles.js";
import { givenSettings } from "./order.js";

const TILE_SIDE = 256, SHOWN_SIDE = 512, PHOTO_SIDE = 512; // px; both are painted at scales that the server has in common
const PAUSE_MS = 120, RETRY_MS = 3000, MOST_KEPT = 80;

const small = async ({ thumb }) => {
  const whole = await loaded(thumb);
  if (!whole) return null;
  const canvas = make("canvas"), context = canvas.getContext("2d"), { naturalWidth: width, naturalHeight: height } = whole;
  const scale = Math.min(1, PHOTO_SIDE / Math.max(width, height));
  [canvas.width, canvas.height] = [width, height].map((side) => Math.max(1, Math.round(scale * side)));
  context.fillStyle = "white"; // Behind transparent parts.
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(whole, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => { canvas.toBlob(resolve, "image/jpeg", 0.92); });
};

// The photo whose previews are shown, with its mask. copy: a small copy of both, as files, in a promise; it resolves to null if the
// browser cannot decode the photo. kept: the addresses of previews by their requests.
let latest = {};
const kept = new Map();
const forgetAll = () => {
  for (const address of kept.values()) URL.revokeObjectURL(address);
  kept.clear();
};
const withMask = async (photo) => {
  const [copy, mask] = await Promise.all([small(photo), photo.mask || (photo.maskAddress && fetchFile(photo.maskAddress).catch(() => null))]);
  return copy && { copy, mask };
};
const copyOf = (photo) => {
  if (photo !== latest.photo || photo.mask !== latest.mask) {
    forgetAll();
    latest = { photo, mask: photo.mask, copy: withMask(photo) };
  }
  return latest.copy;
};

class Busy extends Error {}
const preview = async ({ copy, mask }, style, size, signal) => {
  const request = JSON.stringify({ ...style, settings: { ...givenSettings(), timelapse: false, size } });
  if (kept.has(request)) return kept.get(request);
  const body = new FormData();
  body.append("photo", copy, "photo.jpg");
  if (mask) body.append("mask", mask, "mask.png");
  body.append("request", request);
  const found = await askForPicture("/api/preview", body, signal);
  if (!found) throw new Busy();
  if (signal.aborted) throw signal.reason; // The photo may be another one.
  if (kept.size >= MOST_KEPT) forgetAll();
  kept.set(request, URL.createObjectURL(found));
  return kept.get(request);
};

const show = (image, address) => {
  image.hidden = !address;
  if (address) image.src = address;
};
const showLarge = (address) => {
  by("preview").hidden = !address;
  show(by("preview-picture"), address);
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
  if (!photo) {
    for (const tile of tiles()) show(tile.preview, null);
    showLarge(null);
    return;
  }
  // Shows a preview; none of a style that cannot be painted, which an order explains.
  const attempt = async (style, size, showIt) => {
    try { showIt(await preview(photo, style, size, signal)); } catch (reason) {
      if (signal.aborted || reason instanceof Busy) throw reason;
      showIt(null);
    }
  };
  const [chosen] = chosenStyles();
  try {
    if (!chosen) showLarge(null);
    else for (const size of [TILE_SIDE, SHOWN_SIDE]) await attempt(chosen, size, showLarge);
    for (const tile of tiles()) await attempt(tile.order, TILE_SIDE, (address) => show(tile.preview, address));
  } catch {
    if (signal.aborted) return;
    showLarge(null); // It may show another style, or other settings.
    later(RETRY_MS);
  }
};

by("order").addEventListener("change", () => later(PAUSE_MS));
