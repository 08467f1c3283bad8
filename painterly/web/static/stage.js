// The stage: the photo in the chosen style, a job as it is painted, or what it has become; with a line between photo and painting.
import { byId, CM_OF_PX, make, matching, on, percentAcross, say } from "./shared/elements.js";
import { counted, divided, duration, percent, text } from "./shared/texts.js";
import { offersOf } from "./acts.js";
import { backToOrder } from "./order.js";
import { steady } from "./pictures.js";
import { secondsOf } from "./settings.js";
import {
  activeJobs, changePhoto, chosen, computed, effect, isActive, isGoing, isLater, jobWith, lineAt, parts, photo as current, preview, refined,
  shownJob, shownResult, showJob, showOrder, untracked, work,
} from "./state.js";
import { inStyle, namesOf, namesOfStyles, sample, stylesOf, whySuits } from "./styles.js";
import { about, capital } from "./words.js";

const AT_PHOTO = 50, AT_STYLE = 0, AT_RESULT = 34, NEAR = 12; // percent
const picture = byId("picture"), played = byId("played"), line = byId("line"), body = document.body;

const em = (words) => make("em", words);
const joined = (parts) => parts.filter(Boolean).flatMap((part, at) => (at ? [", ", part] : [part]));
// Title, year, medium and why it suits the photo, as far as the title is not above already.
const aboutStyles = (styles, withMedium) => {
  const [{ title, short, year, medium, suits } = {}, ...others] = styles, why = whySuits({ suits });
  if (others.length) return joined(styles.map((each) => each.short && em(each.title)));
  const named = joined([short && em(title), year]);
  const shown = withMedium && medium ? [...named, make("span.medium", `${named.length ? ", " : ""}${medium}`)] : named;
  return withMedium && why ? [...shown, shown.length ? ", " : "", make("b.why", why)] : shown;
};
const worksSaid = (styles, names) => {
  const { id, way } = current.value || {};
  if (way && preview.value) return [text("page.sending"), percent(parts.value.get(id) || 0)];
  const isArtist = styles.length && styles.every(({ own, short }) => short && !own), seconds = secondsOf("instant");
  return [
    isArtist ? counted("page.works", new Set(styles.map(({ short }) => short)).size, { name: names }) : text("page.painting"),
    isLater.value ? text("page.after_this") : seconds ? about(seconds) : "",
  ];
};
const viewOfOrder = () => {
  const styles = chosen.value, photo = current.value, isFirst = !photo && !styles.length; // As the server has sent it.
  const names = isFirst ? sample.name : namesOfStyles(styles);
  const after = isFirst ? text("page.after", sample) : styles.length ? inStyle(styles, names) : "";
  const { name, thumb, unshown, frames, file } = photo || {};
  return {
    acts: !photo ? "first" : shownResult.value ? "preview" : "ready",
    view: preview.value ? "line" : "photo",
    before: photo ? !unshown && thumb : sample.photo, after: preview.value?.address,
    title: photo ? [em(after ? capital(after) : name)] : [`${text("page.your_photo")} `, em(after)],
    about: unshown ? [text(/^video/.test(file?.type) ? "page.frame_later" : "page.no_preview_here")]
      : frames ? [text("page.first_frame")] : aboutStyles(styles, true),
    names, original: styles[0],
    photo: name || text("page.sample"), works: work.value && worksSaid(styles, names),
  };
};
export const paintedIn = ({ started, finished }) => (
  started && finished ? Math.max(1, (Date.parse(finished) - Date.parse(started)) / 1000) : 0
);
const aboutJob = (job, styles) => {
  const { state, place, step, steps, fraction, error, photo, frames, width, height } = job, waiting = activeJobs.value.length - 1;
  const time = job.seconds_left && { time: about(job.seconds_left) }, seconds = paintedIn(job);
  const cm = (side) => Math.max(1, Math.round(side * CM_OF_PX));
  switch (state) {
    case "queued": return joined([
      text("page.waiting"), place && text(place === 1 ? "page.place_next" : "page.place", { place }), time && text("page.done_in", time),
    ]);
    case "painting": return joined([
      text(step ? "page.painting" : "page.starting"), step && percent(fraction || 0),
      step && frames && text("page.frame_of", { at: step, whole: steps }), time && text("page.left", time),
      waiting > 0 && counted("page.then_more", waiting),
    ]);
    case "done": return [
      ...aboutStyles(styles, false), aboutStyles(styles, false).length ? ". " : "",
      seconds ? `${text("page.painted_in", { time: duration(seconds) })} ` : "",
      width && !frames ? `${text("page.sharp_to", { width, height, wide: cm(width), high: cm(height) })} ` : "",
      ...offersOf(job),
    ];
    // More words than a cell of the queue has room for.
    default: return [capital((error || text("page.not_painted")).replace(`${photo}: `, "").replace(/^is /, "it is "))];
  }
};
// Where a touch saves what it holds, that is the picture itself.
const isHeld = !isSecureContext && matchMedia("(pointer: coarse)").matches;
const resultOf = ({ links, result_key: key, story, media_type: kind }) => {
  const moves = story && kind === "image/webp"; // A copy would not.
  return moves || (isHeld && !/\.tiff?$/.test(key)) ? links.result : `${links.result}?small=1`;
};
const viewOfJob = (job) => {
  const { id, state, step, links, fraction, sheet, frames, width, height, media_type: kind } = job, styles = stylesOf(job);
  const names = namesOf(job), old = refined.value.get(id), after = inStyle(styles, names, job);
  const done = state === "done", painting = state === "painting", part = fraction || 0;
  return {
    acts: isActive(job) ? "painting" : done ? "done" : "ended",
    view: (sheet || frames) && (done || links.preview) ? "plain" : done ? "line" : painting || old ? "painting" : "photo",
    before: old && !done ? old.address : `${links.photo}?small=1`,
    after: done ? resultOf(job) : painting && links.preview && `${links.preview}?step=${step}`,
    title: sheet ? [`${text("page.your_photo")} `, em(after)] : [em(capital(after))], about: aboutJob(job, styles),
    names, original: styles[0], photo: text("gallery.the_photo", { photo: job.photo }), progress: painting ? part : undefined,
    ratio: done && width && width / height, clip: done && kind === "video/mp4" && links.result,
  };
};

const view = computed(() => (shownJob.value ? viewOfJob(shownJob.value) : viewOfOrder()));

const setLine = (at) => {
  picture.style.setProperty("--at", `${at}%`);
  picture.classList.toggle("only-painting", at < NEAR);
  picture.classList.toggle("only-photo", at > 100 - NEAR);
  line.value = at;
  line.ariaValueText = divided(at, text("gallery.photo_label"), text("gallery.result_label"));
};
const lineNow = computed(() => {
  const { state, fraction } = shownJob.value || {}, usual = state ? AT_RESULT : current.value ? AT_STYLE : AT_PHOTO;
  return state === "painting" ? 100 - 100 * (fraction || 0) : lineAt.value ?? usual;
});
effect(() => {
  setLine(lineNow.value);
  // The line of the first screen moves by itself: page and script have nothing to do with each other there.
  if (!shownJob.value && !current.value && lineAt.value === null) picture.style.removeProperty("--at");
});
effect(() => { picture.classList.toggle("held", lineAt.value !== null); });
const moveLine = (at) => { lineAt.value = Math.min(100, Math.max(0, at)); };
const follow = (event) => { if (event.isPrimary) moveLine(percentAcross(picture, event)); };
// Browsers move a slider in different ways, iPhones by its thumb alone: keys move it by itself, and all else moves it here.
on(picture, "pointerdown", (event) => {
  if (event.button || !event.isPrimary || view.peek().view !== "line" || event.target.closest("button")) return;
  const held = new AbortController(), how = { signal: held.signal };
  on(picture, "pointermove", follow, how);
  on(picture, "pointerup", (last) => { follow(last); held.abort(); }, how);
  on(picture, "pointercancel", () => held.abort(), how);
  if (event.pointerType !== "mouse") return; // A finger may be about to scroll.
  event.preventDefault();
  picture.setPointerCapture(event.pointerId);
  follow(event);
});
on(line, "input", () => moveLine(line.valueAsNumber));
on(line, ["input", "change"], (event) => event.stopPropagation()); // It changes no order.

// The pictures. The photo gives the stage its shape, unless the result is a sheet of all styles, or on paper.
const setRatio = (value) => byId("studio").style.setProperty("--ratio", value);
const setRatioOf = ({ naturalWidth, naturalHeight }) => { if (naturalWidth) setRatio(naturalWidth / naturalHeight); };
const showBefore = steady(byId("photo-side"), (image) => { if (image && !view.peek().ratio) setRatioOf(image); });
const showAfter = steady(byId("painting-side"), (image) => { if (image && view.peek().view === "plain") setRatioOf(image); });

const showPictures = (is) => {
  picture.dataset.view = is.view;
  if (is.ratio) setRatio(is.ratio); else setRatioOf(byId(is.view === "plain" ? "painting-side" : "photo-side"));
  showBefore(is.before || null);
  showAfter(is.after || null);
  for (const each of matching("img", byId("sizes"))) each.src = is.after || is.before || "";
  played.hidden = !is.clip;
  if (!is.clip) played.removeAttribute("src");
  else if (played.getAttribute("src") !== is.clip) Object.assign(played, { src: is.clip, sheet: is.after });
  byId("unshown").hidden = Boolean(is.before);
  byId("works").hidden = !is.works;
  for (const [at, part] of [...byId("works").children].entries()) part.textContent = is.works ? is.works[at] : "";
  say("side", is.names);
  byId("progress").hidden = is.progress === undefined;
  byId("progress").value = is.progress || 0;
};
const showLabel = (is) => {
  byId("heading").replaceChildren(...is.title);
  const said = make("p", ...is.about);
  if (said.textContent !== byId("about").textContent) byId("about").replaceChildren(...said.childNodes); // Its button keeps the focus.
  byId("painting-side").alt = byId("heading").textContent;
  byId("photo-side").alt = is.photo;
  const link = byId("original"), { thumb, title } = is.original || {};
  link.hidden = !thumb;
  if (thumb) Object.assign(link, { href: `${thumb}?large=1`, title }).firstElementChild.src = thumb;
};
// Instead of a job that was cancelled or is being deleted: the picture that it was to refine, or the photo in its style again.
effect(() => {
  const job = shownJob.value;
  if (!job || !isGoing(job)) return;
  untracked(() => {
    const before = jobWith(refined.value.get(job.id)?.of), hasEnded = ["done", "failed"].includes(job.state);
    if (before) showJob(before.id); else if (hasEnded) showOrder(); else backToOrder(job);
  });
});
effect(() => {
  const job = shownJob.value, photo = current.value;
  if (job && isGoing(job)) return;
  const is = view.value, focused = document.activeElement;
  body.dataset.acts = is.acts;
  body.classList.toggle("of-clip", Boolean((job || photo || {}).frames)); // It has no masks, prints and sheets.
  body.classList.toggle("of-story", Boolean(job?.story)); // A print or a copy would not move.
  showPictures(is);
  showLabel(is);
  byId("full-screen").hidden = job ? job.state !== "done" : !preview.value || !photo;
  // The focus would be lost with a button that went.
  if (focused === body || (focused.getClientRects().length && getComputedStyle(focused).visibility === "visible")) return;
  (byId({ painting: "cancel", done: "save" }[is.acts]) || byId("heading")).focus({ preventScroll: true });
});
// The buttons that open the mask of the photo on the stage, and a line instead if the browser cannot show the photo.
effect(() => {
  const { masked, unshown } = current.value || {}, isHidden = !current.value || unshown;
  say("mask-for", text(unshown ? "page.mask.unshown" : "page.mask.part_for"));
  byId("mask-row").hidden = isHidden;
  byId("mask-open").hidden = isHidden || shownJob.value !== undefined;
  say("mask-row", text(masked ? "page.mask.change" : "page.mask.add"));
  byId("mask-open").classList.toggle("set", Boolean(masked));
});
on(document, "click", async ({ target }) => {
  if (!target.closest("#mask-open, #mask-row")) return;
  const { id } = current.value, { drawMask } = await import("./mask.js");
  const drawn = await drawMask(current.value).catch(() => ({ unshown: true }));
  if (drawn) changePhoto(id, drawn);
});
