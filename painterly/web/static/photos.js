// The chosen photos, which stay for the next style. One of them is on the stage.
import { byId, fromTemplate } from "./shared/elements.js";
import { counted, text } from "./shared/texts.js";
import { checkedFiles } from "./files.js";
import { drawMask } from "./mask.js";
import { announce, refuse } from "./words.js";

// Each has a name, the address of a thumb, and a file, or the id of a job with the photo and the address of its mask. mask: the file
// that is sent, in a promise, or null. sent: the keys and jobs of its orders with this mask, so that nothing is painted twice if it is
// sent again after a failure. masked: whether it has a mask. unshown: whether the browser cannot show it. item: its cell.
let photos = [], current = null;
const unsent = () => ({ keys: new Map(), jobs: new Map() });
export const chosenPhotos = () => photos;
export const currentPhoto = () => current;

// The event comes from the list, as if its user had changed a field of it.
const changed = () => byId("photos").dispatchEvent(new Event("change", { bubbles: true }));
const select = (photo) => { current = photo; changed(); };
const itemOf = (photo) => {
  const item = fromTemplate("cell", { said: photo.name }), image = item.querySelector("img"), remove = item.querySelector(".x");
  item.dataset.of = photo.thumb;
  item.classList.toggle("unsent", photo.file !== null);
  Object.assign(image, { src: photo.thumb, hidden: false, onerror: () => { photo.unshown = true; changed(); } });
  item.querySelector(".cell").addEventListener("click", () => select(photo));
  remove.title = item.querySelector(".why").textContent = text("page.remove", { name: photo.name });
  remove.addEventListener("click", () => {
    const at = photos.indexOf(photo);
    removePhotos([photo]);
    const next = byId("photos").children[Math.min(at, photos.length - 1)];
    (next ? next.querySelector(".x") : byId("photo-files")).focus({ preventScroll: true });
    announce(text("page.removed", { name: photo.name }));
  });
  return item;
};
export const removePhotos = (removed) => {
  for (const photo of removed) {
    photo.item.remove();
    photos = photos.filter((each) => each !== photo);
    if (photo.file) URL.revokeObjectURL(photo.thumb);
  }
  if (!photos.includes(current)) current = photos.at(-1) || null;
  changed();
};
const add = (about) => {
  const photo = { mask: null, masked: Boolean(about.maskAddress), sent: unsent(), unshown: false, ...about };
  photo.item = itemOf(photo);
  photos = [...photos, photo];
  byId("photos").append(photo.item);
  current = photo;
};
export const addPhotos = (files) => {
  const { good, refused } = checkedFiles(files);
  const isSame = (one, other) => one.size === other.size && one.lastModified === other.lastModified;
  const isChosen = (file) => photos.some((each) => each.file && each.name === file.name && isSame(each.file, file));
  for (const file of good) if (!isChosen(file)) add({ name: file.name, thumb: URL.createObjectURL(file), file, job: null });
  if (good.length) changed();
  refuse(...refused);
  if (good.length) announce(counted("page.photos_chosen", photos.length));
};
// The photo of a job with its mask, without sending them again.
export const setPhotoOf = (job) => {
  removePhotos(photos);
  add({ name: job.photo, thumb: `${job.links.photo}?small=1`, file: null, job: job.id, maskAddress: job.links.mask });
  changed();
};
// All pictures of a photo were accepted. Once those of all photos were, the same order may come again.
export const markSent = (photo) => photo.item.classList.remove("unsent");
export const forgetSent = () => { for (const photo of photos) photo.sent = unsent(); };

// The buttons that open the current photo's mask, and a line instead if the browser cannot show the photo.
const showMask = () => {
  const { masked, unshown } = current || {};
  byId("mask-for").textContent = text(unshown ? "page.mask.unshown" : "page.mask.part_for");
  byId("mask-row").hidden = byId("mask-open").hidden = !current || unshown;
  byId("mask-row").textContent = text(masked ? "page.mask.change" : "page.mask.add");
  for (const photo of photos) photo.item.classList.toggle("masked", photo.masked);
};
byId("order").addEventListener("change", showMask);
for (const name of ["mask-open", "mask-row"]) {
  byId(name).addEventListener("click", async ({ detail }) => {
    const photo = current, drawn = await drawMask(photo, detail > 0).catch(() => { photo.unshown = true; changed(); });
    if (typeof drawn !== "boolean") return;
    Object.assign(photo, { masked: drawn, sent: unsent() });
    changed();
  });
}
