// Two pictures on one stage: a slider between them, side by side, or the right one alone.
import { by, loaded } from "./elements.js";
import { percent, text } from "./texts.js";

export const dialog = by("one"), stage = by("stage"), slider = by("slider");
// The pictures, left and right, as `compare` got them.
export let sides = [];

// The small picture at once, replaced by the first larger one that can be loaded.
const wanted = new WeakMap();
export const show = async (image, small, larger) => {
  const order = {};
  wanted.set(image, order);
  if (small) image.src = small; else image.removeAttribute("src");
  for (const address of larger.filter(Boolean)) {
    const good = await loaded(address);
    if (wanted.get(image) !== order) return;
    if (good) { image.src = address; return; }
  }
  const seen = await image.decode().then(() => true, () => false);
  if (wanted.get(image) === order) by("limited").textContent = seen ? text("gallery.no_full_picture") : text("gallery.not_loaded", { name: image.alt });
};

export const slide = () => {
  const at = Number(slider.value), [left, right] = sides;
  stage.style.setProperty("--at", `${at}%`);
  slider.setAttribute("aria-valuetext", text("gallery.divided", {
    left: left.said, left_share: percent(at / 100), right: right.said, right_share: percent(1 - at / 100),
  }));
};
slider.addEventListener("input", slide);

export const setView = (view) => {
  stage.dataset.view = view;
  for (const each of document.getElementsByName("view")) each.checked = each.value === view;
};
const setRatio = (width, height) => stage.parentElement.style.setProperty("--ratio", width / height);

// A photo and its result, as compare takes them.
export const photoSide = (photo) =>
  ({ ...photo, title: text("gallery.photo"), said: text("gallery.said_photo"), alt: text("gallery.the_photo", { photo: photo.title }) });
export const resultSide = (result) => ({ ...result, title: text("gallery.result"), said: text("gallery.said_result") });
// A picture has a title, the same as said within a sentence, an alt text, and the addresses thumb, preview
// and href (all its pixels), or null instead. The right one may have its size: height and width in px.
export const compare = (left, right, view = stage.dataset.view) => {
  const { size } = right;
  sides = [left, right];
  setView(view);
  by("limited").textContent = "";
  by("after").onload = size ? null : () => setRatio(by("after").naturalWidth, by("after").naturalHeight);
  if (size) setRatio(size[1], size[0]);
  for (const [image, title, each] of [[by("before"), by("left"), left], [by("after"), by("right"), right]]) {
    image.alt = each.alt;
    title.textContent = each.title;
    show(image, each.thumb, [each.preview, each.href]);
  }
  slide();
};
