// The chosen photos.
import { byId, fromTemplate, picture } from "./shared/elements.js";
import { counted, text } from "./shared/texts.js";
import { checkedFiles } from "./files.js";
import { drawMask } from "./mask.js";
import { announce } from "./words.js";

// Each has a name, the address of a thumb, and a file, or the id of a job with the photo and the address of its mask. mask: the file
// that is sent, in a promise, or null. sent: the keys and jobs of its orders with this mask, so that nothing is painted twice if it is
// sent again after a failure.
let photos = [];
const unsent = () => ({ keys: new Map(), jobs: new Map() });
export const chosenPhotos = () => photos;

const changed = () => {
  byId("photos").hidden = !photos.length;
  byId("sample-photo").hidden = photos.length > 0 || !byId("sample-photo").dataset.files;
  byId("order").dispatchEvent(new Event("change"));
};
// The button that opens a photo's mask; a line instead if the browser cannot show the photo.
const bindMaskOf = (photo, button, image) => {
  const showLabel = (hasMask) => { button.firstElementChild.textContent = text(hasMask ? "page.mask.change" : "page.mask.add"); };
  const unshown = () => button.replaceWith(text("page.mask.unshown"));
  showLabel(photo.maskAddress);
  image.addEventListener("error", unshown);
  button.addEventListener("click", async ({ detail }) => {
    const drawn = await drawMask(photo, detail > 0).catch(unshown);
    if (typeof drawn !== "boolean") return;
    photo.sent = unsent();
    showLabel(drawn);
    changed();
  });
};
const itemOf = (photo) => {
  const item = fromTemplate("photo", { name: photo.name, unseen: ` ${photo.name}` });
  const image = picture(photo.thumb, ""), [remove, mask] = item.querySelectorAll("button");
  image.loading = "eager";
  item.prepend(image);
  remove.title = text("page.remove", { name: photo.name });
  remove.setAttribute("aria-label", remove.title);
  remove.addEventListener("click", () => {
    const at = photos.indexOf(photo);
    removePhotos([photo]);
    const next = byId("photos").children[Math.min(at, photos.length - 1)];
    (next ? next.querySelector("button") : byId("photo-files")).focus();
    announce(text("page.removed", { name: photo.name }));
  });
  bindMaskOf(photo, mask, image);
  return item;
};
export const removePhotos = (removed) => {
  for (const photo of removed) {
    const at = photos.indexOf(photo);
    if (at < 0) continue;
    byId("photos").children[at].remove();
    photos = photos.filter((each) => each !== photo);
    if (photo.file) URL.revokeObjectURL(photo.thumb);
  }
  changed();
};
const add = (photo) => {
  photos = [...photos, photo];
  byId("photos").append(itemOf(photo));
};
export const addPhotos = (files) => {
  const { good, refused } = checkedFiles(files);
  const isChosen = (file) => photos.some((each) => each.file && each.name === file.name && each.file.size === file.size && each.file.lastModified === file.lastModified);
  for (const file of good) if (!isChosen(file)) add({ name: file.name, thumb: URL.createObjectURL(file), file, job: null, mask: null, sent: unsent() });
  byId("photos-refused").textContent = refused.join(" ");
  changed();
  if (good.length) announce(counted("page.photos_chosen", photos.length));
};
// The photo of a job with its mask, without sending them again.
export const setPhotoOf = (job) => {
  removePhotos(photos);
  add({ name: job.photo, thumb: `${job.links.photo}?small=1`, file: null, job: job.id, maskAddress: job.links.mask, mask: null, sent: unsent() });
  changed();
};
