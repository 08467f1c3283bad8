// The order: how it is painted, what it takes, and sending it.
//
// The form's `change` event is the message bus of photos.js, styles.js, order.js and previews.js: the browser sends it for a changed field,
// they send it once photos, styles or settings have changed otherwise, and each of them that shows what depends on these listens.
import { byId, setBusy } from "./shared/elements.js";
import { counted, decimal, text } from "./shared/texts.js";
import { ask } from "./api.js";
import { chosenStyles, setStylesOf, settingsOfStyles } from "./styles.js";
import { chosenPhotos, setPhotoOf } from "./photos.js";
import { send, stopSending } from "./sending.js";
import { about, announce } from "./words.js";

const form = byId("order"), paint = byId("paint"), stop = byId("stop-sending");
let estimates = {}, sending = false;
// The service's settings, and the settings that the user has changed here, which override those of styles.
const defaults = JSON.parse(form.dataset.defaults);
let changes = {};
export const changedSettings = () => changes;
const setChanges = (settings) => {
  changes = settings;
  form.dispatchEvent(new Event("change"));
};

const showOrder = () => {
  const count = chosenPhotos().length * chosenStyles().length, each = estimates[form.elements.preset.value];
  if (!sending) paint.textContent = count > 1 ? counted("page.paint_pictures", count) : text("page.paint");
  byId("paint-time").textContent = count && each ? text("page.in_total", { time: about(each * count) }) : "";
};
// The place of each slider for a value, the value at a place, and the key of its name. 2 is as far from 1 as 0.5 is.
const sliders = {
  strength: {
    at: (value) => value,
    valueAt: (place) => place,
    name: (value) => (value < 0.2 ? "very_light" : value < 0.4 ? "light" : value <= 0.6 ? "medium" : value <= 0.8 ? "strong" : "very_strong"),
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
      const words = text(`page.${name}.${sliders[name].name(valueOf(field))}`);
      byId(`${name}-value`).textContent = words;
      field.setAttribute("aria-valuetext", `${decimal(valueOf(field), 2)}, ${words}`);
    } else field.checked = settings[name];
  }
};
// Shows how long pictures take; returns whether that is known for all presets.
export const loadEstimates = async () => {
  estimates = await ask("/api/estimate");
  for (const each of document.querySelectorAll(".time")) {
    const seconds = estimates[each.dataset.preset];
    each.textContent = seconds ? about(seconds) : text("page.time_unknown");
  }
  showOrder();
  return !Object.values(estimates).includes(null);
};

const missing = () => {
  if (!chosenPhotos().length) return [text("page.choose_photo_first"), byId("photo-files")];
  if (!chosenStyles().length) return [text("page.choose_style_first"), form.querySelector("[name=style]") || byId("painting-files")];
  const most = Number(form.dataset.blended), [{ paintings = {} }] = chosenStyles();
  if (Object.keys(paintings).length > most) return [text("page.most_blended", { most }), form.querySelector("[name=style]:checked")];
  return null;
};

const showFull = (full) => {
  if (!full && document.activeElement === stop) paint.focus();
  stop.hidden = !full;
  byId("queue-full").textContent = full ? text("page.queue_full") : "";
};
const sendOrder = () => {
  const requests = chosenStyles().map((style) => ({ ...style, preset: form.elements.preset.value, settings: changes }));
  return send(
    requests,
    (at, whole) => { paint.textContent = whole > 1 ? text("page.sending_of", { at, whole }) : text("page.sending"); },
    (left) => { paint.textContent = counted("page.to_send", left); showFull(true); },
  );
};

form.addEventListener("change", () => { showOrder(); showSettings(); });
form.addEventListener("input", ({ target }) => { if (target.name in defaults) setChanges({ ...changes, [target.name]: valueOf(target) }); });
showSettings();
stop.addEventListener("click", stopSending);
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (sending) return;
  const problem = missing();
  byId("refused").textContent = problem ? problem[0] : "";
  if (problem) { problem[1].focus(); return; }
  sending = true;
  setBusy(paint, true);
  try {
    const { accepted, refused } = await sendOrder();
    byId("refused").textContent = refused.join(" ");
    if (refused.length) byId("refused").scrollIntoView({ block: "nearest" });
    if (accepted) {
      announce(counted("page.added", accepted));
      if (!refused.length) byId("queue-title").scrollIntoView({ block: "nearest" });
    }
  } finally {
    sending = false;
    showFull(false);
    setBusy(paint, false);
    showOrder();
  }
});

// Chosen photos, and those that are being sent, are lost with the page.
window.addEventListener("beforeunload", (event) => { if (sending || chosenPhotos().some(({ file }) => file)) event.preventDefault(); });

// Fills the form with the order of a job, so that it can be changed.
export const orderAgain = (job) => {
  if (sending) {
    byId("refused").textContent = text("page.still_sending");
    byId("refused").scrollIntoView({ block: "center" });
    return;
  }
  setPhotoOf(job);
  setStylesOf(job);
  if (job.preset) form.elements.preset.value = job.preset;
  setChanges(Object.fromEntries(Object.entries(job.settings || {}).filter(([name]) => name in defaults)));
  byId("refused").textContent = "";
  form.scrollIntoView({ block: "start" });
  const first = form.querySelector("[name=style]:checked") || byId("photo-files");
  first.focus({ preventScroll: true });
  announce(text("page.form_filled", { photo: job.photo }));
};
