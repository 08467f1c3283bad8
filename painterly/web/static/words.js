// Times and names in words.
import { stem, withoutCode } from "./shared/elements.js";
import { duration, text } from "./shared/texts.js";

export const rounded = (seconds) => {
  if (seconds < 8) return text("page.few_seconds");
  const unit = seconds < 55 ? 5 : seconds < 3570 ? 60 : 900;
  return duration(unit * Math.max(1, Math.round(seconds / unit)));
};
export const about = (seconds) => seconds < 8 ? rounded(seconds) : text("page.about", { time: rounded(seconds) });
// On a button there is room for a number alone.
export const brief = (seconds) => seconds < 8 ? duration(Math.max(1, Math.ceil(seconds))) : rounded(seconds);
export const capital = (words) => words[0].toUpperCase() + words.slice(1);
export const ofFile = ({ name }, reason) => reason.includes(name) ? reason : text("page.of_file", { name, reason });
// A painting as people call it: without its folder, the code of an upload, and the ending.
export const paintingName = (name) => {
  const file = withoutCode(name).split("/").at(-1);
  return capital(stem(file).replace(/[-_]+/g, " "));
};
