// The order: what the red button says and does, and ordering the picture of a job again.
import { announce, byId, isUndo, mark, matching, on, say } from "./shared/elements.js";
import { counted, text } from "./shared/texts.js";
import { changes, defaults, extentOfJob, extentSettings, presetOf, secondsOf, secondsOfForm, secondsOn } from "./settings.js";
import { choiceOf, stylesOf } from "./styles.js";
import { choosePhotoOf } from "./photos.js";
import { post, stopSending } from "./sending.js";
import {
  asked, batch, choose, chooseAgain, chosen, chosenStyles, clearNotices, computed, effect, endGesture, isSending, isUnsent, jobOfOrder,
  jobWith, notices, photo, photos, photoWith, refine, refuse, sent, shownJob, shownResult, showJob, showOrder, wait, waiting,
} from "./state.js";
import { about, brief } from "./words.js";

const form = byId("order"), paint = byId("paint"), stop = byId("stop-sending"), MOST_SAID = 5; // reasons

const ordersOf = (of) => {
  const { id, name, mask } = of, settings = { ...changes.value, ...extentSettings(of) }, preset = presetOf(of);
  return chosenStyles.value.map((style) => ({ photo: id, from: null, name, mask, request: { ...style, preset, settings } }));
};
// The pictures that are chosen, and those of them that are neither queued nor done, or else all.
const wanted = computed(() => photos.value.flatMap(ordersOf));
const toPaint = computed(() => {
  const missing = wanted.value.filter((each) => !jobOfOrder(each));
  return missing.length ? missing : wanted.value;
});
const isOfClip = ({ photo: id }) => Boolean(photoWith(id)?.frames);
// Whether the red button adds something to the preview: more than one picture, a clip, or a finer or larger one.
export const addsToPreview = () => (
  Boolean(photo.value?.frames) || wanted.value.length > 1 || presetOf(photo.value) !== "instant"
  || Object.keys(extentSettings(photo.value)).length > 0
);
const saidOfPaint = () => {
  if (isSending.value && wait.value) return counted("page.to_send", waiting.value.length);
  if (isSending.value) return text(sent.value.whole > 1 ? "page.sending_of" : "page.sending", sent.value);
  const { length } = toPaint.value, isClip = length === 1 && toPaint.value.some(isOfClip);
  if (wanted.value.length > 1 && !isClip) return counted("page.paint_pictures", length);
  return text(isClip ? "page.paint_clip" : `page.paint_as.${presetOf(photo.value)}`);
};
// The time of all pictures, if they are alike.
const timeOfPaint = () => {
  const seconds = secondsOfForm(), isAlike = toPaint.value.every((each) => isOfClip(each) === Boolean(photo.value?.frames));
  if (isSending.value || !seconds || !isAlike) return "";
  return brief(seconds * Math.max(1, toPaint.value.length || chosenStyles.value.length));
};
effect(() => {
  say("paint-said", saidOfPaint());
  say("paint-time", timeOfPaint());
  mark(paint, "aria-disabled", isSending.value);
});
effect(() => {
  if (!wait.value && document.activeElement === stop) (paint.getClientRects().length ? paint : byId("heading")).focus();
  stop.hidden = !wait.value;
  say("queue-full", wait.value || "");
});
effect(() => {
  for (const each of matching("[data-paper] .time")) {
    const seconds = secondsOn(each.parentElement.dataset.paper);
    each.textContent = seconds ? about(seconds) : "";
  }
  const sheet = secondsOf("sheet");
  byId("print-sheet").querySelector(".time").textContent = sheet ? about(sheet) : "";
});

const missing = (isOfForm) => {
  if (!photos.value.length) return [text("page.choose_photo_first"), byId("photo-files")];
  if (!isOfForm) return null;
  const field = (of) => form.querySelector(`[name=style]${of}`);
  if (!chosen.value.length) return [text("page.choose_style_first"), field("") || byId("painting-files")];
  const most = Number(form.dataset.blended), [{ paintings = {} }] = chosenStyles.value;
  if (Object.keys(paintings).length > most) return [text("page.most_blended", { most }), field(":checked")];
  return null;
};
effect(() => {
  const problem = asked.value && missing(asked.value.isOfForm);
  const all = [...(problem ? [problem[0]] : []), ...[...notices.value.values()].flat()], more = all.length - MOST_SAID;
  say("refused", [...all.slice(0, MOST_SAID), ...(more > 0 ? [counted("page.more_refused", more)] : [])].join(" "));
});
// A reason about the order goes once it no longer holds.
effect(() => { if (asked.value && !missing(asked.value.isOfForm)) asked.value = null; });

// Reasons stay until their user presses a button of the form or changes a field. Such a change is shown at once on the stage; news from the
// server leaves a job there.
on(form, "click", ({ target }) => { if (target.closest("button")) clearNotices(); }, true);
on(form, "change", () => batch(() => { clearNotices(); endGesture(); showOrder(); }));
on(document, ["pointerup", "pointercancel"], endGesture); // A slider that is back where it was has not changed.
on(form, "input", () => { if (secondsOf("instant") <= 1) showOrder(); });
on(document, "keydown", (event) => {
  if (!event.defaultPrevented && isUndo(event) && !event.target.closest("dialog") && chooseAgain()) event.preventDefault();
});
on(stop, "click", stopSending);

// Orders what is chosen, or other requests for the photo on the stage. With a job, they refine the picture of its photo. Returns the job
// that the stage shows then, if there is one.
export const submit = async (requests = null, job = null) => {
  const problem = job ? null : missing(!requests), before = shownJob.value, here = photo.value;
  asked.value = problem ? { isOfForm: !requests } : null;
  if (problem) { problem[1].focus({ preventScroll: true }); return null; }
  const { id = null, name, mask = null } = job ? { name: job.photo } : here, source = { photo: id, from: job?.id ?? null, name, mask };
  const all = requests ? requests.map((request) => ({ ...source, request })) : wanted.value;
  const isOne = all.length === 1 && !all[0].request.sheet;
  const picture = isOne && (job ? resultOf(job) : before ? null : shownResult.value);
  const accepted = await post(all), added = accepted.filter(({ isNew }) => isNew);
  if (!accepted.length) return null;
  if (added.length) announce(counted("page.added", added.length));
  if (picture && added.length) refine(accepted[0].job, lasting(picture));
  // Its user may have gone on.
  const shown = (accepted.find((each) => each.photo === here?.id) || accepted[0]).job;
  if (shownJob.value?.id === before?.id && (before || photo.value?.id === here?.id)) showJob(shown);
  return jobWith(shown);
};
const resultOf = ({ id, links }) => ({ of: id, address: `${links.result}?small=1`, saved: `${links.result}?download=1` });
// The address of a file is its own: previews come and go.
const lasting = (picture) => (picture.file ? { ...picture, address: URL.createObjectURL(picture.file) } : picture);
on(form, "submit", (event) => { event.preventDefault(); if (!isSending.value) submit(); });

// It is the same as a job by preset instant has, so nothing is painted.
export const keepResult = async ({ photo: id, file, name, request }) => {
  const mask = photoWith(id)?.mask;
  if (file && photoWith(id)) await post([{ photo: id, from: null, name, mask, request: { ...request, preset: "instant" } }]);
};
// Orders the photo of a job once more, in its style, with other settings; without a job, what is on the stage. Returns as `submit`.
export const repaint = (job, preset, settings = {}) => {
  if (!job) return submit([{ ...chosenStyles.value[0], preset, settings: { ...changes.value, ...settings } }]);
  const named = stylesOf(job).some(({ order }) => order.style === job.style);
  const style = named ? { style: job.style } : { paintings: Object.fromEntries(job.paintings.map(({ name, share }) => [name, share])) };
  return submit([{ ...style, preset, settings: { ...job.settings, ...settings } }], job);
};

on(window, "beforeunload", (event) => { if (isSending.value || photos.value.some(isUnsent)) event.preventDefault(); });

export const backToOrder = (job) => batch(() => {
  showOrder();
  if (photo.value) return;
  choosePhotoOf(job);
  if (!job.sheet) choose(choiceOf(job));
});
export const orderAgain = (job) => {
  if (isSending.value) { refuse("again", text("page.still_sending")); return; }
  if (job.sheet) { submit([{ sheet: job.sheet, story: job.story }], job); return; }
  const { preset, ...extent } = extentOfJob(job);
  batch(() => {
    choosePhotoOf(job, preset);
    const own = Object.entries(job.settings || {}).filter(([name]) => name in defaults);
    choose({ ...choiceOf(job), ...extent, changes: Object.fromEntries(own), ...(preset && !job.frames && { preset }) });
  });
  paint.focus({ preventScroll: true });
  announce(text("page.form_filled", { photo: job.photo }));
};
