// What a screen reader says without being asked.
import { by } from "./shared/elements.js";

let clearing = 0;
export const say = (text) => {
  by("said").textContent = by("said").textContent === text ? `${text}\u00a0` : text;
  clearTimeout(clearing);
  clearing = setTimeout(() => { by("said").textContent = ""; }, 5000);
};
