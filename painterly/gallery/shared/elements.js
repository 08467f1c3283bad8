// The parts that pages are made of.
import { text } from "./texts.js";

export const by = (id) => document.getElementById(id);
export const make = (tag, words, name) => {
  const made = document.createElement(tag);
  if (words) made.textContent = words;
  if (name) made.className = name;
  return made;
};
// size: height and width in px if they are known, so that nothing moves when the picture loads.
export const picture = (source, alt, size) => {
  const image = make("img");
  image.loading = "lazy";
  image.decoding = "async";
  image.alt = alt;
  if (size) [image.height, image.width] = size;
  image.onerror = () => {
    const blank = make("span", text("gallery.no_preview"), "blank");
    if (alt) { blank.setAttribute("role", "img"); blank.setAttribute("aria-label", alt); }
    image.replaceWith(blank);
  };
  image.src = source;
  return image;
};
// A list of names and texts; returns whether it has any.
export const fill = (list, rows) => {
  list.replaceChildren(...rows.flatMap(([name, value]) => [make("dt", name), make("dd", value)]));
  return rows.length > 0;
};
// Shows paintings with their shares.
export const hangPaintings = (list, paintings) => list.replaceChildren(...paintings.map(({ name, thumb, share }) => {
  const item = make("li");
  item.append(thumb ? picture(thumb, "") : make("span", text("gallery.no_preview"), "blank"));
  item.append(make("span", name), make("span", share));
  return item;
}));
