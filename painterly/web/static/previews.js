// Previews of the first chosen photo: a small one in each style's tile, and a larger one of what is chosen. The server paints them
// immediately, except while it paints a job.
import { byId, loaded, make } from "./shared/elements.js";
import { askForPicture, fetchFile } from "./api.js";
import { chosenPhotos } from "./photos.js";
import { chosenStyles, styleTiles } from "./styles.js";
import { changedSettings } from "./order.js";

const TILE_SIDE = 256, SHOWN_SIDE = 512, PHOTO_SIDE = 512; // px; both are painted at scales that the server has in common
const PAUSE_MS = 120, RETRY_MS = 3000, MOST_KEPT = 80;

const smallCopy = async ({ thumb }) => {
  const image = await loaded(thumb);
  if (!image) return null;
  const canvas = make("canvas"), context = canvas.getContext("2d"), { naturalWidth: width, naturalHeight: height } = image;
  const scale = Math.min(1, PHOTO_SIDE / Math.max(width, height));
  [canvas.width, canvas.height] = [width, height].map((side) => Math.max(1, Math.round(scale * side)));
  context.fillStyle = "white"; // Behind transparent parts.
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => { canvas.toBlob(resolve, "image/jpeg", 0.92); });
};

// The photo whose previews are shown, with its mask. copy: a small copy of both, as files, in a promise; it resolves to null if the
// browser cannot decode the photo. cache: the addresses of previews by their requests.
let current = {};
const cache = new Map();
const clearCache = () => {
  for (const address of cache.values()) URL.revokeObjectURL(address);
  cache.clear();
};
const withMask = async (photo) => {
  const [copy, mask] = await Promise.all([smallCopy(photo), photo.mask || (photo.maskAddress && fetchFile(photo.maskAddress).catch(() => null))]);
  return copy && { copy, mask };
};
const copyOf = (photo) => {
  if (photo !== current.photo || photo.mask !== current.mask) {
    clearCache();
    current = { photo, mask: photo.mask, copy: withMask(photo) };
  }
  return current.copy;
};

class Busy extends Error {}
const preview = async ({ copy, mask }, style, size, signal) => {
  const request = JSON.stringify({ ...style, settings: { ...changedSettings(), timelapse: false, size } });
  if (cache.has(request)) return cache.get(request);
  const body = new FormData();
  body.append("photo", copy, "photo.jpg");
  if (mask) body.append("mask", mask, "mask.png");
  body.append("request", request);
  const picture = await askForPicture("/api/preview", body, signal);
  if (!picture) throw new Busy();
  if (signal.aborted) throw signal.reason; // The photo may be another one.
  if (cache.size >= MOST_KEPT) clearCache();
  cache.set(request, URL.createObjectURL(picture));
  return cache.get(request);
};

const showPreview = (image, address) => {
  image.hidden = !address;
  if (address) image.src = address;
};
const showLarge = (address) => {
  byId("preview").hidden = !address;
  showPreview(byId("preview-picture"), address);
};

let controller = new AbortController(), timer = 0;
const updateLater = (pause) => {
  clearTimeout(timer);
  timer = setTimeout(update, pause);
};
const update = async () => {
  controller.abort();
  controller = new AbortController();
  const { signal } = controller, [first] = chosenPhotos();
  const photo = first ? await copyOf(first) : null;
  if (signal.aborted) return;
  if (!photo) {
    for (const tile of styleTiles()) showPreview(tile.preview, null);
    showLarge(null);
    return;
  }
  // Shows a preview; none of a style that cannot be painted, which an order explains.
  const attempt = async (style, size, showPicture) => {
    try { showPicture(await preview(photo, style, size, signal)); } catch (reason) {
      if (signal.aborted || reason instanceof Busy) throw reason;
      showPicture(null);
    }
  };
  const [chosen] = chosenStyles();
  try {
    if (!chosen) showLarge(null);
    else for (const size of [TILE_SIDE, SHOWN_SIDE]) await attempt(chosen, size, showLarge);
    for (const tile of styleTiles()) await attempt(tile.order, TILE_SIDE, (address) => showPreview(tile.preview, address));
  } catch {
    if (signal.aborted) return;
    showLarge(null); // It may show another style, or other settings.
    updateLater(RETRY_MS);
  }
};

byId("order").addEventListener("change", () => updateLater(PAUSE_MS));
