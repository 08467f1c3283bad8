// The chosen photos, which stay for the next style: from files or jobs, sent to the server.
import { announce, root } from "./shared/elements.js";
import { counted, listed, text } from "./shared/texts.js";
import { ask, askPatiently, contentOf, fetchFile, formOf, GONE } from "./api.js";
import { checkedFiles, isShownByBrowsers } from "./files.js";
import { addPhoto, batch, changePhoto, clearNotices, dropPhotos, moveMask, parts, photos, photoWith, refuse } from "./state.js";
import { ofFile } from "./words.js";

const UNFIT = [404, 413, 415, 422, GONE]; // The server will never take it.
export const keptAt = (id) => `${root}/api/photos/${id}`;

// The file of a mask that was drawn here. The server has that of a job.
export const drawnOn = async (mask) => (mask?.startsWith("data:") ? fetchFile(mask) : null);

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
export const takeAway = async (removed) => {
  const before = photos.value, places = removed.map((each) => before.indexOf(each));
  dropPhotos(removed.map(({ id }) => id));
  const { tell } = await import("./deleting.js");
  // What was on its way has arrived without it.
  const bringBack = () => batch(() => { removed.forEach((each, at) => addPhoto({ ...each, way: null }, places[at])); });
  tell(text("page.removed", { name: listed(removed.map(({ name }) => name)) }), bringBack, () => removed.forEach(forget));
};
export const drop = (id, reason) => {
  const photo = photoWith(id);
  if (!photo) return;
  dropPhotos([id]);
  forget(photo);
  refuse(`photo-${id}`, ofFile(photo, reason));
};
// Photos from some cameras are shown once the server has them.
export const cannotShow = (photo) => {
  if (photo.unshown) return;
  if (photo.file && isShownByBrowsers(photo.file)) { drop(photo.id, text("page.file_damaged", { name: photo.name })); return; }
  changePhoto(photo.id, { unshown: true });
  if (photo.file) idOf(photo.id).catch(() => {});
};

const shownAt = (kept) => ({ thumb: keptAt(kept), unshown: false });
export const send = async (photo, how = null) => {
  const { id, name } = photo, file = photo.file || await fetchFile(photo.thumb);
  const onSent = (part) => { parts.value = new Map(parts.value).set(id, part); };
  const options = { method: "POST", body: formOf(null, await contentOf(file, name || file.name)), onSent };
  const { id: kept, frames } = await (how ? askPatiently(`${root}/api/photos`, options, how) : ask(`${root}/api/photos`, options));
  changePhoto(id, { kept, frames, ...(photoWith(id)?.unshown && shownAt(kept)) });
  return kept;
};
// Sends a photo unless the server has it, at most once at a time. Resolves to its id there, for previews and orders. how: of askPatiently,
// for a photo that is ordered.
export const idOf = async (id, how = null) => {
  if (how) await photoWith(id)?.way?.catch(() => {}); // A preview does not wait for a server that is away.
  const photo = photoWith(id);
  if (!photo) throw new DOMException("", "AbortError");
  if (photo.job || photo.kept) return photo.job || photo.kept;
  const way = photo.way || send(photo, how).finally(() => changePhoto(id, { way: null }));
  if (!photo.way) changePhoto(id, { way });
  try { return await way; } catch (refusal) {
    if (UNFIT.includes(refusal.status)) drop(id, refusal.message);
    throw refusal;
  }
};
export const isGone = (id) => changePhoto(id, { kept: null });

export const addPhotoOf = ({ id, photo, frames, links }, about) => (
  addPhoto({ name: photo, thumb: `${links.photo}?small=1`, job: id, frames, mask: links.mask, ...about })
);
// Puts the photo of a job in the place of all others. care: the preset of a clip.
export const choosePhotoOf = (job, care = job.preset) => batch(() => {
  if (photos.value.length) takeAway(photos.value);
  addPhotoOf(job, care && { care });
});
const asData = (file) => new Promise((resolve, reject) => {
  const reader = Object.assign(new FileReader(), { onload: () => resolve(reader.result), onerror: reject });
  reader.readAsDataURL(file);
});
// The chosen photos that a job has are kept, so that they outlast it.
export const keepPhotosOf = async (job) => {
  for (const { id, mask } of photos.value.filter((each) => each.job === job.id)) {
    const own = mask && await asData(await fetchFile(mask)), { id: kept } = await ask(job.links.photo, { method: "POST" });
    batch(() => {
      moveMask(id, mask, own);
      changePhoto(id, { kept, job: null, ...shownAt(kept) });
    });
  }
};
