// The sheet with the settings: how large it is painted, on which paper, how carefully, and how long that takes.
import { byId, root } from "./shared/elements.js";
import { decimal, text } from "./shared/texts.js";
import { ask } from "./api.js";
import { about } from "./words.js";

const form = byId("order"), paper = byId("paper"), sizes = [...byId("sizes").querySelectorAll(".preset")];
const LARGE = 3840, CM_OF_PX = 2.54 / 300; // px of the longer side; a print has 300 dots per inch
// estimates: those of each preset's own size. ofExtent: those of the chosen size, once they are known.
let estimates = {}, ofExtent = null, asked = "";
export const secondsOf = (preset) => estimates[preset];
export const secondsOn = (paperName) => (estimates.papers || {})[paperName];
// The same at the chosen size.
const secondsHere = (care) => (ofExtent || estimates)[care];
const numbers = (words) => words.split(" ").map(Number);
const chosenPaper = () => {
  const { value: name, text: shown, dataset: { mm, px, dpi } } = paper.selectedOptions[0];
  return { name, shown, mm: numbers(mm), px: numbers(px), dpi: Number(dpi) };
};
const extent = () => form.elements.extent.value, care = () => form.elements.preset.value;
// The settings of the chosen size: none for a screen, where each preset has its own size.
export const extentSettings = () => {
  const { name, dpi } = chosenPaper();
  return { screen: {}, "4k": { size: LARGE }, paper: { paper: name, dpi } }[extent()];
};
// Fine on paper is preset print.
export const presetOfForm = () => extent() === "paper" && care() === "fine" ? "print" : care();
export const secondsOfForm = () => secondsHere(care());

const pixelsOf = (longer, ratio) => {
  const sides = ratio > 1 ? [longer, longer / ratio] : [longer * ratio, longer];
  return text("page.pixels", { width: Math.round(sides[0]), height: Math.round(sides[1]) });
};
const ratioOfPhoto = () => {
  const { naturalWidth: width, naturalHeight: height } = byId("photo-side");
  return width ? width / height : 1.5;
};
// The words of each size, and the cm of its longer side.
const extents = () => {
  const { shown, mm: [shorter, longer] } = chosenPaper(), ratio = ratioOfPhoto(), own = (estimates.sizes || {})[care()];
  const upright = [shorter, longer].map((side) => decimal(side / 10, 0)), cm = ratio > 1 ? upright.reverse() : upright;
  return {
    screen: own > 0 ? [pixelsOf(own, ratio), own * CM_OF_PX] : [text("page.original_size"), LARGE * CM_OF_PX],
    "4k": [pixelsOf(LARGE, ratio), LARGE * CM_OF_PX],
    paper: [text("page.paper_of", { paper: shown, width: cm[0], height: cm[1] }), longer / 10],
  };
};
export const saidOfForm = () => {
  const size = { screen: [], "4k": [text("page.size.4k")], paper: [chosenPaper().shown] }[extent()];
  return [text(`page.preset.${care()}`), ...size].join(", ");
};
export const showExtents = () => {
  const all = extents(), most = Math.max(...Object.values(all).map(([, cm]) => cm)), shown = byId("painting-side").src;
  const { px: [shorter, longer], dpi } = chosenPaper(), isWide = ratioOfPhoto() > 1;
  for (const each of sizes) {
    const [words, cm] = all[each.firstElementChild.value], image = each.querySelector("img");
    each.querySelector("small").textContent = words;
    image.style.setProperty("--part", cm / most);
    if (image.src !== shown) image.src = shown;
  }
  byId("paper-row").hidden = extent() !== "paper";
  const [width, height] = isWide ? [longer, shorter] : [shorter, longer];
  byId("paper-for").textContent = text("page.paper_for", { pixels: text("page.pixels", { width, height }), dpi });
  for (const each of byId("cares").querySelectorAll("label")) {
    const seconds = secondsHere(each.firstElementChild.value);
    each.querySelector("time").textContent = seconds ? about(seconds) : text("page.time_unknown");
  }
  byId("sum").textContent = `${text(`page.preset.${care()}`)}, ${all[extent()][0]}`;
};
// Loads how long pictures take. Returns whether that is known for all presets.
export const loadTimes = async () => {
  const [own, chosen] = await Promise.all(["", asked].map((query) => ask(`${root}/api/estimate${query}`)));
  [estimates, ofExtent] = [own, asked && chosen];
  // The time of preset master is known after a first picture.
  return !Object.entries(estimates).some(([name, seconds]) => seconds === null && name !== "master");
};
// Loads the times of another size; shown is called then.
export const followExtent = async (shown) => {
  const [, longer] = chosenPaper().px, query = { screen: "", "4k": `?size=${LARGE}`, paper: `?size=${longer}` }[extent()];
  if (query === asked) return;
  [asked, ofExtent] = [query, query ? {} : null];
  try { await loadTimes(); } catch { return; /* Another message says that the server does not answer. */ }
  shown();
};
// Chooses the size and the care of a job.
export const setExtentOf = ({ preset, settings }) => {
  const { paper: name, size } = settings || {}, isKnown = [...paper.options].some(({ value }) => value === name);
  if (isKnown) paper.value = name;
  form.elements.extent.value = isKnown ? "paper" : size === LARGE ? "4k" : "screen";
  if (preset) form.elements.preset.value = preset === "print" ? "fine" : preset;
};

// The sheet covers the styles, not the picture that the settings change.
const openSheet = (open) => {
  byId("sheet").hidden = !open;
  document.body.classList.toggle("setting", open);
  byId("how").setAttribute("aria-expanded", String(open));
  byId(open ? "how-title" : "how").focus({ preventScroll: true });
  if (open) showExtents();
};
byId("how").addEventListener("click", () => openSheet(byId("sheet").hidden));
byId("sheet-close").addEventListener("click", () => openSheet(false));
byId("sheet").addEventListener("keydown", ({ key }) => { if (key === "Escape") openSheet(false); });
