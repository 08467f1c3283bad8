// The order: how it is painted, what it takes, and sending it.
//
// How state flows: photos.js, styles.js, settings.js and this module each keep their part of the order. The form's `change` event is
// their common channel. The browser sends it for a changed field; they send it once photos, styles or settings have changed otherwise.
// stage.js, previews.js, photos.js and this module listen, and show what depends on these. An event of the form itself comes from the
// server's answers, not from a user. Jobs flow separately: the server's events reach jobs.js, which has their cells and the
// stage updated.
import { announce, byId, changed, mark, matching, on, say } from "./shared/elements.js";
import { counted, decimal, text } from "./shared/texts.js";
import { hasUnsent } from "./api.js";
import {
  extentSettings, followExtent, loadTimes, presetOfForm, saidOfForm, secondsOf, secondsOfForm, secondsOn, setExtentOf,
  showExtents,
} from "./settings.js";
import { chosenStyles, setStylesOf, settingsOfStyles, tilesOf } from "./styles.js";
import { chosenPhotos, currentPhoto, photoOf, setPhotoOf } from "./photos.js";
import { send, stopSending, store } from "./sending.js";
import { refine, refineJob, showJob, shownJob, shownResult, showOrder as showOnStage } from "./stage.js";
import { about, brief, refuse, unsay } from "./words.js";

const form = byId("order"), paint = byId("paint"), stop = byId("stop-sending");
let sending = false;
// The service's settings, and the settings that the user has changed here, which override those of styles.
export const defaults = JSON.parse(form.dataset.defaults);
let changes = {};
export const changedSettings = () => changes;
const setChanges = (settings, target) => {
  changes = settings;
  changed(target);
};

const countOf = () => chosenPhotos().length * chosenStyles().length;
const showOrder = () => {
  showExtents();
  const count = countOf(), seconds = secondsOfForm();
  const as = text(currentPhoto()?.frames ? "page.paint_clip" : `page.paint_as.${presetOfForm()}`);
  say("how-said", saidOfForm());
  if (!sending) say("paint-said", count > 1 ? counted("page.paint_pictures", count) : as);
  say("paint-time", !sending && seconds ? brief(seconds * Math.max(1, count)) : "");
  // The sheet has the same button.
  for (const [at, part] of [...byId("sum-paint").children].entries()) part.textContent = paint.children[at].textContent;
};
// Whether the red button adds something to the preview: more than one picture, a clip, or a finer or larger one.
export const addsToPreview = () => {
  const isFirstFrame = Boolean(currentPhoto()?.frames);
  return isFirstFrame || countOf() > 1 || presetOfForm() !== "instant" || Object.keys(extentSettings()).length > 0;
};
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
const showSettings = () => {
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
};
// Shows how long pictures take; returns whether that is known for all presets.
export const loadEstimates = async () => {
  const isComplete = await loadTimes(), sheet = secondsOf("sheet");
  for (const each of matching("[data-paper] .time")) {
    const seconds = secondsOn(each.parentElement.dataset.paper);
    each.textContent = seconds ? about(seconds) : "";
  }
  byId("print-sheet").querySelector(".time").textContent = sheet ? about(sheet) : "";
  showOrder();
  return isComplete;
};

// The reason why nothing can be ordered, and the field that would change that.
const missing = (requests) => {
  if (!chosenPhotos().length) return [text("page.choose_photo_first"), byId("photo-files")];
  if (requests) return null;
  if (!chosenStyles().length) return [text("page.choose_style_first"), form.querySelector("[name=style]") || byId("painting-files")];
  const most = Number(form.dataset.blended), [{ paintings = {} }] = chosenStyles();
  if (Object.keys(paintings).length > most) return [text("page.most_blended", { most }), form.querySelector("[name=style]:checked")];
  return null;
};

const showWait = (why) => {
  if (!why && document.activeElement === stop) (paint.getClientRects().length ? paint : byId("heading")).focus();
  stop.hidden = !why;
  say("queue-full", why || "");
};
const requestsOfForm = () => {
  const preset = presetOfForm(), settings = { ...changes, ...extentSettings() };
  return chosenStyles().map((style) => ({ ...style, preset, settings }));
};
const sendOrder = (photos, requests) => {
  const said = byId("paint-said");
  return send(
    photos, requests || requestsOfForm(),
    (at, whole) => { said.textContent = text(whole > 1 ? "page.sending_of" : "page.sending", { at, whole }); },
    (left, why) => {
      if (why) said.textContent = counted("page.to_send", left);
      showWait(why);
    },
  );
};

// The last refusal that is about the order itself, such as "Choose at least one photo."
let lack = "";
const refuseOrder = (words) => { lack = words; refuse(words); };
// A refusal stays until its user presses a button of the form or changes a field. A change by the page itself clears only one about the
// order.
on(form, "click", ({ target }) => { if (target.closest("button")) refuse(); }, true);
on(form, "change", ({ isTrusted }) => {
  if (isTrusted) refuse(); else unsay(lack);
  showOrder();
  showSettings();
  followExtent(showOrder);
});
// A picture that takes more than a second is painted once a slider is released, which is a change by itself.
on(form, "input", ({ target }) => {
  if (!(target.name in defaults)) return;
  const changed = { ...changes, [target.name]: valueOf(target) };
  if (target.name in sliders && !(secondsOf("instant") <= 1)) { changes = changed; showSettings(); } else setChanges(changed, target);
});
showSettings();
showOrder();
on(stop, "click", stopSending);
const setSending = (is) => {
  sending = is;
  mark(paint, "aria-disabled", is);
  if (!is) unsay(lack);
  showOrder();
};
// Orders what is chosen, or other requests for the photo on the stage. With a job, they refine the picture of its photo.
export const submit = async (requests = null, job = null) => {
  if (sending) return;
  const problem = job ? null : missing(requests), before = shownJob(), asked = requests || chosenStyles();
  const photos = job ? [photoOf(job)] : requests ? [currentPhoto()] : chosenPhotos();
  const isOne = photos.length * asked.length === 1 && !asked[0].sheet, picture = !before && isOne ? shownResult() : null;
  refuseOrder(problem ? problem[0] : "");
  if (problem) { problem[1].focus({ preventScroll: true }); return; }
  setSending(true);
  try {
    const { accepted, refused } = await sendOrder(photos, requests);
    if (accepted.length) {
      announce(counted("page.added", accepted.length));
      if (job && isOne) refineJob(accepted[0], job); else if (picture) refine(accepted[0], picture);
      if (shownJob()?.id === before?.id) showJob(accepted[0].id); // Its user is still there.
    }
    if (refused.length) refuse(...refused);
  } finally {
    showWait(null);
    setSending(false);
  }
};
on(form, "submit", (event) => { event.preventDefault(); submit(); });

// Keeps a picture on the stage among the results. It is the same as a job by preset instant has, so nothing is painted.
export const keepResult = async (picture) => {
  if (picture.isKept) return;
  picture.isKept = true;
  try { await store(picture.photo, { ...picture.request, preset: "instant" }); } catch (refusal) {
    picture.isKept = false;
    refuse(refusal.message);
  }
};

// Orders the photo of a job once more, in its style, with other settings; without a job, what is on the stage.
export const repaint = (job, preset, settings = {}) => {
  if (!job) { submit([{ ...chosenStyles()[0], preset, settings: { ...changes, ...settings } }]); return; }
  const named = tilesOf(job).some(({ order }) => order.style === job.style);
  const style = named ? { style: job.style } : { paintings: Object.fromEntries(job.paintings.map(({ name, share }) => [name, share])) };
  submit([{ ...style, preset, settings: { ...job.settings, ...settings } }], job);
};

// Photos that were not sent, and those that are being sent, are lost with the page.
on(window, "beforeunload", (event) => { if (sending || hasUnsent()) event.preventDefault(); });

// Shows the photo in its style again after a job was cancelled.
export const backToOrder = (job) => {
  showOnStage();
  if (currentPhoto()) return;
  setPhotoOf(job);
  if (!job.sheet) setStylesOf(job);
};
// Fills the form with the order of a job, so that it can be changed.
export const orderAgain = (job) => {
  if (sending) { refuseOrder(text("page.still_sending")); return; }
  setPhotoOf(job);
  if (job.sheet) { submit([{ sheet: job.sheet, story: job.story }]); return; }
  setStylesOf(job);
  setExtentOf(job);
  setChanges(Object.fromEntries(Object.entries(job.settings || {}).filter(([name]) => name in defaults)), byId("photos"));
  paint.focus({ preventScroll: true });
  announce(text("page.form_filled", { photo: job.photo }));
};
