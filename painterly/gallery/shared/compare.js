// Two pictures on one stage: a slider between them, side by side, or the right one alone.
import { byId, loaded } from "./elements.js";
import { divided, text } from "./texts.js";

export const dialog = byId("one"), stage = byId("stage"), slider = byId("slider");
// The pictures, left and right, as `compare` got them.
export let sides = [];

// The small picture at once, replaced by the first larger one that can be loaded.
const latestCalls = new WeakMap();
export const showPicture = async (image, small, larger) => {
  const call = {};
  latestCalls.set(image, call);
  if (small) image.src = small; else image.removeAttribute("src");
  for (const address of larger.filter(Boolean)) {
    const isLoaded = await loaded(address);
    if (latestCalls.get(image) !== call) return;
    if (isLoaded) { image.src = address; return; }
  }
  const hasSmall = await image.decode().then(() => true, () => false);
  if (latestCalls.get(image) !== call) return;
  byId("limited").textContent = hasSmall ? text("gallery.no_full_picture") : text("gallery.not_loaded", { name: image.alt });
};

export const showDivider = () => {
  stage.style.setProperty("--at", `${slider.value}%`);
  slider.setAttribute("aria-valuetext", divided(slider.value, sides[0].label, sides[1].label));
};
slider.addEventListener("input", showDivider);

export const setView = (view) => {
  stage.dataset.view = view;
  for (const each of document.getElementsByName("view")) each.checked = each.value === view;
};
const setRatio = (width, height) => stage.parentElement.style.setProperty("--ratio", width / height);

// A photo and its result, as compare takes them.
export const photoSide = (photo) =>
  ({ ...photo, title: text("gallery.photo"), label: text("gallery.photo_label"), alt: text("gallery.the_photo", { photo: photo.title }) });
export const resultSide = (result) => ({ ...result, title: text("gallery.result"), label: text("gallery.result_label") });
// A picture has a title, a label that is the same within a sentence, an alt text, and the addresses thumb, preview
// and href (all its pixels), or null instead. The right one may have its size: height and width in px.
export const compare = (left, right, view = stage.dataset.view) => {
  const { size } = right;
  sides = [left, right];
  setView(view);
  byId("limited").textContent = "";
  byId("after").onload = size ? null : () => setRatio(byId("after").naturalWidth, byId("after").naturalHeight);
  if (size) setRatio(size[1], size[0]);
  for (const [image, title, each] of [[byId("before"), byId("left"), left], [byId("after"), byId("right"), right]]) {
    image.alt = each.alt;
    title.textContent = each.title;
    showPicture(image, each.thumb, [each.preview, each.href]);
  }
  showDivider();
};
