// The settings: how strong and how large a picture is painted, on which paper, how carefully, and how long that takes.
import { announce, byId, CM_OF_PX, copyField, mark, matching, on, root, say } from "./shared/elements.js";
import { decimal, text } from "./shared/texts.js";
import { ask } from "./api.js";
import {
  careOf, choice, choose, chooseCare, computed, effect, extentOf, isSheetOpen, photo, restoreChoice, stylesSettings, times,
} from "./state.js";
import { about } from "./words.js";

const form = byId("order"), paper = byId("paper"), sheet = byId("sheet");
const LARGE = 3840; // px of the longer side
export const defaults = JSON.parse(form.dataset.defaults);
restoreChoice({ preset: form.elements.preset.value, paper: paper.value });
export const changes = computed(() => {
  const { changes: changed } = choice.value;
  return Object.fromEntries(Object.keys(defaults).filter((name) => name in changed).map((name) => [name, changed[name]]));
});

export const secondsOf = (preset) => times.value.own[preset];
export const secondsOn = (paperName) => times.value.own.papers?.[paperName];
const secondsHere = (care) => (times.value.ofQuery || times.value.own)[care];
const numbers = (words) => words.split(" ").map(Number);
// Without preset fine, as without TensorFlow, a sheet of paper is painted by preset instant.
export const paintsFine = form.querySelector("[name=preset][value=fine]") !== null, printPreset = paintsFine ? "print" : "instant";
const chosenPaper = () => {
  const option = [...paper.options].find(({ value }) => value === choice.value.paper), { value: name, text: shown, dataset } = option;
  return { name, shown, mm: numbers(dataset.mm), px: numbers(dataset.px), dpi: Number(dataset.dpi) };
};
// For a screen, each preset has its own size.
export const extentSettings = (of) => {
  const { name, dpi } = chosenPaper();
  return { screen: {}, "4k": { size: LARGE }, paper: { paper: name, dpi } }[extentOf(of)];
};
// Fine on paper is preset print.
export const presetOf = (of) => (extentOf(of) === "paper" && careOf(of) === "fine" ? "print" : careOf(of));
export const secondsOfForm = () => secondsHere(careOf(photo.value));

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
const extents = () => {
  const { shown, mm } = chosenPaper(), own = times.value.own.sizes?.[careOf(photo.value)];
  return {
    screen: own > 0 ? [pixelsOf(own), own * CM_OF_PX] : [text("page.original_size"), LARGE * CM_OF_PX],
    "4k": [pixelsOf(LARGE), LARGE * CM_OF_PX],
    paper: [text("page.paper_of", { paper: shown, ...turned(mm.map((side) => decimal(side / 10, 0))) }), mm[1] / 10],
  };
};
// Shows the sizes to scale. Clips are not printed.
const showExtents = () => {
  const isClip = Boolean(photo.value?.frames), all = extents(), most = Math.max(...Object.values(all).map(([, cm]) => cm));
  const { px, dpi } = chosenPaper(), extent = extentOf(photo.value);
  byId("sizes").style.setProperty("--ratio", ratioOfPhoto());
  for (const each of matching(".preset", byId("sizes"))) {
    const field = each.firstElementChild, [words, cm] = all[field.value];
    field.checked = field.value === extent;
    mark(field, "aria-disabled", isClip && field.value === "paper");
    each.querySelector("small").textContent = words;
    each.querySelector("img").style.setProperty("--part", cm / most);
  }
  paper.value = choice.value.paper;
  byId("paper-row").hidden = extent !== "paper";
  say("paper-for", text("page.paper_for", { pixels: text("page.pixels", turned(px)), dpi }));
  for (const each of matching("label", byId("cares"))) {
    const field = each.firstElementChild, seconds = secondsHere(field.value);
    field.checked = field.value === careOf(photo.value);
    each.querySelector("time").textContent = seconds ? about(seconds) : text("page.time_unknown");
  }
  say("sum", `${text(`page.preset.${careOf(photo.value)}`)}, ${all[extent][0]}`);
};
effect(() => { void isSheetOpen.value; showExtents(); });
on("photo-side", "load", () => { if (isSheetOpen.value) showExtents(); });

// The value at each slider's place, the place of a value, and the values below which it has each name. 2 is as far from 1 as 0.5 is.
const sliders = {
  strength: {
    at: (value) => value, valueAt: (place) => place,
    names: [[0.2, "very_light"], [0.4, "light"], [0.61, "medium"], [0.81, "strong"], [Infinity, "very_strong"]],
  },
  stroke_size: {
    at: Math.log2, valueAt: (place) => Number((2 ** place).toFixed(2)),
    names: [[0.6, "very_fine"], [0.9, "fine"], [1.2, "normal"], [1.7, "large"], [Infinity, "very_large"]],
  },
};
const valueOf = ({ name, checked, valueAsNumber }) => {
  if (name in sliders) return sliders[name].valueAt(valueAsNumber);
  return typeof defaults[name] === "number" ? Number(checked) : checked;
};
effect(() => {
  const settings = { ...defaults, ...stylesSettings.value, ...changes.value };
  for (const name of Object.keys(defaults)) {
    const field = form.elements[name], slider = sliders[name];
    if (!slider) { field.checked = settings[name]; continue; }
    field.value = slider.at(settings[name]);
    field.style.setProperty("--value", `${100 * (field.value - field.min) / (field.max - field.min)}%`);
    const [, key] = slider.names.find(([below]) => valueOf(field) < below), words = text(`page.${name}.${key}`);
    byId(`${name}-value`).textContent = words;
    field.ariaValueText = `${decimal(valueOf(field), 2)}, ${words}`;
  }
});
on(form, "input", ({ target }) => {
  const { name } = target;
  if (name in defaults) choose({ changes: { ...choice.value.changes, [name]: valueOf(target) } }, name in sliders ? target : null);
});
on(sheet, "change", ({ target: { name, id, value } }) => {
  if (name === "preset") chooseCare(value);
  if (name === "extent") choose({ extent: value });
  if (id === "paper") choose({ paper: value });
});
on("sizes", "click", (event) => { if (event.target.matches("[aria-disabled]")) event.preventDefault(); });

// Returns whether the times of all presets are known.
export const loadTimes = async () => {
  const { query } = times.peek(), all = [ask(`${root}/api/estimate`), query && ask(`${root}/api/estimate${query}`)];
  const [own, ofQuery] = await Promise.all(all), isChosen = query === times.peek().query; // Another size may be chosen by now.
  times.value = isChosen ? { own, query, ofQuery: ofQuery || null } : { ...times.peek(), own };
  return !Object.values(own).includes(null);
};
// The times of another size, and of a clip.
const queryOf = computed(() => {
  const { frames, job, kept } = photo.value || {}, again = frames ? [`again=${job || kept}`] : [];
  const size = { screen: [], "4k": [`size=${LARGE}`], paper: [`size=${chosenPaper().px[1]}`] }[extentOf(photo.value)];
  return [...size, ...again].join("&").replace(/^(?=.)/, "?");
});
effect(() => {
  const query = queryOf.value;
  if (query === times.peek().query) return;
  times.value = { ...times.peek(), query, ofQuery: query ? {} : null };
  loadTimes().catch(() => { /* Another message says that the server does not answer. */ });
});
// What of a choice this service has, which may have been made when it had more.
export const possible = ({ preset, paper: name, ...others }) => ({
  ...others, ...(form.querySelector(`[name=preset][value="${CSS.escape(preset)}"]`) && { preset }),
  ...([...paper.options].some(({ value }) => value === name) && { paper: name }),
});
export const extentOfJob = ({ preset, settings }) => {
  const { paper: name, size } = settings || {}, choice = possible({ preset: preset === "print" ? "fine" : preset, paper: name });
  return { ...choice, extent: choice.paper ? "paper" : size === LARGE ? "4k" : "screen" };
};

// If it cannot be copied, the command is selected.
if (byId("fine-copy")) on("fine-copy", "click", () => { if (copyField(byId("fine-command"))) announce(text("gallery.copied")); });

// The sheet covers the styles, not the picture that the settings change.
effect(() => {
  sheet.hidden = !isSheetOpen.value;
  byId("how").ariaExpanded = isSheetOpen.value;
});
export const openSheet = (open) => {
  isSheetOpen.value = open;
  byId(open ? "how-title" : "how").focus({ preventScroll: true });
};
on("sheet-close", "click", () => openSheet(false));
on(sheet, "keydown", ({ key }) => { if (key === "Escape") openSheet(false); });
