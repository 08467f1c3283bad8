// The order: how it is painted, what it takes, and ordering it.
//
// How state flows: state.js has photos, jobs, orders and notices. Which styles, settings and size are chosen is kept by the form's fields;
// its `change` event, from its user or from styles.js and this module, is counted in state.js. All that is shown follows in effects.
import { announce, byId, changed, mark, matching, on, say } from "./shared/elements.js";
import { counted, decimal, text } from "./shared/texts.js";
import {
  extentSettings, followExtent, loadTimes, presetOfForm, saidOfForm, secondsOf, secondsOfForm, secondsOn, setExtentOf,
  showExtents,
} from "./settings.js";
import { chooseFirst, chooseOf, chosenStyles, chosenTiles, setStylesOf, settingsOfStyles, tilesOf } from "./styles.js";
import { choosePhotoOf } from "./photos.js";
import { post, stopSending } from "./sending.js";
import {
  clearNotices, effect, form as formChanged, isSending, isUnsent, notices, orders, photo, photos, photoWith, refined, refuse, shownJob,
  shownResult, showJob, showOrder, signal, untracked, wait, waiting,
} from "./state.js";
import { about, brief } from "./words.js";

const form = byId("order"), paint = byId("paint"), stop = byId("stop-sending");
// The service's settings, and the settings that the user has changed here, which override those of styles.
export const defaults = JSON.parse(form.dataset.defaults);
let changes = {};
export const changedSettings = () => changes;
const setChanges = (settings, target) => {
  changes = settings;
  changed(target);
};

const countOf = () => photos.value.length * chosenStyles().length;
// Whether the red button adds something to the preview: more than one picture, a clip, or a finer or larger one.
export const addsToPreview = () => {
  const isFirstFrame = Boolean(photo.value?.frames);
  return isFirstFrame || countOf() > 1 || presetOfForm() !== "instant" || Object.keys(extentSettings()).length > 0;
};
// What the red button says.
const saidOfPaint = () => {
  const whole = orders.value.length, at = whole - waiting.value.length + 1, count = countOf();
  if (isSending.value && wait.value) return counted("page.to_send", waiting.value.length);
  if (isSending.value) return text(whole > 1 ? "page.sending_of" : "page.sending", { at, whole });
  if (count > 1) return counted("page.paint_pictures", count);
  return text(photo.value?.frames ? "page.paint_clip" : `page.paint_as.${presetOfForm()}`);
};
effect(() => {
  void formChanged.value;
  showExtents();
  const seconds = secondsOfForm();
  say("how-said", saidOfForm());
  say("paint-said", saidOfPaint());
  say("paint-time", !isSending.value && seconds ? brief(seconds * Math.max(1, countOf())) : "");
  // The sheet has the same button.
  for (const [at, part] of [...byId("sum-paint").children].entries()) part.textContent = paint.children[at].textContent;
  mark(paint, "aria-disabled", isSending.value);
});
effect(() => {
  if (!wait.value && document.activeElement === stop) (paint.getClientRects().length ? paint : byId("heading")).focus();
  stop.hidden = !wait.value;
  say("queue-full", wait.value || "");
});
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
  void formChanged.value;
  const settings = { ...defaults, ...settingsOfStyles(), ...changes };
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
// Shows how long pictures take; returns whether that is known for all presets.
export const loadEstimates = async () => {
  const isComplete = await loadTimes(), sheet = secondsOf("sheet");
  for (const each of matching("[data-paper] .time")) {
    const seconds = secondsOn(each.parentElement.dataset.paper);
    each.textContent = seconds ? about(seconds) : "";
  }
  byId("print-sheet").querySelector(".time").textContent = sheet ? about(sheet) : "";
  return isComplete;
};

// What an order lacks, and the field that would change that. asked: the requests that were refused for it, until it is there.
const asked = signal(null);
const missing = (requests) => {
  if (!photos.value.length) return [text("page.choose_photo_first"), byId("photo-files")];
  if (requests) return null;
  if (!chosenStyles().length) return [text("page.choose_style_first"), form.querySelector("[name=style]") || byId("painting-files")];
  const most = Number(form.dataset.blended), [{ paintings = {} }] = chosenStyles();
  if (Object.keys(paintings).length > most) return [text("page.most_blended", { most }), form.querySelector("[name=style]:checked")];
  return null;
};
effect(() => {
  void formChanged.value;
  const problem = asked.value && missing(asked.value.requests);
  if (!problem) asked.value = null;
  say("refused", [...(problem ? [problem[0]] : []), ...notices.value.values()].join(" "));
});

// Reasons stay until their user presses a button of the form or changes a field.
const seen = () => { asked.value = null; clearNotices(); };
on(form, "click", ({ target }) => { if (target.closest("button")) seen(); }, true);
// A user's change is shown at once on the stage; news from the server leaves a job there.
on(form, "change", ({ isTrusted, target }) => {
  if (isTrusted) seen();
  if (photo.value) chooseFirst();
  if (target !== form) showOrder();
  formChanged.value += 1;
});
effect(() => {
  void formChanged.value;
  if (photo.value) untracked(chooseFirst);
  followExtent();
});
// A picture that takes more than a second is painted once a slider is released, which is a change by itself.
on(form, "input", ({ target }) => {
  if (!(target.name in defaults)) return;
  const changed = { ...changes, [target.name]: valueOf(target) };
  if (!(target.name in sliders && !(secondsOf("instant") <= 1))) { setChanges(changed, target); return; }
  changes = changed;
  formChanged.value += 1;
});
on(stop, "click", stopSending);

// Orders what is chosen, or other requests for the photo on the stage. With a job, they refine the picture of its photo.
export const submit = async (requests = null, job = null) => {
  const problem = job ? null : missing(requests), before = shownJob.value, wanted = requests || requestsOfForm();
  asked.value = problem ? { requests } : null;
  if (problem) { problem[1].focus({ preventScroll: true }); return; }
  const painted = requests ? [photo.value] : photos.value, sources = job ? [{ job: job.id, name: job.photo }]
    : painted.map(({ id, name }) => ({ photo: id, name }));
  const all = sources.flatMap((source) => wanted.map((request) => ({ ...source, request })));
  const picture = !before && all.length === 1 && !wanted[0].sheet ? shownResult.value : null;
  const accepted = await post(all);
  if (!accepted.length) return;
  announce(counted("page.added", accepted.length));
  if (job) refineJob(accepted[0], job); else if (picture) refine(accepted[0], picture);
  if (shownJob.value?.id === before?.id) showJob(accepted[0].id); // Its user is still there.
};
const requestsOfForm = () => {
  const preset = presetOfForm(), settings = { ...changes, ...extentSettings() };
  return chosenStyles().map((style) => ({ ...style, preset, settings }));
};
// Keeps a picture on the stage while a job paints it more finely. The address of a file is its own: previews come and go.
const refine = (job, result) => {
  const own = result.file ? { ...result, address: URL.createObjectURL(result.file) } : result;
  refined.value = new Map(refined.value).set(job.id, own);
};
const refineJob = (job, { id, links }) => {
  refine(job, { of: id, address: `${links.result}?small=1`, saved: `${links.result}?download=1` });
};
on(form, "submit", (event) => { event.preventDefault(); submit(); });

// Keeps a picture on the stage among the results, once. It is the same as a job by preset instant has, so nothing is painted.
const kept = new WeakSet();
export const keepResult = async ({ photo: id, file, request }) => {
  if (!file || kept.has(file)) return;
  kept.add(file);
  const { name } = photoWith(id);
  if (!(await post([{ photo: id, name, request: { ...request, preset: "instant" } }])).length) kept.delete(file);
};

// Orders the photo of a job once more, in its style, with other settings; without a job, what is on the stage.
export const repaint = (job, preset, settings = {}) => {
  if (!job) { submit([{ ...chosenStyles()[0], preset, settings: { ...changes, ...settings } }]); return; }
  const named = tilesOf(job).some(({ order }) => order.style === job.style);
  const style = named ? { style: job.style } : { paintings: Object.fromEntries(job.paintings.map(({ name, share }) => [name, share])) };
  submit([{ ...style, preset, settings: { ...job.settings, ...settings } }], job);
};

// Photos that were not sent, and those that are being sent, are lost with the page.
on(window, "beforeunload", (event) => { if (isSending.value || photos.value.some(isUnsent)) event.preventDefault(); });

// Shows the photo in its style again after a job was cancelled.
export const backToOrder = (job) => {
  showOrder();
  if (photo.value) return;
  choosePhotoOf(job);
  if (!job.sheet) setStylesOf(job);
};
// How the chosen photos are to be painted, for a reload: the styles, and the settings that the user has changed.
export const describe = () => {
  void formChanged.value;
  const { value: preset } = form.elements.preset, { value: extent } = form.elements.extent;
  return { styles: chosenTiles().map(({ box }) => box.value), changes, preset, extent };
};
export const follow = ({ styles, changes: before, preset, extent }) => {
  chooseOf(styles);
  Object.assign(form.elements.preset, { value: preset });
  Object.assign(form.elements.extent, { value: extent });
  setChanges(before, form);
};
// Fills the form with the order of a job, so that it can be changed.
export const orderAgain = (job) => {
  if (isSending.value) { refuse("again", text("page.still_sending")); return; }
  choosePhotoOf(job);
  if (job.sheet) { submit([{ sheet: job.sheet }]); return; }
  setStylesOf(job);
  setExtentOf(job);
  setChanges(Object.fromEntries(Object.entries(job.settings || {}).filter(([name]) => name in defaults)), byId("photos"));
  paint.focus({ preventScroll: true });
  announce(text("page.form_filled", { photo: job.photo }));
};
