// Previews of the photo on the stage: a small one in each style's tile, and two larger ones of what is chosen. The server paints them
// immediately, except while it paints a job.
import { byId, loaded, make, root } from "./shared/elements.js";
import { text } from "./shared/texts.js";
import { askForPicture, fetchFile } from "./api.js";
import { currentPhoto } from "./photos.js";
import { largestSide, sample, showPreview } from "./stage.js";
import { chosenStyles, styleTiles } from "./styles.js";
import { changedSettings } from "./order.js";

const TILE_SIDE = 256, FIRST_SIDE = 512, STAGE_SIDES = [1024, 1280]; // px; painted at scales that the server has in common
const LANES = 2; // previews at a time: one is on its way while another one is painted
const PAUSE_MS = 120, RETRY_MS = 3000, MOST_KEPT = 80;
const SAMPLE = { name: "", thumb: sample.photo, mask: null };

const copyIn = (image, side) => {
  const canvas = make("canvas"), context = canvas.getContext("2d"), { naturalWidth: width, naturalHeight: height } = image;
  const scale = Math.min(1, side / Math.max(width, height));
  [canvas.width, canvas.height] = [width, height].map((each) => Math.max(1, Math.round(scale * each)));
  context.fillStyle = "white"; // Behind transparent parts.
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => { canvas.toBlob(resolve, "image/jpeg", 0.92); });
};

// The photo whose previews are shown, with its mask. copies: copies of it by their sides, and the mask, as files, in a promise; it resolves
// to null if the browser cannot decode the photo. cache: the addresses of previews by their requests.
let current = {}, inTiles = null;
const cache = new Map();
const clearCache = () => {
  for (const address of cache.values()) URL.revokeObjectURL(address);
  cache.clear();
};
const copiesOf = async (photo) => {
  const fetched = photo.mask || (photo.maskAddress && fetchFile(photo.maskAddress).catch(() => null));
  const [image, mask] = await Promise.all([loaded(photo.thumb), fetched]);
  return image && { small: await copyIn(image, FIRST_SIDE), large: await copyIn(image, STAGE_SIDES.at(-1)), mask };
};
const copies = (photo) => {
  if (photo !== current.photo || photo.mask !== current.mask) {
    clearCache();
    current = { photo, mask: photo.mask, copies: copiesOf(photo) };
    inTiles = null;
  }
  return current.copies;
};

class Busy extends Error {}
const requestOf = (style, size) => JSON.stringify({ ...style, settings: { ...changedSettings(), timelapse: false, size } });
const preview = async ({ small, large, mask }, style, size, signal) => {
  const request = requestOf(style, size);
  if (cache.has(request)) return cache.get(request);
  const body = new FormData();
  body.append("photo", size > FIRST_SIDE ? large : small, "photo.jpg");
  if (mask) body.append("mask", mask, "mask.png");
  body.append("request", request);
  const picture = await askForPicture(`${root}/api/preview`, body, signal);
  if (!picture) throw new Busy();
  if (signal.aborted) throw signal.reason; // The photo may be another one.
  if (cache.size >= MOST_KEPT) clearCache();
  cache.set(request, URL.createObjectURL(picture));
  return cache.get(request);
};

// Pictures far below are loaded only when the page is scrolled to them.
const seen = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) if (isIntersecting) { target.src = target.dataset.at; seen.unobserve(target); }
}, { rootMargin: "40px" });
// A tile shows the photo in its style, until then the painting faded, and without a photo the sample; with a reason, why there is none.
const showTile = (tile, address, waits = false, reason = "") => {
  tile.item.classList.toggle("waits", waits);
  tile.item.title = reason;
  tile.preview.dataset.at = address || (!waits && tile.sample) || tile.thumb;
  seen.observe(tile.preview);
  const tiles = styleTiles(), at = tiles.filter(({ item }) => !item.classList.contains("waits")).length;
  byId("styles-count").textContent = at < tiles.length ? text("page.count_of", { at, whole: tiles.length }) : "";
};

let controller = new AbortController(), timer = 0, shown = "";
const updateLater = (pause) => {
  clearTimeout(timer);
  timer = setTimeout(update, pause);
};
const update = async () => {
  controller.abort();
  controller = new AbortController();
  const { signal } = controller, [chosen] = chosenStyles(), photo = currentPhoto() || SAMPLE, isSample = photo === SAMPLE;
  const isNew = photo !== current.photo, files = await copies(photo), tiles = styleTiles();
  if (signal.aborted) return;
  for (const tile of tiles) if (isNew || !tile.preview.dataset.at) showTile(tile, null, !isSample && files !== null);
  const largest = STAGE_SIDES.find((side) => side >= largestSide()) || STAGE_SIDES.at(-1);
  const keptAt = (size) => cache.get(requestOf(chosen, size));
  const kept = () => [largest, FIRST_SIDE, TILE_SIDE].map(keptAt).find(Boolean) || null;
  const key = JSON.stringify([photo.thumb, chosen]);
  if (isSample && chosen && chosen.style === sample.style && !Object.keys(changedSettings()).length) {
    showPreview(sample.painted);
    return;
  }
  // Until it is painted: the same style with other settings, or the tile's.
  if (key !== shown) showPreview(files && chosen ? kept() : null, !keptAt(largest));
  shown = key;
  if (!files) return;
  // Shows a preview; none of a style that cannot be painted, which an order explains.
  const attempt = async (style, size, showPicture) => {
    try { showPicture(await preview(files, style, size, signal)); } catch (reason) {
      if (signal.aborted || reason instanceof Busy) throw reason;
      showPicture(null, reason.message);
    }
  };
  const showLarge = async () => { if (chosen) await attempt(chosen, largest, (address) => showPreview(address || kept())); };
  const showTiles = async () => {
    if (isSample) return;
    const rest = tiles.values(), lane = async () => {
      for (const tile of rest) {
        await attempt(tile.order, TILE_SIDE, (address, reason) => showTile(tile, address, false, reason));
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    inTiles = photo;
  };
  try {
    if (chosen && !kept()) await attempt(chosen, FIRST_SIDE, (address) => showPreview(address, true));
    // A new photo is shown in all styles first, a chosen style at its full size.
    for (const show of inTiles === photo ? [showLarge, showTiles] : [showTiles, showLarge]) await show();
  } catch {
    if (signal.aborted) return;
    if (chosen && !kept()) showPreview(null); // It may show other settings.
    updateLater(RETRY_MS);
  }
};

byId("order").addEventListener("change", () => updateLater(PAUSE_MS));
