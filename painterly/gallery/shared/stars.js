// Stars, which this browser keeps for the pictures of this page's address: their keys.
import { keep, recall } from "./texts.js";

const STARS_AT = `painterly_stars:${location.pathname.replace(/(\/gallery)?\/[^/]*$/, "")}`;

const stars = new Set(recall(STARS_AT) || []);
export const hasStar = (key) => stars.has(key);
export const setStar = (key, isSet) => {
  if (isSet) stars.add(key); else stars.delete(key);
  keep(STARS_AT, [...stars]);
};
