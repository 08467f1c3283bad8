// The stage: the photo in the chosen style, a job as it is painted, or what it has become; with a line between photo and painting.
import { byId, make, on, percentAcross, say } from "./shared/elements.js";
import { counted, divided, duration, percent, text } from "./shared/texts.js";
import { offersOf } from "./acts.js";
import { backToOrder } from "./order.js";
import { steady } from "./pictures.js";
import { secondsOf } from "./settings.js";
import {
  activeJobs, changePhoto, effect, form, isActive, isLeaving, jobWith, lineAt, photo as current, preview, refined, shownJob, shownResult, showJob,
  showOrder, untracked, work,
} from "./state.js";
import { chosenTiles, inStyle, namesOf, namesOfTiles, stylesShown, tilesOf } from "./styles.js";
import { about, capital } from "./words.js";

const AT_PHOTO = 50, AT_STYLE = 0, AT_RESULT = 34, NEAR = 12; // percent
const CM = 118.11; // px, at 300 dpi
const picture = byId("picture"), played = byId("played"), line = byId("line"), body = document.body;
export const sample = JSON.parse(byId("order").dataset.sample);

preview.value = { address: sample.painted, file: null };

// The line.
const setLine = (at) => {
  picture.style.setProperty("--at", `${at}%`);
  picture.classList.toggle("only-painting", at < NEAR);
  picture.classList.toggle("only-photo", at > 100 - NEAR);
  line.value = at;
  line.ariaValueText = divided(at, text("gallery.photo_label"), text("gallery.result_label"));
};
const moveLine = (at) => {
  lineAt.value = Math.min(100, Math.max(0, at));
  setLine(lineAt.value);
};
let held = false;
const follow = (event) => { if (held && event.isPrimary) moveLine(percentAcross(picture, event)); };
// Browsers move a slider in different ways, iPhones by its thumb alone: keys move it by itself, and all else moves it here.
on(picture, "pointerdown", (event) => {
  if (event.button || !event.isPrimary || picture.dataset.view !== "line" || event.target.closest("button")) return;
  held = true;
  if (event.pointerType !== "mouse") return; // A finger may be about to scroll.
  event.preventDefault();
  picture.setPointerCapture(event.pointerId);
  follow(event);
});
on(picture, "pointermove", follow);
on(picture, "pointerup", (event) => { follow(event); held = false; });
on(picture, "pointercancel", () => { held = false; });
on(line, "input", () => moveLine(line.valueAsNumber));
on(line, "change", (event) => event.stopPropagation()); // It changes no order.

// The pictures. The photo gives the stage its shape, unless the result is a sheet of all styles, or on paper.
let ratio = null;
const setRatio = (value) => byId("studio").style.setProperty("--ratio", value);
const setRatioOf = ({ naturalWidth, naturalHeight }) => { if (naturalWidth) setRatio(naturalWidth / naturalHeight); };
const showBefore = steady(byId("photo-side"), (image) => { if (image && !ratio) setRatioOf(image); });
const showAfter = steady(byId("painting-side"), (image) => { if (image && picture.dataset.view === "plain") setRatioOf(image); });

const em = (words) => make("em", words);
const joined = (parts) => parts.filter(Boolean).flatMap((part, at) => (at ? [", ", part] : [part]));
// Title, year, medium and why it suits the photo, as far as the title is not above already.
const aboutTiles = (tiles, withMedium) => {
  const [{ title, short, year, medium, why } = {}, ...others] = tiles;
  if (others.length) return joined(tiles.map((each) => each.short && em(each.title)));
  const named = joined([short && em(title), year]);
  const shown = withMedium && medium ? [...named, make("span.medium", `${named.length ? ", " : ""}${medium}`)] : named;
  return withMedium && why ? [...shown, shown.length ? ", " : "", make("b.why", why)] : shown;
};
// The master who paints for the order, and how long that takes.
const worksSaid = (tiles, names) => {
  const isArtist = tiles.length && tiles.every(({ own, short }) => short && !own), seconds = secondsOf("instant");
  return [
    isArtist ? counted("page.works", new Set(tiles.map(({ short }) => short)).size, { name: names }) : text("page.painting"),
    work.value === "later" ? text("page.after_this") : seconds ? about(seconds) : "",
  ];
};
const viewOfOrder = () => {
  const tiles = chosenTiles(), photo = current.value, names = namesOfTiles(tiles);
  const after = tiles.length ? inStyle(tiles, names) : "", { name, thumb, unshown, frames, file } = photo || {};
  return {
    acts: !photo ? "first" : shownResult.value ? "preview" : "ready",
    view: preview.value ? "line" : "photo", at: lineAt.peek() ?? (photo ? AT_STYLE : AT_PHOTO),
    before: photo ? !unshown && thumb : sample.photo, after: preview.value?.address,
    title: photo ? [em(after ? capital(after) : name)] : [`${text("page.your_photo")} `, em(after)],
    about: unshown ? [text(/^video/.test(file?.type) ? "page.frame_later" : "page.no_preview_here")]
      : frames ? [text("page.first_frame")] : aboutTiles(tiles, true),
    names, original: tiles[0],
    photo: name || text("page.sample"), works: work.value && worksSaid(tiles, names),
  };
};
export const paintedIn = ({ started, finished }) => (
  started && finished ? Math.max(1, (Date.parse(finished) - Date.parse(started)) / 1000) : 0
);
const aboutJob = (job, tiles) => {
  const { state, place, step, steps, fraction, error, photo, frames, width, height } = job, waiting = activeJobs.value.length - 1;
  const time = job.seconds_left && { time: about(job.seconds_left) }, seconds = paintedIn(job);
  const cm = (side) => Math.max(1, Math.floor(side / CM));
  switch (state) {
    case "queued": return joined([
      text("page.waiting"), place && text(place === 1 ? "page.place_next" : "page.place", { place }), time && text("page.done_in", time),
    ]);
    case "painting": return joined([
      text("page.painting"), step ? percent(fraction || 0) : text("page.starting"),
      step && frames && text("page.frame_of", { at: step, whole: steps }), time && text("page.left", time),
      waiting > 0 && counted("page.then_more", waiting),
    ]);
    case "done": return [
      ...aboutTiles(tiles, false), aboutTiles(tiles, false).length ? ". " : "",
      seconds ? `${text("page.painted_in", { time: duration(seconds) })} ` : "",
      width && !frames ? `${text("page.sharp_to", { width, height, wide: cm(width), high: cm(height) })} ` : "",
      ...offersOf(job),
    ];
    // More words than a cell of the queue has room for.
    default: return [capital((error || text("page.not_painted")).replace(`${photo}: `, "").replace(/^is /, "it is "))];
  }
};
const viewOfJob = (job) => {
  const { id, state, step, links, fraction, sheet, frames, width, height } = job, tiles = tilesOf(job), names = namesOf(job);
  const old = refined.value.get(id), after = inStyle(tiles, names, sheet);
  const done = state === "done", painting = state === "painting", part = fraction || 0;
  return {
    acts: isActive(job) ? "painting" : done ? "done" : "ended",
    view: (sheet || frames) && (done || links.preview) ? "plain" : done ? "line" : painting || old ? "painting" : "photo",
    at: painting ? 100 - 100 * part : lineAt.peek() ?? AT_RESULT,
    before: old && !done ? old.address : `${links.photo}?small=1`,
    after: done ? `${links.result}?small=1` : painting && links.preview && `${links.preview}?step=${step}`,
    title: sheet ? [`${text("page.your_photo")} `, em(after)] : [em(capital(after))], about: aboutJob(job, tiles),
    names, original: tiles[0], photo: text("gallery.the_photo", { photo: job.photo }), progress: painting ? part : undefined,
    ratio: done && width && width / height, clip: done && frames && links.result,
  };
};

const showPictures = (is) => {
  picture.dataset.view = is.view;
  setLine(is.at);
  // The line of the first screen moves by itself: page and script have nothing to do with each other there.
  if (is.acts === "first" && lineAt.peek() === null) picture.style.removeProperty("--at");
  ratio = is.ratio || null;
  if (ratio) setRatio(ratio); else setRatioOf(byId(is.view === "plain" ? "painting-side" : "photo-side"));
  showBefore(is.before || null);
  showAfter(is.after || null);
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
const isGoing = (job) => job !== undefined && (job.state === "cancelled" || isLeaving(job));
// Instead of a job that was cancelled or is being deleted: the picture that it was to refine, or the photo in its style again.
effect(() => {
  const job = shownJob.value;
  if (!isGoing(job)) return;
  untracked(() => {
    const before = jobWith(refined.value.get(job.id)?.of), hasEnded = ["done", "failed"].includes(job.state);
    if (before) showJob(before.id); else if (hasEnded) showOrder(); else backToOrder(job);
  });
});
effect(() => { picture.classList.toggle("held", lineAt.value !== null); });
effect(() => {
  void [form.value, stylesShown.value];
  const job = shownJob.value, photo = current.value;
  if (isGoing(job)) return;
  if (!job && !photo && !chosenTiles().length && body.dataset.acts === "first") return; // The page that the server sent.
  const is = job ? viewOfJob(job) : viewOfOrder(), focused = document.activeElement;
  body.dataset.acts = is.acts;
  body.classList.toggle("of-clip", Boolean((job || photo || {}).frames)); // It has no masks, prints and sheets.
  showPictures(is);
  showLabel(is);
  byId("full-screen").hidden = job ? job.state !== "done" : !preview.value || !photo;
  // The focus would be lost with a button that went.
  if (focused === body || focused.getClientRects().length) return;
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
