// The parts that pages are made of.
import { text } from "./texts.js";

// Where the service is on its host: empty, or a path such as /painter. A batch's file has none.
export const { root } = document.documentElement.dataset;
export const byId = (id) => document.getElementById(id);
export const make = (tag, words, name) => {
  const made = document.createElement(tag);
  if (words) made.textContent = words;
  if (name) made.className = name;
  return made;
};
// The sign of a button.
export const sign = (name) => {
  const [icon, use] = ["svg", "use"].map((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));
  icon.setAttribute("class", "i");
  icon.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#i-${name}`);
  icon.append(use);
  return icon;
};
// A copy of a template's element. texts: by the classes of the elements in it that have them.
export const fromTemplate = (id, texts) => {
  const made = byId(id).content.firstElementChild.cloneNode(true);
  for (const [name, words] of Object.entries(texts)) for (const each of made.querySelectorAll(`.${name}`)) each.textContent = words;
  return made;
};
// A pointer's place on an element, in percent of its width.
export const percentAcross = (element, { clientX }) => {
  const { left, width } = element.getBoundingClientRect();
  return 100 * (clientX - left) / width;
};
// Sets an attribute to "true", or removes it.
export const mark = (element, name, isSet) => { if (isSet) element.setAttribute(name, "true"); else element.removeAttribute(name); };
// Makes a button do nothing for a while. A disabled one would lose the focus.
export const setBusy = (button, isBusy) => mark(button, "aria-disabled", isBusy);
const blankFor = (alt) => {
  const blank = make("span", text("gallery.no_preview"), "blank");
  if (alt) { blank.setAttribute("role", "img"); blank.setAttribute("aria-label", alt); }
  return blank;
};
// A picture, or a blank without a source, or if it cannot be loaded. size: height and width in px if they are known, so that nothing
// moves when the picture loads.
export const picture = (source, alt, size) => {
  if (!source) return blankFor(alt);
  const image = Object.assign(make("img"), { loading: "lazy", decoding: "async", alt, onerror: () => image.replaceWith(blankFor(alt)) });
  if (size) [image.height, image.width] = size;
  return Object.assign(image, { src: source });
};
// Resolves to a picture once it is loaded, or to null if it cannot be.
export const loaded = (address) => new Promise((resolve) => {
  const image = new Image();
  image.onload = () => resolve(image);
  image.onerror = () => resolve(null);
  image.src = address;
});
// The page behind an open dialog has no second scroll bar, and a wheel does not scroll it.
const coverPage = () => document.documentElement.classList.toggle("covered", document.querySelector("dialog[open]") !== null);
new MutationObserver(coverPage).observe(document.body, { subtree: true, attributeFilter: ["open"] });
// A list of names and texts; without any, what it is in is hidden.
export const fillList = (list, rows) => {
  list.replaceChildren(...rows.flatMap(([name, value]) => [make("dt", name), make("dd", value)]));
  list.parentElement.hidden = !rows.length;
};
// Shows paintings with their shares.
export const showPaintings = (list, paintings) => list.replaceChildren(...paintings.map(({ name, thumb, share }) => {
  const item = make("li");
  item.append(picture(thumb, ""), make("span", name), make("span", share));
  return item;
}));
