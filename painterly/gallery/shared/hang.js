// Hangs pictures on the wall: rows of equal height over its full width, days above their first picture.
import { byId, fill, make, picture, sign, stem } from "./elements.js";
import { hasStar } from "./stars.js";
import { dayOf, text } from "./texts.js";

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
// A wide picture is loaded in full width.
const imageOf = (each) => picture(each.thumb, each.alt, each.preview || "", `${Math.ceil(ratioOf(each) * 23)}vw`);
const cardOf = (each) => {
  const link = make("a", imageOf(each)), star = make("button.round.star", sign("star"));
  const frame = make("figure", link, make("figcaption", make("b", stem(each.photo)), make("small", each.title)), star);
  const card = make("li.card", make("div.day"), frame);
  link.href = `#${each.anchor}`;
  star.ariaLabel = text("gallery.star_of", { picture: each.alt });
  frame.style.setProperty("--r", ratioOf(each));
  card.dataset.number = each.number;
  finish(card, each);
  return card;
};
export const cardWith = (each) => {
  if (!cards.has(each)) cards.set(each, cardOf(each));
  return cards.get(each);
};
export const showStars = (each) => cardWith(each).querySelector(".star").ariaPressed = hasStar(each.star);

// Every break of a row is tried; the rows whose heights differ least from the wished one win.
const rowsOf = (ratios, width, gap, wished) => {
  const best = [{ cost: 0, from: 0 }], rows = [];
  for (let end = 1; end <= ratios.length; end += 1) {
    best[end] = { cost: Infinity };
    for (let from = end - 1, sum = 0; from >= 0 && end - from <= MOST_IN_ROW; from -= 1) {
      sum += ratios[from];
      const fitting = (width - gap * (end - from - 1)) / sum, isShort = end === ratios.length && fitting > 1.25 * wished;
      const height = isShort ? wished : fitting, off = (height - wished) / wished, cost = best[from].cost + off * off * (off > 0 ? 1 : 1.3);
      if (cost < best[end].cost) best[end] = { cost, from, end, height };
    }
  }
  for (let end = ratios.length; end > 0; end = rows[0].from) rows.unshift(best[end]);
  return rows;
};
let shown = [], hasDays = true;
const lay = () => {
  const { columnGap, gridAutoRows } = getComputedStyle(wall), gap = parseFloat(columnGap), ratios = shown.map(ratioOf);
  const days = shown.map(({ time }) => hasDays ? dayOf(time) : ""), heads = days.map((day, at) => day === days[at - 1] ? "" : day);
  for (const { from, end, height } of rowsOf(ratios, wall.clientWidth - 0.5, gap, parseFloat(gridAutoRows))) {
    let room = wall.clientWidth;
    for (let at = from; at < end; at += 1) {
      const card = cardWith(shown[at]), place = card.firstElementChild, width = height * ratios[at];
      card.style.setProperty("--w", `${Math.floor(100 * width) / 100}px`);
      card.classList.toggle("close", from > 0 && !heads.slice(from, end).some(Boolean));
      if (place.textContent !== heads[at]) place.replaceChildren(...(heads[at] ? [make("h2", heads[at])] : []));
      place.classList.toggle("today", heads[at] !== "" && heads[at] === dayOf(Date.now()));
      place.classList.remove("ends");
      place.style.setProperty("--room", `${Math.floor(room)}px`);
      place.classList.toggle("ends", at > from && place.scrollWidth > place.clientWidth);
      room -= width + gap;
    }
  }
};
// Hangs some pictures instead of those before, perhaps under their days.
export const hang = (some, withDays) => {
  [shown, hasDays] = [some, withDays];
  some.forEach(showStars);
  fill(wall, some.map(cardWith));
  lay();
};
new ResizeObserver(lay).observe(wall);
