// Hangs pictures on the wall, days above their first picture.
import { byId, fill, make, picture, sign, stem } from "./elements.js";
import { hasStar } from "./stars.js";
import { dayOf, text } from "./texts.js";

const WIDEST = 4, USUAL_SIZE = [2, 3];
export const wall = byId("pictures");
const cards = new Map();
// function: is called with each new card and its picture.
let finish = () => {};
export const bindCards = (called) => { finish = called; };

const ratioOf = ({ size }) => {
  const [height, width] = size || USUAL_SIZE;
  return Math.min(WIDEST, Math.max(1 / WIDEST, width / height));
};
const imageOf = (each) => picture(each.thumb, each.alt, each.preview || "", `${Math.ceil(ratioOf(each) * 23)}vw`);
const cardOf = (each) => {
  const link = make("a", imageOf(each)), star = make("button.round.star", sign("star"));
  const frame = make("figure", link, make("figcaption", make("b", stem(each.photo)), make("small", each.title)), star);
  const card = make("li.card", make("div.day"), frame);
  link.href = `#${each.anchor}`;
  star.ariaLabel = text("gallery.star_of", { picture: each.alt });
  card.style.setProperty("--r", ratioOf(each));
  card.dataset.number = each.number;
  finish(card, each);
  return card;
};
export const cardWith = (each) => {
  if (!cards.has(each)) cards.set(each, cardOf(each));
  return cards.get(each);
};
export const showStars = (each) => cardWith(each).querySelector(".star").ariaPressed = hasStar(each.star);

// Hangs some pictures instead of those before, perhaps under their days.
export const hang = (some, withDays) => {
  const days = some.map(({ time }) => withDays ? dayOf(time) : ""), today = dayOf(Date.now());
  for (const [at, each] of some.entries()) {
    const place = cardWith(each).firstElementChild, day = days[at] === days[at - 1] ? "" : days[at];
    if (place.textContent !== day) place.replaceChildren(...(day ? [make("h2", day)] : []));
    place.classList.toggle("today", day === today);
    showStars(each);
  }
  fill(wall, some.map(cardWith));
};
