// Numbers and names in words, and what a screen reader says without being asked.
import { by } from "./shared/elements.js";

let clearing = 0;
export const say = (text) => {
  by("said").textContent = by("said").textContent === text ? `${text}\u00a0` : text;
  clearTimeout(clearing);
  clearing = setTimeout(() => { by("said").textContent = ""; }, 5000);
};
export const spoken = (seconds) => {
  if (seconds < 8) return "a few seconds";
  if (seconds < 55) return `${5 * Math.round(seconds / 5)} s`;
  if (seconds < 3570) return `${Math.max(1, Math.round(seconds / 60))} min`;
  const quarters = Math.round(seconds / 900), hours = Math.floor(quarters / 4);
  return quarters % 4 ? `${hours} h ${15 * (quarters % 4)} min` : `${hours} h`;
};
export const about = (seconds) => seconds < 8 ? spoken(seconds) : `about ${spoken(seconds)}`;
export const megabytes = (bytes) => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
export const counted = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;
export const percent = (share) => `${Math.round(100 * share)} %`;
export const placed = (place) => {
  if (place === 1) return "next in line";
  const teen = place % 100 > 10 && place % 100 < 14;
  return `${place}${teen ? "th" : { 1: "st", 2: "nd", 3: "rd" }[place % 10] || "th"} in line`;
};
export const dated = (moment) => new Date(moment).toLocaleString("en-GB", { dateStyle: "long", timeStyle: "short" });
// A message about a file, with its name.
export const ofFile = ({ name }, said) => said.includes(name) ? said : `${name}: ${said}`;
// A painting as people call it: without its folder, the code of an upload, and the ending.
export const paintingName = (name) => name.split("/").at(-1).replace(name.startsWith("_web/") ? /^[0-9a-f]{12}-/ : "", "").replace(/\.\w+$/, "");
// The title of a job or a result: its photo and its style.
export const styleOf = ({ style }) => style;
export const titleOf = (each) => `${each.photo} in ${styleOf(each)}`;
