// The chosen photos.
import { by, make, picture } from "./shared/elements.js";
import { counted, text } from "./shared/texts.js";
import { sorted } from "./files.js";
import { drawMask } from "./mask.js";
import { say } from "./words.js";

// Each has a name, the address of a thumb, and a file, or the id of a job with the photo and the address of its mask. mask: the file
// that is sent, in a promise, or null.
let photos = [];
const listeners = [];
export const chosenPhotos = () => photos;
export const onPhotos = (listener) => listeners.push(listener);

// The button that opens a photo's mask, or a line if the browser cannot show the photo.
const maskButton = (photo, image) => {
  const button = make("button", "", "mask");
  const label = (has) => { button.replaceChildren(text(has ? "page.mask.change" : "page.mask.add"), make("span", ` ${photo.name}`, "unseen")); };
  const unshown = () => button.replaceWith(make("span", text("page.mask.unshown")));
  button.type = "button";
  label(photo.maskAddress);
  image.addEventListener("error", unshown);
  button.addEventListener("click", async () => {
    let drawn;
    try { drawn = await drawMask(photo); } catch { unshown(); return; }
    if (!drawn) return;
    photo.drawing = drawn.drawing;
    photo.mask = drawn.file;
    label(drawn.covers);
    changed();
  });
  return button;
};
const itemOf = (photo) => {
  const item = make("li"), remove = make("button", "✕");
  remove.type = "button";
  remove.title = text("page.remove", { name: photo.name });
  remove.setAttribute("aria-label", remove.title);
  remove.addEventListener("click", () => {
    const at = photos.indexOf(photo);
    removePhotos([photo]);
    const next = by("photos").children[Math.min(at, photos.length - 1)];
    (next ? next.querySelector("button") : by("photo-files")).focus();
    say(text("page.removed", { name: photo.name }));
  });
  const image = picture(photo.thumb, "");
  image.loading = "eager";
  item.append(image, make("span", photo.name, "name"), remove, maskButton(photo, image));
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
  for (const file of good) if (!same(file)) add({ name: file.name, thumb: URL.createObjectURL(file), file, job: null, mask: null });
  by("photos-refused").textContent = refused.join(" ");
  changed();
  if (good.length) say(counted("page.photos_chosen", photos.length));
};
// The photo of a job with its mask, without sending them again.
export const setPhotoOf = (job) => {
  removePhotos(photos);
  add({ name: job.photo, thumb: `${job.links.photo}?small=1`, file: null, job: job.id, maskAddress: job.links.mask, mask: null });
  changed();
};
