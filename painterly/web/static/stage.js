// The stage: the photo in the chosen style, a job as it is painted, or what it has become; with a line between photo and painting.
import { byId, make, mark, matching, on, percentAcross, say } from "./shared/elements.js";
import { counted, divided, duration, percent, text } from "./shared/texts.js";
import { offersOf, showActs } from "./acts.js";
import { activeJobs, isActive, isLeaving, jobWith } from "./jobs.js";
import { backToOrder } from "./order.js";
import { currentPhoto } from "./photos.js";
import { steady } from "./pictures.js";
import { secondsOf } from "./settings.js";
import { chooseFirst, chosenTiles, inStyle, namesOf, namesOfTiles, tilesOf } from "./styles.js";
import { about, capital } from "./words.js";

const AT_PHOTO = 50, AT_STYLE = 0, AT_RESULT = 34, NEAR = 12; // percent
const CM = 118.11; // px, at 300 dpi
const picture = byId("picture"), played = byId("played"), line = byId("line"), body = document.body;
export const sample = JSON.parse(byId("order").dataset.sample);

// shown: the id of the job on the stage, or null for the order. preview: the order's picture, its address and, if it is the result that a
// job by preset instant has, its file; or null. works: whether it is being painted, and `later` whether only after the queue. movedAt:
// where the user left the line. refined: the pictures that jobs paint more finely, by their ids. Such a picture is the order's or that of
// a job: `of` is its id, and `saved` the address at which its file is saved.
let shown = null, preview = { address: sample.painted, file: null }, works = false, later = false, movedAt = null;
const refined = new Map();
export const shownJob = () => jobWith(shown);
export const shownPreview = () => preview?.address;
// The picture on the stage that can be saved at once: the order's, or the one that a job paints more finely.
export const shownResult = () => {
  if (shownJob()) return isActive(shownJob()) && refined.get(shown) || null;
  // The one before stays until the new one's is painted. A clip's is only its first frame.
  const isOfPhoto = preview !== null && preview.photo === currentPhoto() && !currentPhoto().frames;
  return isOfPhoto && preview.file && !works ? preview : null;
};
// Keeps a picture on the stage while a job paints it more finely. The address of a file is its own: previews come and go.
export const refine = (job, result) => {
  refined.set(job.id, result.file ? { ...result, address: URL.createObjectURL(result.file) } : result);
};
export const refineJob = (job, { id, links }) => {
  refine(job, { of: id, address: `${links.result}?small=1`, saved: `${links.result}?download=1`, isKept: true });
};

// The line.
const setLine = (at) => {
  picture.style.setProperty("--at", `${at}%`);
  picture.classList.toggle("only-painting", at < NEAR);
  picture.classList.toggle("only-photo", at > 100 - NEAR);
  line.value = at;
  line.ariaValueText = divided(at, text("gallery.photo_label"), text("gallery.result_label"));
};
const moveLine = (at) => {
  movedAt = Math.min(100, Math.max(0, at));
  picture.classList.add("held");
  setLine(movedAt);
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
    later ? text("page.after_this") : seconds ? about(seconds) : "",
  ];
};
const viewOfOrder = () => {
  const tiles = chosenTiles(), photo = currentPhoto(), names = namesOfTiles(tiles);
  const after = tiles.length ? inStyle(tiles, names) : "", { name, thumb, unshown, frames, file } = photo || {};
  return {
    acts: !photo ? "first" : shownResult() ? "preview" : "ready", key: thumb || "",
    view: preview ? "line" : "photo", at: movedAt ?? (photo ? AT_STYLE : AT_PHOTO),
    before: photo ? !unshown && thumb : sample.photo, after: shownPreview(),
    title: photo ? [em(after ? capital(after) : name)] : [`${text("page.your_photo")} `, em(after)],
    about: unshown ? [text(/^video/.test(file?.type) ? "page.frame_later" : "page.no_preview_here")]
      : frames ? [text("page.first_frame")] : aboutTiles(tiles, true),
    names, original: tiles[0],
    photo: name || text("page.sample"), works: works && worksSaid(tiles, names),
  };
};
export const paintedIn = ({ started, finished }) => (
  started && finished ? Math.max(1, (Date.parse(finished) - Date.parse(started)) / 1000) : 0
);
const aboutJob = (job, tiles) => {
  const { state, place, step, steps, fraction, error, photo, frames, width, height } = job, waiting = activeJobs().length - 1;
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
  const old = refined.get(id), after = inStyle(tiles, names, job);
  const done = state === "done", painting = state === "painting", part = fraction || 0;
  const kind = job.media_type, moves = job.story && kind === "image/webp"; // A small copy of it would not.
  return {
    acts: isActive(job) ? "painting" : done ? "done" : "ended", key: id,
    view: (sheet || frames) && (done || links.preview) ? "plain" : done ? "line" : painting || old ? "painting" : "photo",
    at: painting ? 100 - 100 * part : movedAt ?? AT_RESULT,
    before: old && !done ? old.address : `${links.photo}?small=1`,
    after: done ? links.result + (moves ? "" : "?small=1") : painting && links.preview && `${links.preview}?step=${step}`,
    title: sheet ? [`${text("page.your_photo")} `, em(after)] : [em(capital(after))], about: aboutJob(job, tiles),
    names, original: tiles[0], photo: text("gallery.the_photo", { photo: job.photo }), progress: painting ? part : undefined,
    ratio: done && width && width / height, clip: done && kind === "video/mp4" && links.result,
  };
};

const showPictures = (is) => {
  picture.dataset.view = is.view;
  setLine(is.at);
  // The line of the first screen moves by itself: page and script have nothing to do with each other there.
  if (is.acts === "first" && movedAt === null) picture.style.removeProperty("--at");
  ratio = is.ratio || null;
  if (ratio) setRatio(ratio); else setRatioOf(byId(is.view === "plain" ? "painting-side" : "photo-side"));
  showBefore(is.before || null);
  showAfter(is.after || null);
  played.hidden = !is.clip;
  if (!is.clip) played.removeAttribute("src");
  else if (played.getAttribute("src") !== is.clip) Object.assign(played, { src: is.clip, poster: is.after });
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
// Shows the stage as it is now.
export const render = () => {
  const job = shownJob(), photo = currentPhoto();
  if (!job) shown = null;
  if (job && (job.state === "cancelled" || isLeaving(job))) {
    const before = jobWith(refined.get(shown)?.of), hasEnded = ["done", "failed"].includes(job.state);
    if (before) showJob(before.id); else if (hasEnded) showOrder(); else backToOrder(job);
    return;
  }
  byId("strip").hidden = !photo && !document.querySelector("#queue li, #finished li");
  if (!job && !photo && !chosenTiles().length && body.dataset.acts === "first") return; // The page that the server sent.
  const is = job ? viewOfJob(job) : viewOfOrder(), focused = document.activeElement;
  body.dataset.acts = is.acts;
  body.classList.toggle("of-clip", Boolean((job || photo || {}).frames)); // It has no masks, prints and sheets.
  showActs(job);
  showPictures(is);
  showLabel(is);
  for (const cell of matching(".film .cell")) mark(cell, "aria-current", cell.parentElement.dataset.of === is.key);
  byId("mask-open").hidden = job !== undefined || !photo || photo.unshown;
  byId("full-screen").hidden = job ? job.state !== "done" : !preview || !photo;
  // The focus would be lost with a button that went.
  if (focused === body || focused.getClientRects().length) return;
  (byId({ painting: "cancel", done: "save" }[is.acts]) || byId("heading")).focus({ preventScroll: true });
};
// Shows a job, or null for the order.
export const showJob = (id) => {
  if (shown !== id) { movedAt = null; picture.classList.remove("held"); }
  shown = id;
  render();
};
export const showOrder = () => showJob(null);
// Shows another preview of the order, or none.
export const showPreview = (result) => {
  preview = result;
  if (!shownJob()) render();
};
// Shows whether the order's preview is being painted, or will be after the queue.
export const showWork = (isWorking, isLater = false) => {
  [works, later] = [isWorking, isLater];
  if (!shownJob()) render();
};

// A user's change is shown at once; news from the server leaves a job on the stage.
on("order", "change", ({ target }) => {
  if (currentPhoto()) chooseFirst();
  if (target === byId("order")) render(); else showOrder();
});
