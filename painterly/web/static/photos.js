// The chosen photos, which stay for the next style: from files or jobs, sent to the server, kept for a reload of this tab.
import { announce, byId, loaded, root } from "./shared/elements.js";
import { counted, listed, text } from "./shared/texts.js";
import { ask, askPatiently, contentOf, fetchFile, formOf, GONE } from "./api.js";
import { checkedFiles, isShownByBrowsers } from "./files.js";
import {
  addPhoto, batch, changePhoto, clearNotices, dropPhotos, effect, photo as current, photos, photoWith, refuse, showPhoto,
} from "./state.js";
import { ofFile } from "./words.js";

const STORED_AS = "painterly_photos", MOST_STORED = 20; // in this tab, for a reload
const UNFIT = [404, 413, 415, 422, GONE]; // The server will never take it.
const keptAt = (id) => `${root}/api/photos/${id}`;

// The file of a photo's mask, or null.
export const maskOf = async ({ mask, maskAddress }) => await mask || (maskAddress && fetchFile(maskAddress).catch(() => null)) || null;

export const addPhotos = (files) => {
  const { good, refused } = checkedFiles(files), same = ["name", "size", "lastModified"];
  const isThere = (file) => photos.value.some((each) => each.file && same.every((field) => each.file[field] === file[field]));
  batch(() => {
    clearNotices();
    for (const file of good) if (!isThere(file)) addPhoto({ name: file.name, thumb: URL.createObjectURL(file), file });
    refuse("files", ...refused);
  });
  if (good.length) announce(counted("page.photos_chosen", photos.value.length));
};
const forget = ({ file, thumb, kept }) => {
  if (file) URL.revokeObjectURL(thumb);
  // It goes after an hour, too. The page may be about to close.
  if (kept) ask(keptAt(kept), { method: "DELETE", keepalive: true }).catch(() => {});
};
// Removes photos, until they are brought back.
export const takeAway = async (removed, words) => {
  const before = photos.value, places = removed.map((each) => before.indexOf(each));
  dropPhotos(removed.map(({ id }) => id));
  const { tell } = await import("./deleting.js");
  const bringBack = () => batch(() => { removed.forEach((each, at) => addPhoto(each, places[at])); });
  tell(words, bringBack, () => removed.forEach(forget));
};
// Removes a photo that cannot be painted, and says why.
export const drop = (id, reason) => {
  const photo = photoWith(id);
  if (!photo) return;
  dropPhotos([id]);
  forget(photo);
  refuse(`photo ${id}`, ofFile(photo, reason));
};
// A photo that the browser cannot show, as from some cameras, is shown once the server has it.
export const cannotShow = (photo) => {
  if (photo.unshown) return;
  if (photo.file && isShownByBrowsers(photo.file)) { drop(photo.id, text("page.file_damaged", { name: photo.name })); return; }
  changePhoto(photo.id, { unshown: true });
  if (photo.file) idOf(photo.id).catch(() => {});
};

// Sends a photo unless the server has it, at most once at a time. Resolves to its id there, for previews and orders. how: of askPatiently,
// for a photo that is ordered.
const sending = new Map();
const send = async (photo, how) => {
  const { id, name } = photo, file = photo.file || await fetchFile(photo.thumb);
  const options = { method: "POST", body: formOf(null, await contentOf(file, name || file.name)) };
  const { id: kept, frames } = await (how ? askPatiently(`${root}/api/photos`, options, how) : ask(`${root}/api/photos`, options));
  if (frames) byId("order").elements.preset.value = "instant"; // Each other one takes many times as long.
  changePhoto(id, { kept, frames, ...(photoWith(id)?.unshown && shownAt(kept)) });
  return kept;
};
const shownAt = (kept) => ({ thumb: keptAt(kept), unshown: false });
export const idOf = async (id, how = null) => {
  if (how) await sending.get(id)?.catch(() => {}); // A preview does not wait for a server that is away.
  const photo = photoWith(id);
  if (!photo) throw new DOMException("The photo was removed.", "AbortError");
  if (photo.job || photo.kept) return photo.job || photo.kept;
  if (!sending.has(id)) sending.set(id, send(photo, how).finally(() => sending.delete(id)));
  try { return await sending.get(id); } catch (refusal) {
    if (UNFIT.includes(refusal.status)) drop(id, refusal.message);
    throw refusal;
  }
};
// The server has deleted a photo after an hour.
export const isGone = (id) => changePhoto(id, { kept: null });

// The photo of a job with its mask, without sending them again.
const addPhotoOf = ({ id, photo, frames, links }) => (
  addPhoto({ name: photo, thumb: `${links.photo}?small=1`, job: id, frames, maskAddress: links.mask })
);
// Puts the photo of a job in the place of all others.
export const choosePhotoOf = (job) => batch(() => {
  const others = photos.value;
  if (others.length) takeAway(others, text("page.removed", { name: listed(others.map(({ name }) => name)) }));
  addPhotoOf(job);
});
// The chosen photos that a job has are copied, so that they outlast it.
export const keepPhotosOf = async (job) => {
  for (const { id, maskAddress, mask } of photos.value.filter((each) => each.job === job.id)) {
    if (maskAddress) {
      const file = await fetchFile(maskAddress);
      changePhoto(id, { maskAddress: URL.createObjectURL(file), mask: mask || Promise.resolve(file) });
    }
    const { id: kept } = await ask(job.links.photo, { method: "POST" });
    changePhoto(id, { kept, job: null, ...shownAt(kept) });
  }
};

// The photos of this tab before a reload, as the server has them, and how they were to be painted. find: returns the job of an id.
// describe and follow: return that, and set it.
export const restorePhotos = async (find, describe, follow) => {
  let stored = null, shown = null;
  try { stored = JSON.parse(sessionStorage.getItem(STORED_AS)); } catch { /* As without any. */ }
  const wanted = (!photos.value.length && stored?.photos) || [];
  const there = await Promise.all(wanted.map((each) => each.job ? find(each.job) : loaded(keptAt(each.kept))));
  // Photos that the user has chosen during the load take their place.
  if (!photos.value.length) batch(() => {
    for (const [at, { kept, job, name, frames, shown: isShown }] of wanted.entries()) {
      if (!there[at]) continue;
      const { id } = job ? addPhotoOf(there[at]) : addPhoto({ name, thumb: keptAt(kept), kept, frames });
      if (isShown) shown = id;
    }
    if (shown) showPhoto(shown);
    if (photos.value.length) follow(stored.how);
  });
  effect(() => remember(describe()));
};
const remember = (how) => {
  const there = photos.value.filter(({ kept, job }) => kept || job).slice(-MOST_STORED);
  const stored = there.map(({ id, kept, job, name, frames }) => ({ kept, job, name, frames, shown: id === current.value.id }));
  try { sessionStorage.setItem(STORED_AS, JSON.stringify({ photos: stored, how })); } catch { /* Users can forbid it. */ }
};
