// The order: how it is painted, what it takes, and sending it.
import { by } from "./shared/elements.js";
import { counted, decimal, text } from "./shared/texts.js";
import { ask } from "./api.js";
import { chosenStyles, onStyles, setStylesOf, settingsOfStyles } from "./styles.js";
import { chosenPhotos, onPhotos, setPhotoOf } from "./photos.js";
import { send, stopSending } from "./sending.js";
import { about, say } from "./words.js";

const SWITCHES = ["preserve_color", "timelapse"];
const form = by("order"), paint = by("paint"), stop = by("stop-sending");
let estimates = {}, sending = false;
// The service's settings, and the settings that the user has changed here, which override those of styles.
const usual = {
  strength: Number(by("strength").value),
  stroke_size: Number(by("stroke_size").dataset.usual),
  ...Object.fromEntries(SWITCHES.map((name) => [name, form.elements[name].checked])),
};
let given = {};
const listeners = [];
export const givenSettings = () => given;
export const onSettings = (listener) => listeners.push(listener);
const setGiven = (settings) => {
  given = settings;
  for (const listener of listeners) listener();
};

const showOrder = () => {
  const count = chosenPhotos().length * chosenStyles().length, each = estimates[form.elements.preset.value];
  if (!sending) paint.textContent = count > 1 ? counted("page.paint_pictures", count) : text("page.paint");
  by("paint-time").textContent = count && each ? text("page.in_total", { time: about(each * count) }) : "";
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
const valueOf = (name) => sliders[name].valueAt(Number(by(name).value));
const showSlider = (name) => {
  const value = valueOf(name), words = text(`page.${name}.${sliders[name].name(value)}`);
  by(`${name}-said`).textContent = words;
  by(name).setAttribute("aria-valuetext", `${decimal(value, 2)}, ${words}`);
};
const showSettings = () => {
  const settings = { ...usual, ...settingsOfStyles(), ...given };
  for (const name of SWITCHES) form.elements[name].checked = settings[name];
  for (const name of Object.keys(sliders)) {
    by(name).value = sliders[name].at(settings[name]);
    showSlider(name);
  }
};
// The worker takes some seconds to measure how long pictures take.
const MOST_TRIES = 24, TRY_AGAIN_MS = 5000;
let tries = 0, tryingAgain = 0;
export const loadEstimates = async () => {
  clearTimeout(tryingAgain);
  try { estimates = await ask("/api/estimate"); } catch { return; } // Another message reports that the server does not answer.
  const unknown = Object.values(estimates).includes(null);
  if (unknown && (tries += 1) < MOST_TRIES) tryingAgain = setTimeout(loadEstimates, TRY_AGAIN_MS);
  for (const each of document.querySelectorAll(".time")) {
    const seconds = estimates[each.dataset.preset];
    each.textContent = seconds ? about(seconds) : text("page.time_unknown");
  }
  showOrder();
};

const missing = () => {
  if (!chosenPhotos().length) return [text("page.choose_photo_first"), by("photo-files")];
  if (!chosenStyles().length) return [text("page.choose_style_first"), form.querySelector("[name=style]") || by("painting-files")];
  const most = Number(form.dataset.blended), [{ paintings = {} }] = chosenStyles();
  if (Object.keys(paintings).length > most) return [text("page.most_blended", { most }), form.querySelector("[name=style]:checked")];
  return null;
};

const showFull = (full) => {
  if (!full && document.activeElement === stop) paint.focus();
  stop.hidden = !full;
  by("queue-full").textContent = full ? text("page.queue_full") : "";
};
const sendOrder = (onJob) => {
  const requests = chosenStyles().map((style) => ({ ...style, preset: form.elements.preset.value, settings: given }));
  return send(requests, {
    onSend: (at, whole) => { paint.textContent = whole > 1 ? text("page.sending_of", { at, whole }) : text("page.sending"); },
    onFull: (left) => { paint.textContent = counted("page.to_send", left); showFull(true); },
    onJob,
  });
};

export const bindOrder = (onJob) => {
  onPhotos(showOrder);
  onStyles(() => { showOrder(); showSettings(); });
  form.addEventListener("change", showOrder);
  for (const name of Object.keys(sliders)) {
    by(name).addEventListener("input", () => {
      setGiven({ ...given, [name]: valueOf(name) });
      showSlider(name);
    });
  }
  for (const name of SWITCHES) {
    form.elements[name].addEventListener("change", (event) => { setGiven({ ...given, [name]: event.target.checked }); });
  }
  showSettings();
  stop.addEventListener("click", stopSending);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (sending) return;
    const lack = missing();
    by("refused").textContent = lack ? lack[0] : "";
    if (lack) { lack[1].focus(); return; }
    sending = true;
    paint.setAttribute("aria-disabled", "true");
    try {
      const { accepted, refused } = await sendOrder(onJob);
      by("refused").textContent = refused.join(" ");
      if (refused.length) by("refused").scrollIntoView({ block: "nearest" });
      if (accepted) {
        say(counted("page.added", accepted));
        if (!refused.length) by("queue-title").scrollIntoView({ block: "nearest" });
      }
    } finally {
      sending = false;
      showFull(false);
      paint.removeAttribute("aria-disabled");
      showOrder();
    }
  });
};

// Chosen photos, and those that are being sent, are lost with the page.
window.addEventListener("beforeunload", (event) => { if (sending || chosenPhotos().some(({ file }) => file)) event.preventDefault(); });

// Fills the form with the order of a job, so that it can be changed.
export const orderAgain = (job) => {
  if (sending) {
    by("refused").textContent = text("page.still_sending");
    by("refused").scrollIntoView({ block: "center" });
    return;
  }
  setPhotoOf(job);
  setStylesOf(job);
  if (job.preset) form.elements.preset.value = job.preset;
  setGiven(Object.fromEntries(Object.entries(job.settings || {}).filter(([name]) => name in usual)));
  showSettings();
  showOrder();
  by("refused").textContent = "";
  form.scrollIntoView({ block: "start" });
  const first = form.querySelector("[name=style]:checked") || by("photo-files");
  first.focus({ preventScroll: true });
  say(text("page.form_filled", { photo: job.photo }));
};
