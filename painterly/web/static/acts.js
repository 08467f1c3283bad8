// The buttons of what is on the stage: save, share, copy and print it, paint it with other settings, delete a job, or try it again.
import { announce, byId, CM_OF_PX, fileName, loaded, make, matching, on, say, share, sharesFiles } from "./shared/elements.js";
import { text } from "./shared/texts.js";
import { fetchFile } from "./api.js";
import { addsToPreview, keepResult, orderAgain, repaint, submit } from "./order.js";
import { openSheet, paintsFine, printPreset, secondsOf } from "./settings.js";
import {
  chosen, effect, isActive, isSheetOpen, jobWith, photo, printing, refuse, shownJob, shownResult,
} from "./state.js";
import { namesOf, namesOfStyles } from "./styles.js";
import { about } from "./words.js";

// The second click of a double click would meet the button that has taken the place of the first one.
on(document, "click", (event) => {
  if (event.detail < 2 || !event.target.closest(".acts")) return;
  event.preventDefault();
  event.stopPropagation();
}, true);
// A failure is said below the picture, unless the user has changed his mind.
const click = (targets, act) => targets.forEach((target) => on(target, "click", async ({ currentTarget }) => {
  for (const menu of matching(".menu")) menu.open = false;
  try { await act(shownJob.value, currentTarget); } catch (reason) {
    if (reason.name !== "AbortError") refuse("act", reason.status === undefined ? text("page.not_done") : reason.message);
  }
}));

click(["retry", "again-with"], orderAgain);
// Without a chosen photo, it shows the settings of the picture on the stage.
click(["how"], (job) => {
  if (job && !job.sheet && !photo.value) orderAgain(job);
  openSheet(!isSheetOpen.value);
});
click(["cancel", "delete"], async (job) => { (await import("./removing.js")).removeJob(job); });
click(["full-screen"], async (job) => { (await import("./result.js")).openResult(job); });

// The stage has a small copy of a result. On paper, the result itself takes its place.
const print = async (job) => {
  const side = byId("painting-side"), large = job && await loaded(job.links.result);
  if (large) {
    large.className = "after";
    side.before(large);
    side.style.display = "none";
    on(window, "afterprint", () => { large.remove(); side.style.display = ""; }, { once: true });
  }
  window.print();
};
click(["print-now"], print);
const papers = matching("[data-paper]"), A4_CM = [21, 29.7], FULL_DPI = 300, LEAST_DPI = 150;
for (const each of papers) {
  const settings = { size: undefined, paper: each.dataset.paper, dpi: Number(each.dataset.dpi) }; // The paper has its own size.
  click([each], async (job) => {
    const painted = await repaint(job, printPreset, settings);
    if (painted) printing.value = painted.id;
  });
}
// A picture that is too small for paper is better painted for it first.
on("print-menu", "toggle", () => {
  const { naturalWidth, naturalHeight } = byId("painting-side"), { width, height } = shownJob.value || {};
  const [shorter, longer] = [width || naturalWidth, height || naturalHeight].sort((one, other) => one - other);
  const dpi = Math.floor(FULL_DPI * CM_OF_PX * Math.max(shorter / A4_CM[0], longer / A4_CM[1]));
  const [now, first] = [byId("print-now"), papers[0]].map(({ parentElement }) => parentElement);
  say("print-dpi", text("page.print_dpi", { dpi }));
  if (dpi < LEAST_DPI && !shownJob.value?.sheet) now.before(first); else first.before(now);
});
// A picture that was painted for paper is printed, if its user still waits for it.
effect(() => {
  const job = jobWith(printing.value);
  if (!job || isActive(job)) return;
  printing.value = null;
  if (job.state === "done" && shownJob.peek() === job) print(job);
});
click(["print-sheet"], (job) => submit([{ sheet: document.documentElement.lang }], job));
click(["story"], (job) => submit([{ sheet: document.documentElement.lang, story: true }], job));
// The link saves the picture. It is kept among the results, too.
click(["save"], () => { if (shownResult.value) keepResult(shownResult.value); });

byId("share").hidden = !sharesFiles;
click(["share"], async (job) => {
  await share(shownResult.value?.file || await fetchFile(job.links.result), job ? job.photo : photo.value.name);
});
// The clipboard takes PNG alone.
const asPng = async (address) => {
  const image = await loaded(address), canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
  canvas.getContext("2d").drawImage(image, 0, 0);
  return canvas.convertToBlob();
};
byId("copy").hidden = !(navigator.clipboard && window.ClipboardItem);
click(["copy"], async (job, { lastElementChild: said }) => {
  await navigator.clipboard.write([new ClipboardItem({ "image/png": asPng(shownResult.value?.address || job.links.result) })]);
  announce(text("page.copied"));
  said.textContent = text("page.copied");
  setTimeout(() => { said.textContent = text("page.copy"); }, 2000);
});

// The link that saves a picture on the stage.
export const linkOf = ({ saved, address, name, file }, names) => (
  saved ? { href: saved, download: "" } : { href: address, download: fileName(name, file, ` - ${names}`) }
);
// Shows what can be done with what is on the stage. The red button says what it adds. If that is nothing, it saves.
effect(() => {
  const job = shownJob.value, picture = shownResult.value, isPreview = !job && picture !== null, isDone = job?.state === "done";
  const save = byId("save"), isFirst = isDone || (isPreview && !addsToPreview());
  byId("paint").hidden = isPreview && isFirst;
  save.hidden = job && !isDone && !picture;
  for (const name of ["button", "strong", "icon-button"]) save.classList.toggle(name, isFirst === (name !== "icon-button"));
  if (isDone) Object.assign(save, { href: `${job.links.result}?download=1`, download: "" });
  else if (picture) Object.assign(save, linkOf(picture, job ? namesOf(job) : namesOfStyles(chosen.value)));
  say("cancel", text(picture ? "page.stop_here" : "page.cancel"));
  for (const id of ["again-with", "delete"]) byId(id).parentElement.hidden = !isDone;
  byId("film-link").parentElement.hidden = !isDone || !job.links.timelapse;
  if (isDone) byId("film-link").href = `${job.links.timelapse}?download=1`;
  for (const each of matching("[data-paper], #print-sheet, #story")) each.parentElement.hidden = Boolean(job?.sheet);
});
// Beside a quick picture: a finer one, and how long it takes.
export const offersOf = (job) => {
  const isQuick = ["instant", "draft"].includes(job.preset) && !job.sheet && !job.frames;
  if (!isQuick || !paintsFine) return [];
  const seconds = secondsOf("fine"), said = text("page.paint_fine", { time: seconds ? about(seconds) : "" });
  const offer = make("button.text-button", said.replace(/, $/, ""));
  on(offer, "click", () => repaint(job, "fine"));
  return [offer];
};
// A menu closes by a click outside it, and by Esc.
on(document, ["click", "keydown"], ({ target, key }) => {
  for (const menu of matching(".menu[open]")) {
    if (key ? key !== "Escape" : menu.contains(target)) continue;
    menu.open = false;
    if (key) menu.firstElementChild.focus();
  }
});
