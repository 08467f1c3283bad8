// Two pictures of one size on one stage, with a line between them that waits at the left edge.
import { byId, loaded } from "./elements.js";
import { divided, text } from "./texts.js";

export const dialog = byId("one"), stage = byId("stage"), slider = byId("slider");
// The pictures, left and right, as `compare` got them. There may be none on the left.
export let sides = [];

// Replaces a picture by the first larger one that can be loaded.
const latestCalls = new WeakMap();
export const showLarger = async (image, larger) => {
  const call = {};
  latestCalls.set(image, call);
  for (const address of larger.filter(Boolean)) {
    const isLoaded = await loaded(address);
    if (latestCalls.get(image) !== call) return;
    if (!isLoaded) continue;
    if (image.dataset.size === "small") image.dataset.size = "larger";
    image.src = address;
    return;
  }
  const hasSmall = await image.decode().then(() => true, () => false);
  if (latestCalls.get(image) !== call) return;
  const missing = image === byId("after") ? text("gallery.gone") : text("gallery.not_loaded", { name: image.alt });
  byId("limited").textContent = hasSmall ? text("gallery.no_full_picture") : missing;
};

const showDivider = () => {
  stage.style.setProperty("--divide", slider.value);
  stage.classList.toggle("shut", slider.value < 1);
  byId("compare-both").setAttribute("aria-pressed", String(slider.value >= 1));
  if (sides[0]) slider.setAttribute("aria-valuetext", divided(slider.value, sides[0].short, sides[1].short));
};
// Browsers move a slider in different ways, iPhones by its thumb alone: all but a screen reader's commands move it here.
// glides: whether that may be seen.
export const moveLine = (to, glides = false) => {
  stage.classList.toggle("glides", glides);
  slider.value = to;
  showDivider();
};
slider.addEventListener("input", showDivider);

// A picture has a short name, an alt text, and the addresses thumb, preview and href (all its pixels), or null instead. The left one may
// be missing.
export const compare = (left, right) => {
  sides = [left, right];
  byId("limited").textContent = "";
  for (const each of [byId("line-of"), byId("compare-both")]) each.hidden = !left;
  if (!left) moveLine(0);
  showDivider();
  byId("right").textContent = right.short;
  for (const [image, each] of [[byId("before"), left], [byId("after"), right]]) {
    image.alt = each ? each.alt : "";
    image.hidden = !each;
    image.dataset.size = "small";
    if (each && each.thumb) image.src = each.thumb; else image.removeAttribute("src");
    if (each) showLarger(image, [each.preview, each.href]);
  }
};
