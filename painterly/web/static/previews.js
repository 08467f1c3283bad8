// Previews of the photo on the stage: what is chosen, roughly and then as the result that it is, and a small one in each style's tile.
// The server paints them immediately, and during a job if it has enough memory.
import { loaded, root, say } from "./shared/elements.js";
import { text } from "./shared/texts.js";
import { ask, askForPicture, formOf, pause } from "./api.js";
import { drawnOn, drop, idOf, isGone, send } from "./photos.js";
import { changes, secondsOf } from "./settings.js";
import {
  activeJobs, batch, changePhoto, choice, chosen, chosenStyles, computed, effect, isBlended, isGesture, isLater, photo as onStage,
  photoWith, preview as shownPreview, refuse, sketches, wall, work,
} from "./state.js";
import { sample } from "./styles.js";

const SMALL = ["tile", "rough"], SIDE = 320; // px, the side of small previews, for which the server has paintings ready
const TILE_SHAPE = 4 / 5, FACE = 0.35; // A tile shows a part of the photo: of an upright one more of its top, where faces are.
const LANES = 2; // previews at a time: one is on its way while another one is painted
const PAUSE_MS = 120, MOVED_MS = 300, RETRY_MS = 3000, LONG_WAY_S = 1, MOST_KEPT = 80;
const OF_SAMPLE = { address: sample.painted, file: null };
shownPreview.value = OF_SAMPLE;
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

// What is under way. copies: of the photo `of`, for each kind of small preview, with the mask for it, in a promise; it resolves to null
// if the browser cannot decode the photo. cache: previews by their requests. controller: ends the requests. key: what the stage
// shows. sample: the id of the sample photo at the server, in a promise.
const now = { of: {}, copies: null, cache: new Map(), controller: new AbortController(), timer: 0, key: "", sample: null };
// One may still be loaded.
const forget = (old) => { setTimeout(() => { for (const { address } of old) URL.revokeObjectURL(address); }, RETRY_MS); };
const clearCache = () => {
  forget([...now.cache.values()]);
  now.cache = new Map();
};
// Keeps a preview as the latest one, so that those that are shown stay.
const keep = (key, made) => {
  now.cache.delete(key);
  now.cache.set(key, made);
  const [[oldest, least]] = now.cache;
  if (now.cache.size > MOST_KEPT + wall.value.length) { now.cache.delete(oldest); forget([least]); }
  return made;
};
const copiesOf = async (photo) => {
  const [image, mask] = await Promise.all([loaded(photo.thumb), photo.mask && loaded(photo.mask)]);
  return image && Object.fromEntries(await Promise.all(SMALL.map(async (kind) => [kind, {
    photo: await drawn(image, kind, "image/jpeg"), mask: mask && await drawn(mask, kind, "image/png"),
  }])));
};
const copies = (photo) => {
  if (["id", "mask", "thumb"].some((name) => photo[name] !== now.of[name])) {
    clearCache();
    Object.assign(now, { of: photo, copies: copiesOf(photo) });
    sketches.value = new Map();
  }
  return now.copies;
};
// What a photo shows, and the styles that are kind to it. Without an answer, the wall stays as it is.
const lookAt = async ({ id, suits }, files) => {
  if (suits) return;
  const asked = ask(`${root}/api/styles/suited`, { method: "POST", body: formOf(null, files.rough.photo) });
  const found = await asked.catch(() => ({ subject: null, styles: [] })), isWaiting = now.timer > 0;
  changePhoto(id, { suits: found });
  if (isWaiting) return;
  clearTimeout(now.timer); // The choice that follows from it is painted at once.
  now.timer = 0;
};

class Busy extends Error {}
const requestOf = (kind, style) => {
  const size = SMALL.includes(kind) ? { size: SIDE } : {};
  return { ...style, settings: { ...changes.value, timelapse: false, ...size } };
};
const forgetSample = (reason) => { now.sample = null; throw reason; };
const idAtServer = (photo) => (photo === SAMPLE ? now.sample ||= send(SAMPLE).catch(forgetSample) : idOf(photo.id));
const keyOf = (kind, style) => `${kind} ${JSON.stringify(requestOf(kind, style))}`;
const keptOf = (style) => now.cache.get(keyOf("sharp", style)) || now.cache.get(keyOf("rough", style));
// The sharp one is painted from the photo itself, which is at the server then.
const preview = async (photo, files, kind, style, signal) => {
  const request = requestOf(kind, style), key = keyOf(kind, style);
  if (now.cache.has(key)) return keep(key, now.cache.get(key));
  const isSmall = SMALL.includes(kind), { photo: copy, mask } = isSmall ? files[kind] : { photo: null, mask: await drawnOn(photo.mask) };
  const body = formOf(isSmall ? request : { again: await idAtServer(photo), ...request }, copy, mask);
  const file = await askForPicture(`${root}/api/preview`, body, signal);
  if (!file) throw new Busy();
  if (signal.aborted) throw signal.reason; // The photo may be another one.
  isLater.value = false;
  return keep(key, { address: URL.createObjectURL(file), file: isSmall ? null : file, photo: photo.id, name: photo.name, request });
};
// Whether the server will never paint it. Without an answer, or with one of a proxy, it may be painted later. A photo that it has
// deleted is sent again.
const isRefused = ({ status }, photo) => status >= 400 && status < 500 && ![401, 408, 429, photo.job ? 0 : 404].includes(status);
const sketch = (id, about) => { sketches.value = new Map(sketches.value).set(id, about); };

export const updateLater = (ms = 0) => {
  clearTimeout(now.timer);
  now.timer = setTimeout(update, ms);
};
const update = async () => {
  now.timer = 0;
  now.controller.abort();
  now.controller = new AbortController();
  const { signal } = now.controller, photo = onStage.value || SAMPLE, isSample = photo === SAMPLE, files = await copies(photo);
  if (!isSample && files) {
    const looked = lookAt(photo, files);
    if (!choice.value.ids) await looked; // The style follows from it.
  }
  if (signal.aborted) return;
  const [style] = chosenStyles.value;
  const isAsSent = !style || (style.style === sample.style && !Object.keys(changes.value).length);
  if (isSample && isAsSent) {
    batch(() => { shownPreview.value = OF_SAMPLE; work.value = false; });
    return;
  }
  const kept = style && keptOf(style), key = JSON.stringify([photo.thumb, photo.masked, style]), isStale = key === now.key && !kept;
  // Until it is painted: the same style with other settings.
  batch(() => {
    if (key !== now.key) shownPreview.value = kept || null;
    work.value = Boolean(style) && !(kept && kept.file);
  });
  now.key = key;
  const attempt = async (kind, wanted, show) => {
    try { show(await preview(photo, files, kind, wanted, signal)); } catch (reason) {
      if (reason.status === 404) { isGone(photo.id); now.sample = null; }
      if (signal.aborted || !isRefused(reason, photo)) throw reason;
      if (reason.status === 415 && !isSample) drop(photo.id, reason.message); else show(null, reason.message);
    }
  };
  // The tile of the style on the stage has its picture from there.
  const ofStage = !isSample && !isBlended.value && chosen.value[0]?.id;
  const showStage = (picture, reason = "") => batch(() => {
    shownPreview.value = picture;
    refuse("preview", reason);
    if (ofStage) sketch(ofStage, { address: picture?.address, reason });
  });
  const rest = (isSample || !files ? [] : wall.value.filter(({ id }) => id !== ofStage)).values();
  // Tiles are painted while the photo is on a long way, and after its own picture.
  const isThere = () => Boolean(photoWith(photo.id)?.kept || photo.job);
  const lane = async (isOver) => {
    while (!isOver()) {
      const { value, done } = rest.next();
      if (done) return;
      await attempt("tile", value.order, (picture, reason) => sketch(value.id, { address: picture?.address, reason }));
    }
  };
  try {
    if (style && !isSample) idOf(photo.id).catch(() => {}); // It is sent while the rough one is painted.
    if (style && !kept && !isStale && files) await attempt("rough", style, showStage);
    const early = style && !isSample && pause(LONG_WAY_S).then(() => lane(isThere));
    if (early) early.catch(() => {}); // It is awaited below.
    if (style) await attempt("sharp", style, showStage);
    if (style) work.value = false;
    await Promise.all([early, ...Array.from({ length: LANES }, () => lane(() => false))]);
  } catch (reason) {
    if (signal.aborted) return;
    batch(() => {
      isLater.value = reason instanceof Busy && activeJobs.value.length > 0;
      work.value = Boolean(style) && !now.cache.has(keyOf("sharp", style));
    });
    updateLater(RETRY_MS);
  }
};

// The photo in the chosen style without its mask, or null if it is not painted now: the brush of a mask uncovers it.
export const paintedWhole = async () => {
  const [style] = chosenStyles.value, files = await copies(onStage.value);
  if (!style || !files) return null;
  const kept = !files.rough.mask && keptOf(style);
  if (kept) return loaded(kept.address);
  const painted = await askForPicture(`${root}/api/preview`, formOf(requestOf("rough", style), files.rough.photo));
  return painted && createImageBitmap(painted);
};

effect(() => {
  const whole = wall.value.length, at = onStage.value ? wall.value.filter(({ id }) => sketches.value.has(id)).length : whole;
  const left = isLater.value ? text("page.after_this") : text("page.count_of", { at, whole });
  say("styles-count", at === whole ? text("page.sketches") : left);
});
// Not of all that is known of the photo: a preview would begin again once the photo has been sent.
const wanted = computed(() => {
  const { id, thumb } = onStage.value || {};
  return JSON.stringify([id, thumb, chosenStyles.value, changes.value, wall.value.map(({ id }) => id).sort()]);
});
const mask = computed(() => onStage.value?.mask);
// While a slider moves, only a picture that takes less than a second is painted.
effect(() => {
  void [wanted.value, mask.value];
  const photo = onStage.peek(), isNew = photo && !photo.suits; // Nothing else is about to change.
  if (!isGesture.value) updateLater(isNew ? 0 : PAUSE_MS); else if (secondsOf("instant") <= 1) updateLater(MOVED_MS);
});
