// The order: how it is painted, what it takes, and sending it.
//
// The form's `change` event is the message bus of photos.js, styles.js, order.js, previews.js and stage.js: the browser sends it for a
// changed field, they send it once photos, styles or settings have changed otherwise, and each of them that shows what depends on
// these listens. An event of the form itself comes from the server's answers, not from a user.
import { byId, root, setBusy } from "./shared/elements.js";
import { counted, decimal, text } from "./shared/texts.js";
import { ask, hasUnsent, newKey } from "./api.js";
import { updateJob } from "./jobs.js";
import { chosenStyles, setStylesOf, settingsOfStyles, tilesOf } from "./styles.js";
import { chosenPhotos, currentPhoto, setPhotoOf } from "./photos.js";
import { send, stopSending, store } from "./sending.js";
import { refine, showJob, shownJob, shownResult, showOrder as showOnStage } from "./stage.js";
import { about, announce, brief, refuse } from "./words.js";

const form = byId("order"), paint = byId("paint"), stop = byId("stop-sending");
let estimates = {}, sending = false;
// The service's settings, and the settings that the user has changed here, which override those of styles.
const defaults = JSON.parse(form.dataset.defaults);
let changes = {};
export const changedSettings = () => changes;
const setChanges = (settings, target) => {
  changes = settings;
  target.dispatchEvent(new Event("change", { bubbles: true }));
};
export const secondsOf = (preset) => estimates[preset];

const countOf = () => chosenPhotos().length * chosenStyles().length;
const showOrder = () => {
  const count = countOf(), { value: preset } = form.querySelector("[name=preset]:checked");
  byId("how-said").textContent = text(`page.preset.${preset}`);
  byId("paper-row").hidden = preset !== "print";
  if (!sending) byId("paint-said").textContent = count > 1 ? counted("page.paint_pictures", count) : text(`page.paint_as.${preset}`);
  byId("paint-time").textContent = !sending && estimates[preset] ? brief(estimates[preset] * Math.max(1, count)) : "";
};
// Whether the red button adds something to the preview: more than one picture, or a finer one.
export const addsToPreview = () => countOf() > 1 || form.elements.preset.value !== "instant";
// The place of each slider for a value, the value at a place, and the key of its name. 2 is as far from 1 as 0.5 is.
const sliders = {
  strength: {
    at: (value) => value,
    valueAt: (place) => place,
    name: (value) => {
      if (value < 0.4) return value < 0.2 ? "very_light" : "light";
      if (value <= 0.6) return "medium";
      return value <= 0.8 ? "strong" : "very_strong";
    },
  },
  stroke_size: {
    at: Math.log2,
    valueAt: (place) => Number((2 ** place).toFixed(2)),
    name: (value) => (value < 0.6 ? "very_fine" : value < 0.9 ? "fine" : value < 1.2 ? "normal" : value < 1.7 ? "large" : "very_large"),
  },
};
const valueOf = ({ name, checked, valueAsNumber }) => name in sliders ? sliders[name].valueAt(valueAsNumber) : checked;
const showSettings = () => {
  const settings = { ...defaults, ...settingsOfStyles(), ...changes };
  for (const name of Object.keys(defaults)) {
    const field = form.elements[name];
    if (name in sliders) {
      field.value = sliders[name].at(settings[name]);
      field.style.setProperty("--value", `${100 * (field.value - field.min) / (field.max - field.min)}%`);
      const words = text(`page.${name}.${sliders[name].name(valueOf(field))}`);
      byId(`${name}-value`).textContent = words;
      field.setAttribute("aria-valuetext", `${decimal(valueOf(field), 2)}, ${words}`);
    } else field.checked = settings[name];
  }
};
// Shows how long pictures take; returns whether that is known for all presets.
export const loadEstimates = async () => {
  estimates = await ask(`${root}/api/estimate`);
  for (const each of document.querySelectorAll(".time[data-preset]")) {
    const seconds = estimates[each.dataset.preset];
    each.textContent = seconds ? about(seconds) : text("page.time_unknown");
  }
  // Instant pictures are as large as this machine paints at once, which it may have found out only now.
  for (const field of document.querySelectorAll("[name=preset]")) {
    const size = estimates.sizes[field.value], words = size === "full" ? text("page.original_size") : `${size}\u00a0px`;
    field.parentElement.querySelector("small").textContent = text(`page.preset_for.${field.value}`, { size: words });
  }
  for (const each of document.querySelectorAll("[data-paper] .time")) {
    const seconds = estimates.papers[each.parentElement.dataset.paper];
    each.textContent = seconds ? about(seconds) : "";
  }
  if (estimates.poster) byId("surprise").title = `${text("page.surprise_for")}, ${about(estimates.poster)}`;
  showOrder();
  // The time of preset master is known after a first picture.
  return !Object.entries(estimates).some(([name, seconds]) => seconds === null && name !== "master");
};

const missing = (requests) => {
  if (!chosenPhotos().length) return [text("page.choose_photo_first"), byId("photo-files")];
  if (requests) return null;
  if (!chosenStyles().length) return [text("page.choose_style_first"), form.querySelector("[name=style]") || byId("painting-files")];
  const most = Number(form.dataset.blended), [{ paintings = {} }] = chosenStyles();
  if (Object.keys(paintings).length > most) return [text("page.most_blended", { most }), form.querySelector("[name=style]:checked")];
  return null;
};

const showFull = (full) => {
  if (!full && document.activeElement === stop) (paint.getClientRects().length ? paint : byId("heading")).focus();
  stop.hidden = !full;
  byId("queue-full").textContent = full ? text("page.queue_full") : "";
};
const requestsOfForm = () => {
  const preset = form.elements.preset.value, paper = byId("paper").value;
  return chosenStyles().map((style) => ({ ...style, preset, settings: preset === "print" && paper ? { ...changes, paper } : changes }));
};
const sendOrder = (requests) => {
  const said = byId("paint-said");
  return send(
    requests || requestsOfForm(),
    (at, whole) => { said.textContent = whole > 1 ? text("page.sending_of", { at, whole }) : text("page.sending"); },
    (left) => {
      if (left) said.textContent = counted("page.to_send", left);
      showFull(left > 0);
    },
  );
};

form.addEventListener("change", () => { showOrder(); showSettings(); });
// A picture that takes more than a second is painted once a slider is released, which is a change by itself.
form.addEventListener("input", ({ target }) => {
  if (!(target.name in defaults)) return;
  const changed = { ...changes, [target.name]: valueOf(target) };
  if (target.name in sliders && !(estimates.instant <= 1)) { changes = changed; showSettings(); } else setChanges(changed, target);
});
showSettings();
showOrder();
stop.addEventListener("click", stopSending);
// Orders what is chosen, or other requests for the chosen photos.
export const submit = async (requests = null) => {
  if (sending) return;
  const problem = missing(requests), before = shownJob(), picture = !before && !requests && countOf() === 1 ? shownResult() : null;
  refuse(problem ? problem[0] : "");
  if (problem) { problem[1].focus({ preventScroll: true }); return; }
  sending = true;
  setBusy(paint, true);
  showOrder();
  try {
    const { accepted, refused } = await sendOrder(requests);
    if (accepted.length) {
      announce(counted("page.added", accepted.length));
      if (picture) refine(accepted[0], picture);
      if ((shownJob() || {}).id === (before || {}).id) showJob(accepted[0].id); // Its user is still there.
    }
    refuse(...refused);
  } finally {
    sending = false;
    showFull(false);
    setBusy(paint, false);
    showOrder();
  }
};
form.addEventListener("submit", (event) => { event.preventDefault(); submit(); });

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
export const repaint = async (job, preset, settings = {}) => {
  if (!job) { submit([{ ...chosenStyles()[0], preset, settings: { ...changes, ...settings } }]); return; }
  const named = tilesOf(job).some(({ order }) => order.style === job.style);
  const style = named ? { style: job.style } : { paintings: Object.fromEntries(job.paintings.map(({ name, share }) => [name, share])) };
  const body = new FormData();
  body.append("request", JSON.stringify({ again: job.id, ...style, preset, settings: { ...job.settings, ...settings } }));
  refuse();
  try {
    const ordered = await ask(`${root}/api/jobs`, { method: "POST", body, headers: { "Idempotency-Key": newKey() } });
    updateJob(ordered);
    showJob(ordered.id);
    announce(counted("page.added", 1));
  } catch (refusal) { refuse(refusal.message); }
};

// Photos that were not sent, and those that are being sent, are lost with the page.
window.addEventListener("beforeunload", (event) => { if (sending || hasUnsent()) event.preventDefault(); });

// Shows the photo in its style again after a job was cancelled.
export const backToOrder = (job) => {
  showOnStage();
  if (currentPhoto()) return;
  setPhotoOf(job);
  if (!job.poster) setStylesOf(job);
};
// Fills the form with the order of a job, so that it can be changed.
export const orderAgain = (job) => {
  if (sending) { refuse(text("page.still_sending")); return; }
  setPhotoOf(job);
  if (job.poster) { submit([{ poster: true }]); return; }
  setStylesOf(job);
  if (job.preset) form.elements.preset.value = job.preset;
  setChanges(Object.fromEntries(Object.entries(job.settings || {}).filter(([name]) => name in defaults)), byId("photos"));
  paint.focus({ preventScroll: true });
  announce(text("page.form_filled", { photo: job.photo }));
};
// The sheet with the settings covers the styles, not the picture that they change.
const openSheet = (open) => {
  byId("sheet").hidden = !open;
  byId("how").setAttribute("aria-expanded", String(open));
  byId(open ? "how-title" : "how").focus({ preventScroll: true });
};
byId("how").addEventListener("click", () => openSheet(byId("sheet").hidden));
byId("sheet-close").addEventListener("click", () => openSheet(false));
byId("sheet").addEventListener("keydown", ({ key }) => { if (key === "Escape") openSheet(false); });
