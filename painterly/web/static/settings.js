// The sheet with the settings: how large it is painted, on which paper, how carefully, and how long that takes.
import { announce, byId, mark, matching, on, root, say } from "./shared/elements.js";
import { decimal, text } from "./shared/texts.js";
import { ask } from "./api.js";
import { photo, signal } from "./state.js";
import { about } from "./words.js";

const form = byId("order"), paper = byId("paper"), sheet = byId("sheet"), sides = [byId("painting-side"), byId("photo-side")];
const LARGE = 3840, CM_OF_PX = 2.54 / 300; // px of the longer side; a print has 300 dots per inch
// estimates: those of each preset's own size. ofExtent: those of the chosen size, or of the clip, once they are known.
const times = signal({ estimates: {}, ofExtent: null });
let asked = "";
export const secondsOf = (preset) => times.value.estimates[preset];
export const secondsOn = (paperName) => (times.value.estimates.papers || {})[paperName];
const secondsHere = (care) => (times.value.ofExtent || times.value.estimates)[care];
const extent = () => form.elements.extent.value, care = () => form.elements.preset.value;
const numbers = (words) => words.split(" ").map(Number);
// Without preset fine, as without TensorFlow, a sheet of paper is painted by preset instant.
export const paintsFine = form.querySelector("[name=preset][value=fine]") !== null, printPreset = paintsFine ? "print" : "instant";
const chosenPaper = () => {
  const { value: name, text: shown, dataset: { mm, px, dpi } } = paper.selectedOptions[0];
  return { name, shown, mm: numbers(mm), px: numbers(px), dpi: Number(dpi) };
};
// The settings of the chosen size: none for a screen, where each preset has its own size.
export const extentSettings = () => {
  const { name, dpi } = chosenPaper();
  return { screen: {}, "4k": { size: LARGE }, paper: { paper: name, dpi } }[extent()];
};
// Fine on paper is preset print.
export const presetOfForm = () => extent() === "paper" && care() === "fine" ? "print" : care();
export const secondsOfForm = () => secondsHere(care());

const ratioOfPhoto = () => {
  const { naturalWidth, naturalHeight } = byId("photo-side");
  return naturalWidth / naturalHeight || 1.5;
};
// The shorter and the longer side, or numbers of theirs, as width and height of the photo's direction.
const turned = ([shorter, longer]) => {
  const [width, height] = ratioOfPhoto() > 1 ? [longer, shorter] : [shorter, longer];
  return { width, height };
};
const sidesOf = (longer) => [Math.round(longer * Math.min(ratioOfPhoto(), 1 / ratioOfPhoto())), longer];
const pixelsOf = (longer) => text("page.pixels", turned(sidesOf(longer)));
// The words of each size, and the cm of its longer side.
const extents = () => {
  const { shown, mm, px } = chosenPaper(), own = (times.value.estimates.sizes || {})[care()];
  return {
    screen: own > 0 ? [pixelsOf(own), own * CM_OF_PX] : [text("page.original_size"), LARGE * CM_OF_PX],
    "4k": [pixelsOf(LARGE), LARGE * CM_OF_PX],
    paper: [text("page.paper_of", { paper: shown, ...turned(mm.map((side) => decimal(side / 10, 0))) }), mm[1] / 10],
  };
};
const careSaid = () => text(`page.preset.${care()}`);
export const saidOfForm = () => {
  const size = { screen: [], "4k": [text("page.size.4k")], paper: [chosenPaper().shown] }[extent()];
  return [careSaid(), ...size].join(", ");
};
// Shows the sizes. Clips are not printed.
export const showExtents = () => {
  const isClip = Boolean(photo.value?.frames);
  if (isClip && extent() === "paper") form.elements.extent.value = "screen";
  const all = extents(), most = Math.max(...Object.values(all).map(([, cm]) => cm)), { px, dpi } = chosenPaper();
  const { src } = sides.find(({ hidden }) => !hidden) || sides[0];
  byId("sizes").style.setProperty("--ratio", ratioOfPhoto());
  for (const each of matching(".preset", byId("sizes"))) {
    const field = each.firstElementChild, [words, cm] = all[field.value], image = each.querySelector("img");
    mark(field, "aria-disabled", isClip && field.value === "paper");
    each.querySelector("small").textContent = words;
    image.style.setProperty("--part", cm / most);
    image.src = src;
  }
  byId("paper-row").hidden = extent() !== "paper";
  say("paper-for", text("page.paper_for", { pixels: text("page.pixels", turned(px)), dpi }));
  for (const each of matching("label", byId("cares"))) {
    const seconds = secondsHere(each.firstElementChild.value);
    each.querySelector("time").textContent = seconds ? about(seconds) : text("page.time_unknown");
  }
  say("sum", `${careSaid()}, ${all[extent()][0]}`);
};
// Loads how long pictures take. Returns whether that is known for all presets.
export const loadTimes = async () => {
  const query = asked, all = [ask(`${root}/api/estimate`), query && ask(`${root}/api/estimate${query}`)];
  const [estimates, ofExtent] = await Promise.all(all);
  if (query === asked) times.value = { estimates, ofExtent: ofExtent || null }; // Another size may have been chosen.
  return !Object.values(estimates).includes(null);
};
// Loads the times of another size, and of a clip.
export const followExtent = () => {
  const { frames, job, kept } = photo.value || {}, again = frames ? [`again=${job || kept}`] : [];
  const size = { screen: [], "4k": [`size=${LARGE}`], paper: [`size=${chosenPaper().px[1]}`] }[extent()];
  const query = [...size, ...again].join("&").replace(/^(?=.)/, "?");
  if (query === asked) return;
  asked = query;
  times.value = { ...times.peek(), ofExtent: query ? {} : null };
  loadTimes().catch(() => { /* Another message says that the server does not answer. */ });
};
// Chooses the size and the care of a job.
export const setExtentOf = ({ preset, settings }) => {
  const { paper: name, size } = settings || {}, isKnown = [...paper.options].some(({ value }) => value === name);
  if (isKnown) paper.value = name;
  form.elements.extent.value = isKnown ? "paper" : size === LARGE ? "4k" : "screen";
  if (preset) form.elements.preset.value = preset === "print" ? "fine" : preset;
};

// Pages without https have no other clipboard. If it cannot be copied, the command is selected.
if (byId("fine-copy")) {
  on("fine-copy", "click", () => {
    byId("fine-command").select();
    if (document.execCommand("copy")) announce(text("gallery.copied"));
  });
}
on("sizes", "click", (event) => { if (event.target.matches("[aria-disabled]")) event.preventDefault(); });

// The sheet covers the styles, not the picture that the settings change.
export const openSheet = (open) => {
  sheet.hidden = !open;
  byId("how").ariaExpanded = open;
  byId(open ? "how-title" : "how").focus({ preventScroll: true });
  if (open) showExtents();
};
for (const side of sides) on(side, "load", () => { if (!sheet.hidden) showExtents(); });
on("how", "click", () => openSheet(sheet.hidden));
on("sheet-close", "click", () => openSheet(false));
on(sheet, "keydown", ({ key }) => { if (key === "Escape") openSheet(false); });
