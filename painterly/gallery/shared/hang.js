// Hangs pictures on the wall: rows of equal height over its full width, days above their first picture.
import { byId, make, picture, sign } from "./elements.js";
import { dayOf, text } from "./texts.js";
import { hasStar } from "./stars.js";

const MOST_IN_ROW = 9, WIDEST = 4, USUAL_SIZE = [2, 3];
export const wall = byId("pictures");
const cards = new Map();
// function: is called with each new card and its picture.
let finish = () => {};
export const bindCards = (called) => { finish = called; };

const ratioOf = ({ size }) => {
  const [height, width] = size || USUAL_SIZE;
  return Math.min(WIDEST, Math.max(1 / WIDEST, width / height));
};
// A wide picture is loaded in full width; a page alone has the small one.
const sharpened = (image, { thumb, preview, size }) => {
  if (!thumb || !preview || !image.src) return;
  image.sizes = `${Math.ceil(ratioOf({ size }) * 23)}vw`;
  image.srcset = `${thumb} 320w, ${preview} 1280w`;
  const missing = image.onerror;
  image.onerror = () => { if (image.srcset) image.removeAttribute("srcset"); else missing(); };
};
const cardOf = (each) => {
  const card = make("li", "", "card"), day = make("div", "", "day"), frame = make("figure"), link = make("a");
  const image = picture(each.thumb, each.alt), caption = make("figcaption"), star = make("button", "", "round star");
  link.href = `#${each.anchor}`;
  link.append(image);
  sharpened(image, each);
  const photo = each.photo.replace(/\.\w+$/, "");
  caption.append(make("b", each.title), make("small", text("gallery.of_work", { photo, work: each.work })));
  star.type = "button";
  star.append(sign("star"));
  star.setAttribute("aria-label", text("gallery.star_of", { picture: each.alt }));
  frame.append(link, caption, star);
  frame.style.setProperty("--r", ratioOf(each));
  card.append(day, frame);
  card.dataset.number = each.number;
  finish(card, each);
  return card;
};
export const cardWith = (each) => {
  if (!cards.has(each)) cards.set(each, cardOf(each));
  return cards.get(each);
};
export const showStars = (each) => cardWith(each).querySelector(".star").setAttribute("aria-pressed", String(hasStar(each.star)));

// Every break of a row is tried; the rows whose heights differ least from the wished one win.
const rowsOf = (ratios, width, gap, wished) => {
  const best = [{ cost: 0, from: 0 }];
  for (let end = 1; end <= ratios.length; end += 1) {
    best[end] = { cost: Infinity };
    for (let from = end - 1, sum = 0; from >= 0 && end - from <= MOST_IN_ROW; from -= 1) {
      sum += ratios[from];
      const fitting = (width - gap * (end - from - 1)) / sum, isShort = end === ratios.length && fitting > 1.25 * wished;
      const height = isShort ? wished : fitting, off = (height - wished) / wished;
      const cost = best[from].cost + off * off * (off > 0 ? 1 : 1.3);
      if (cost < best[end].cost) best[end] = { cost, from, height };
    }
  }
  const rows = [];
  for (let end = ratios.length; end > 0; end = best[end].from) rows.unshift({ ...best[end], end });
  return rows;
};
let shown = [];
const lay = () => {
  const { columnGap, gridAutoRows } = getComputedStyle(wall), gap = parseFloat(columnGap), ratios = shown.map(ratioOf);
  let day = null;
  for (const { from, end, height } of rowsOf(ratios, wall.clientWidth - 0.5, gap, parseFloat(gridAutoRows))) {
    const heads = shown.slice(from, end).map((each) => {
      const head = dayOf(each.time), isNew = head !== day;
      day = head;
      return isNew && head;
    });
    let room = wall.clientWidth;
    heads.forEach((head, at) => {
      const card = cardWith(shown[from + at]), place = card.firstElementChild;
      card.style.setProperty("--w", `${Math.floor(100 * height * ratios[from + at]) / 100}px`);
      card.classList.toggle("close", from > 0 && !heads.some(Boolean));
      if (place.textContent !== (head || "")) place.replaceChildren(...(head ? [make("h2", head)] : []));
      place.classList.toggle("today", head !== false && head === dayOf(Date.now()));
      place.classList.remove("ends");
      place.style.setProperty("--room", `${Math.floor(room)}px`);
      place.classList.toggle("ends", at > 0 && place.scrollWidth > place.clientWidth);
      room -= height * ratios[from + at] + gap;
    });
  }
};
// Hangs some pictures instead of those before.
export const hang = (some) => {
  shown = some;
  const roots = some.map(cardWith);
  for (const each of some) showStars(each);
  const isSame = roots.length === wall.childElementCount && roots.every((each, at) => each === wall.children[at]);
  if (!isSame) wall.replaceChildren(...roots);
  lay();
};
new ResizeObserver(lay).observe(wall);
