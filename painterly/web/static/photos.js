// The chosen photos.
import { by, make, picture } from "./shared/elements.js";
import { sorted } from "./files.js";
import { counted, say } from "./words.js";

// Each has a name, the address of a thumb, and a file, or the id of a job with the photo.
let photos = [];
const listeners = [];
export const chosenPhotos = () => photos;
export const onPhotos = (listener) => listeners.push(listener);

const itemOf = (photo) => {
  const item = make("li"), remove = make("button", "✕");
  remove.type = "button";
  remove.title = `Remove ${photo.name}`;
  remove.setAttribute("aria-label", remove.title);
  remove.addEventListener("click", () => {
    const at = photos.indexOf(photo);
    removePhotos([photo]);
    const next = by("photos").children[Math.min(at, photos.length - 1)];
    (next ? next.querySelector("button") : by("photo-files")).focus();
    say(`${photo.name} removed`);
  });
  const image = picture(photo.thumb, "");
  image.loading = "eager";
  item.append(image, make("span", photo.name, "name"), remove);
  return item;
};
const changed = () => {
  by("photos").hidden = !photos.length;
  by("sample-photo").hidden = photos.length > 0 || !by("sample-photo").dataset.files;
  for (const listener of listeners) listener();
};
export const removePhotos = (gone) => {
  for (const photo of gone) {
    const at = photos.indexOf(photo);
    if (at < 0) continue;
    by("photos").children[at].remove();
    photos = photos.filter((each) => each !== photo);
    if (photo.file) URL.revokeObjectURL(photo.thumb);
  }
  changed();
};
const add = (photo) => {
  photos = [...photos, photo];
  by("photos").append(itemOf(photo));
};
export const addPhotos = (files) => {
  const { good, refused } = sorted(files);
  const same = (file) => photos.some((each) => each.file && each.name === file.name && each.file.size === file.size && each.file.lastModified === file.lastModified);
  for (const file of good) if (!same(file)) add({ name: file.name, thumb: URL.createObjectURL(file), file, job: null });
  by("photos-refused").textContent = refused.join(" ");
  changed();
  if (good.length) say(`${counted(photos.length, "photo")} chosen`);
};
// The photo of a job, without sending it again.
export const setPhotoOf = (job) => {
  removePhotos(photos);
  add({ name: job.photo, thumb: `${job.links.photo}?small=1`, file: null, job: job.id });
  changed();
};
