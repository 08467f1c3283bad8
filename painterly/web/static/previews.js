// Previews of the photo on the stage: what is chosen, roughly and then as the result that it is, and a small one in each style's tile.
// The server paints them immediately, and during a job if it has enough memory.
import { loaded, on, root, say } from "./shared/elements.js";
import { text } from "./shared/texts.js";
import { ask, askForPicture, formOf } from "./api.js";
import { drop, idOf, isGone, maskOf } from "./photos.js";
import { sample } from "./stage.js";
import { activeJobs, batch, computed, effect, photo as onStage, preview as shownPreview, refuse, work } from "./state.js";
import { chosenStyles, hang, styleTiles } from "./styles.js";
import { changedSettings } from "./order.js";

const SMALL = ["tile", "rough"], SIDE = 320; // px, the side of small previews, for which the server has paintings ready
const TILE_SHAPE = 4 / 5, FACE = 0.35; // A tile shows a part of the photo: of an upright one more of its top, where faces are.
const LANES = 2; // previews at a time: one is on its way while another one is painted
const PAUSE_MS = 120, MOVED_MS = 300, RETRY_MS = 3000, MOST_KEPT = 80;
const SAMPLE = { id: "", name: "", thumb: sample.photo, mask: null };

const drawn = (image, kind, type) => {
  const { naturalWidth, naturalHeight } = image, shape = kind === "tile" ? TILE_SHAPE : naturalWidth / naturalHeight;
  const width = Math.min(naturalWidth, naturalHeight * shape), height = Math.min(naturalHeight, naturalWidth / shape);
  const scale = Math.min(1, SIDE / Math.max(width, height));
  const sides = [width, height].map((each) => Math.max(1, Math.round(scale * each)));
  const canvas = new OffscreenCanvas(...sides), context = canvas.getContext("2d");
  context.fillStyle = "white"; // Behind transparent parts.
  context.fillRect(0, 0, ...sides);
  context.imageSmoothingQuality = "high";
  const from = [(naturalWidth - width) / 2, (naturalHeight - height) * FACE, width, height];
  context.drawImage(image, ...from, 0, 0, ...sides);
  return canvas.convertToBlob({ type, quality: 0.92 });
};

// The photo whose previews are shown, with its mask. copies: the photo for each kind of small preview, and the mask for it, in a promise;
// it resolves to null if the browser cannot decode the photo. cache: previews by their requests.
let current = {}, cache = new Map();
const clearCache = () => {
  const old = cache;
  setTimeout(() => { for (const { address } of old.values()) URL.revokeObjectURL(address); }, RETRY_MS); // One may still be loaded.
  cache = new Map();
};
const copiesOf = async (photo) => {
  const [image, mask] = await Promise.all([loaded(photo.thumb), maskOf(photo)]);
  if (!image) return null;
  const address = mask && URL.createObjectURL(mask), drawing = mask && await loaded(address);
  const kinds = await Promise.all(SMALL.map(async (kind) => [kind, {
    photo: await drawn(image, kind, "image/jpeg"), mask: drawing && await drawn(drawing, kind, "image/png"),
  }]));
  if (mask) URL.revokeObjectURL(address);
  return Object.fromEntries(kinds);
};
const copies = (photo) => {
  if (photo.id !== current.photo?.id || photo.mask !== current.mask || photo.thumb !== current.thumb) {
    clearCache();
    current = { photo, mask: photo.mask, thumb: photo.thumb, copies: copiesOf(photo) };
  }
  return current.copies;
};

// The subject of each photo, and the styles that are kind to it. Without an answer, the wall stays as it is.
const suited = new Map();
const suits = (photo, files) => {
  const asked = () => ask(`${root}/api/styles/suited`, { method: "POST", body: formOf(null, files.rough.photo) });
  if (!suited.has(photo.id)) suited.set(photo.id, asked().catch(() => ({ subject: null, styles: [] })));
  return suited.get(photo.id);
};

class Busy extends Error {}
const requestOf = (kind, style) => {
  const size = SMALL.includes(kind) ? { size: SIDE } : {};
  return { ...style, settings: { ...changedSettings(), timelapse: false, ...size } };
};
const keyOf = (kind, style) => `${kind} ${JSON.stringify(requestOf(kind, style))}`;
const keptOf = (style) => cache.get(keyOf("sharp", style)) || cache.get(keyOf("rough", style));
// The sharp one is painted from the photo itself, which is at the server then.
const preview = async (photo, files, kind, style, signal) => {
  const request = requestOf(kind, style), key = keyOf(kind, style);
  if (cache.has(key)) return cache.get(key);
  const isSmall = SMALL.includes(kind), { photo: copy, mask } = isSmall ? files[kind] : { photo: null, mask: await photo.mask };
  const body = formOf(isSmall ? request : { again: await idOf(photo.id), ...request }, copy, mask);
  const file = await askForPicture(`${root}/api/preview`, body, signal);
  if (!file) throw new Busy();
  if (signal.aborted) throw signal.reason; // The photo may be another one.
  if (cache.size >= MOST_KEPT) clearCache();
  cache.set(key, { address: URL.createObjectURL(file), file: isSmall ? null : file, photo: photo.id, name: photo.name, request });
  return cache.get(key);
};
// Whether the server will never paint it. Without an answer, or with one of a proxy, it may be painted later. A photo that it has
// deleted is sent again.
const isRefused = ({ status }, photo) => status >= 400 && status < 500 && ![401, 408, 429, photo.job ? 0 : 404].includes(status);

// Pictures far below are loaded only when the page is scrolled to them.
const seen = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) if (isIntersecting) { target.src = target.dataset.at; seen.unobserve(target); }
}, { rootMargin: "40px" });
// A tile shows the photo in its style, until then the painting faded, and without a photo the sample; with a reason, why there is none.
const showTile = ({ item, preview: image, sample: place, thumb }, address, waits = false, reason = "") => {
  const isSample = !address && !waits && !reason && place !== null;
  item.classList.toggle("waits", waits);
  item.classList.toggle("sampled", isSample);
  item.style.setProperty("--sampled", place);
  item.title = reason;
  image.dataset.at = address || thumb;
  if (isSample) { seen.unobserve(image); image.removeAttribute("src"); } else seen.observe(image);
};
const isLater = (reason) => reason instanceof Busy && activeJobs.value.length > 0;
const showCount = (reason = null) => {
  const tiles = styleTiles(), at = tiles.filter(({ item }) => !item.classList.contains("waits")).length, whole = tiles.length;
  const left = isLater(reason) ? text("page.after_this") : text("page.count_of", { at, whole });
  say("styles-count", at === whole ? text("page.sketches") : left);
};

let controller = new AbortController(), timer = 0, shown = "";
export const updateLater = (pause = 0) => {
  clearTimeout(timer);
  timer = setTimeout(update, pause);
};
const update = async () => {
  controller.abort();
  controller = new AbortController();
  const { signal } = controller, photo = onStage.value || SAMPLE, isSample = photo === SAMPLE;
  const isNew = photo.id !== current.photo?.id, files = await copies(photo);
  const of = !isSample && files && await suits(photo, files);
  if (signal.aborted || (of && hang(of))) return; // A new choice is a change.
  const tiles = styleTiles(), [chosen] = chosenStyles();
  for (const tile of tiles) if (isNew || !tile.preview.dataset.at) showTile(tile, null, !isSample);
  showCount();
  if (isSample && chosen && chosen.style === sample.style && !Object.keys(changedSettings()).length) {
    batch(() => { shownPreview.value = { address: sample.painted, file: null }; work.value = false; });
    return;
  }
  const kept = chosen && keptOf(chosen), key = JSON.stringify([photo.thumb, photo.masked, chosen]), isStale = key === shown && !kept;
  // Until it is painted: the same style with other settings.
  batch(() => {
    if (key !== shown) shownPreview.value = kept || null;
    work.value = Boolean(chosen) && !(kept && kept.file);
  });
  shown = key;
  const attempt = async (kind, style, show) => {
    try { show(await preview(photo, files, kind, style, signal)); } catch (reason) {
      if (reason.status === 404) isGone(photo.id);
      if (signal.aborted || !isRefused(reason, photo)) throw reason;
      if (reason.status === 415 && !isSample) drop(photo.id, reason.message); else show(null, reason.message);
    }
  };
  const showStage = (picture, reason) => {
    shownPreview.value = picture;
    refuse("preview", reason);
  };
  const rest = isSample || !files ? [] : tiles.values(), lane = async () => {
    for (const tile of rest) {
      await attempt("tile", tile.order, (picture, reason) => showTile(tile, picture && picture.address, false, reason));
      showCount();
    }
  };
  try {
    if (chosen && !isSample) idOf(photo.id).catch(() => {}); // It is sent while the rough one is painted.
    if (chosen && !kept && !isStale && files) await attempt("rough", chosen, showStage);
    if (chosen) await attempt("sharp", chosen, showStage);
    if (chosen) work.value = false;
    await Promise.all(Array.from({ length: LANES }, lane));
  } catch (reason) {
    if (signal.aborted) return;
    showCount(reason);
    work.value = Boolean(chosen) && !cache.has(keyOf("sharp", chosen)) && (isLater(reason) ? "later" : true);
    updateLater(RETRY_MS);
  }
};

// The photo in the chosen style without its mask, or null if it is not painted now: the brush of a mask uncovers it.
export const paintedWhole = async () => {
  const [chosen] = chosenStyles(), files = await copies(onStage.value);
  if (!chosen || !files) return null;
  const kept = !files.rough.mask && keptOf(chosen);
  if (kept) return loaded(kept.address);
  const painted = await askForPicture(`${root}/api/preview`, formOf(requestOf("rough", chosen), files.rough.photo));
  return painted && createImageBitmap(painted);
};
on("order", "change", ({ target }) => updateLater(target.type === "range" ? MOVED_MS : PAUSE_MS));
// Not of all that is known of the photo: a preview would begin again once the photo has been sent.
const [id, thumb, mask] = ["id", "thumb", "mask"].map((name) => computed(() => onStage.value?.[name]));
effect(() => { void [id.value, thumb.value, mask.value]; updateLater(PAUSE_MS); });
