// The chosen photos, which stay for the next style. One of them is on the stage.
import { announce, byId, changed, fromTemplate, loaded, on, root, say } from "./shared/elements.js";
import { counted, text } from "./shared/texts.js";
import { ask, contentOf, fetchFile, formOf } from "./api.js";
import { checkedFiles, isShownByBrowsers } from "./files.js";
import { ofFile, refuse } from "./words.js";

// Each has a name, the address of a thumb, and a file, or the id of a job with the photo and the address of its mask. mask: the file
// that is sent, in a promise, or null. kept: the id that the server has given the photo before it is ordered. sent: the keys and jobs of
// its orders with this mask, so that nothing is painted twice if it is sent again after a failure. masked: whether it has a mask.
// unshown: whether the browser cannot show it. frames: the number of frames of a clip, which is shown by its first. item: its cell.
let photos = [], current = null, isRestored = false;
const list = byId("photos"), STORED_AS = "painterly_photos", MOST_STORED = 20; // in this tab, for a reload
const keptAt = (id) => `${root}/api/photos/${id}`;
const unsent = () => ({ keys: new Map(), jobs: new Map() });
export const chosenPhotos = () => photos;
export const currentPhoto = () => current;
// The file of a photo's mask, or null.
export const maskOf = async (photo) => await photo.mask || (photo.maskAddress && fetchFile(photo.maskAddress).catch(() => null)) || null;
const remember = () => {
  if (!isRestored) return;
  const there = photos.filter(({ kept, job }) => kept || job).slice(-MOST_STORED);
  const stored = there.map(({ kept, job, name, frames }, at) => ({ kept, job, name, frames, shown: there[at] === current }));
  try { sessionStorage.setItem(STORED_AS, JSON.stringify(stored)); } catch { /* Users can forbid it. */ }
};
// Removes a photo that cannot be painted, and says why.
export const drop = (photo, reason) => {
  removePhotos([photo]);
  refuse(ofFile(photo, reason));
};
// A photo that the browser cannot show, as from some cameras, is shown once the server has it.
const onError = (photo) => {
  if (photo.file && isShownByBrowsers(photo.file)) { drop(photo, text("page.file_damaged", { name: photo.name })); return; }
  if (photo.unshown) return;
  photo.unshown = true;
  changed(list);
  if (photo.file) isAtServer(photo).catch(() => {});
};
const itemOf = (photo) => {
  const { name, thumb, file } = photo, item = fromTemplate("cell"), remove = item.querySelector(".x");
  item.dataset.of = thumb;
  item.classList.toggle("unsent", file !== null);
  item.querySelector(".said").textContent = name;
  Object.assign(item.querySelector("img"), { src: thumb, hidden: false, onerror: () => onError(photo) });
  on(item.querySelector(".cell"), "click", () => { current = photo; changed(list); });
  remove.title = item.querySelector(".why").textContent = text("page.remove", { name });
  on(remove, "click", async () => {
    const next = item.nextElementSibling || item.previousElementSibling, at = photos.indexOf(photo);
    hide([photo]);
    (next ? next.querySelector(".x") : byId("photo-files")).focus({ preventScroll: true });
    const { tell } = await import("./deleting.js"), bringBack = () => {
      photos = photos.toSpliced(at, 0, photo);
      list.insertBefore(item, list.children[at] || null);
      current = photo;
      changed(list);
    };
    tell(text("page.removed", { name }), bringBack, () => forget(photo));
  });
  return item;
};
const hide = (removed) => {
  for (const { item } of removed) item.remove();
  photos = photos.filter((each) => !removed.includes(each));
  if (!photos.includes(current)) current = photos.at(-1) || null;
  changed(list);
};
const forget = ({ file, thumb, kept }) => {
  if (file) URL.revokeObjectURL(thumb);
  // It goes after an hour, too. The page may be about to close.
  if (kept) ask(keptAt(kept), { method: "DELETE", keepalive: true }).catch(() => {});
};
export const removePhotos = (removed) => {
  hide(removed);
  removed.forEach(forget);
};
const add = (about) => {
  const none = { file: null, job: null, mask: null, kept: null, frames: null, unshown: false };
  current = { ...none, masked: Boolean(about.maskAddress), sent: unsent(), ...about };
  current.item = itemOf(current);
  photos = [...photos, current];
  list.append(current.item);
};
export const addPhotos = (files) => {
  const { good, refused } = checkedFiles(files), same = ["name", "size", "lastModified"];
  const isThere = (file) => photos.some((each) => each.file && same.every((field) => each.file[field] === file[field]));
  for (const file of good) if (!isThere(file)) add({ name: file.name, thumb: URL.createObjectURL(file), file });
  if (good.length) changed(list);
  refuse(...refused);
  if (good.length) announce(counted("page.photos_chosen", photos.length));
};
// Whether a photo is still to be sent. A photo of `photoOf` has no cell, so its user cannot remove it.
export const isChosen = (photo) => !photo.item || photos.includes(photo);
// The photo of a job for one more order.
export const photoOf = ({ id, photo }) => ({ name: photo, job: id, sent: unsent() });
// The photo of a job with its mask, without sending them again.
const addPhotoOf = ({ id, photo, frames, links }) => {
  add({ name: photo, thumb: `${links.photo}?small=1`, job: id, frames, maskAddress: links.mask });
};
export const setPhotoOf = (job) => {
  removePhotos(photos);
  addPhotoOf(job);
  changed(list);
};
// The chosen photos that a job has are copied, so that they outlast it.
export const keepPhotosOf = async (job) => {
  for (const photo of photos.filter((each) => each.job === job.id)) {
    if (photo.maskAddress) {
      const mask = await fetchFile(photo.maskAddress);
      photo.maskAddress = URL.createObjectURL(mask);
      photo.mask ||= Promise.resolve(mask);
    }
    const { id } = await ask(job.links.photo, { method: "POST" });
    Object.assign(photo, { kept: id, job: null });
    showKept(photo);
  }
};
// The photos of this tab before a reload, as the server has them. find: returns the job of an id.
export const restorePhotos = async (find) => {
  let stored = null, shown = null;
  try { stored = JSON.parse(sessionStorage.getItem(STORED_AS)); } catch { /* As without any. */ }
  isRestored = true;
  const wanted = (!photos.length && stored) || [];
  const there = await Promise.all(wanted.map((each) => each.job ? find(each.job) : loaded(keptAt(each.kept))));
  if (photos.length) { remember(); return; } // Photos that the user has chosen during the load take their place.
  for (const [at, each] of wanted.entries()) {
    if (!there[at]) continue;
    if (each.job) addPhotoOf(there[at]); else add({ name: each.name, thumb: keptAt(each.kept), kept: each.kept, frames: each.frames });
    if (each.shown) shown = current;
  }
  if (!photos.length) return;
  current = shown || current;
  changed(list);
};

const showKept = (photo) => {
  Object.assign(photo, { thumb: keptAt(photo.kept), unshown: false });
  photo.item.dataset.of = photo.item.querySelector("img").src = photo.thumb;
  changed(list);
};
// Sends a photo, unless the server has it. Resolves to its id, for previews and orders.
const sending = new WeakMap();
const sendPhoto = async (photo) => {
  const file = photo.file || await fetchFile(photo.thumb), body = formOf(null, await contentOf(file, photo.name || file.name));
  try {
    const { id, frames } = await ask(`${root}/api/photos`, { method: "POST", body });
    Object.assign(photo, { kept: id, frames });
    if (frames) byId("order").elements.preset.value = "instant"; // Each other one takes many times as long.
  } catch (refusal) {
    if (photos.includes(photo) && [404, 413, 415, 422].includes(refusal.status)) drop(photo, refusal.message);
    throw refusal;
  }
  if (!photos.includes(photo)) return photo.kept;
  markSent(photo);
  if (photo.unshown) showKept(photo);
  remember();
  return photo.kept;
};
export const isAtServer = async (photo) => {
  if (photo.job || photo.kept) return photo.job || photo.kept;
  if (!sending.has(photo)) sending.set(photo, sendPhoto(photo).finally(() => sending.delete(photo)));
  return sending.get(photo);
};
// The server has deleted a photo after an hour.
export const isGone = (photo) => { photo.kept = null; };
// All pictures of a photo were accepted. Once those of all photos were, the same order may come again.
export const markSent = (photo) => photo.item?.classList.remove("unsent");
export const forgetSent = (of) => { for (const photo of of) photo.sent = unsent(); };

// The buttons that open the current photo's mask, and a line instead if the browser cannot show the photo.
const showMask = () => {
  const { masked, unshown } = current || {};
  say("mask-for", text(unshown ? "page.mask.unshown" : "page.mask.part_for"));
  byId("mask-row").hidden = byId("mask-open").hidden = !current || unshown;
  say("mask-row", text(masked ? "page.mask.change" : "page.mask.add"));
  byId("mask-open").classList.toggle("set", Boolean(masked));
  for (const photo of photos) photo.item.classList.toggle("masked", photo.masked);
};
on("order", "change", () => { showMask(); remember(); });
for (const name of ["mask-open", "mask-row"]) {
  on(name, "click", async () => {
    const photo = current, { drawMask } = await import("./mask.js");
    const masked = await drawMask(photo).catch(() => { photo.unshown = true; changed(list); });
    if (typeof masked !== "boolean") return;
    Object.assign(photo, { masked, sent: unsent() });
    changed(list);
  });
}
