// The buttons of what is on the stage: save, share, copy and print it, paint it with other settings, delete a job, or try it again.
import { announce, byId, fileName, loaded, make, matching, on, say, share, sharesFiles } from "./shared/elements.js";
import { text } from "./shared/texts.js";
import { fetchFile } from "./api.js";
import { addsToPreview, keepResult, orderAgain, repaint, submit } from "./order.js";
import { currentPhoto } from "./photos.js";
import { openSheet, paintsFine, printPreset, secondsOf } from "./settings.js";
import { shownJob, shownResult } from "./stage.js";
import { chosenTiles, namesOf, namesOfTiles } from "./styles.js";
import { about, refuse } from "./words.js";

// A failure is said below the picture, unless the user has changed his mind.
const click = (ids, act) => ids.forEach((id) => on(id, "click", async ({ currentTarget }) => {
  for (const menu of matching(".menu")) menu.open = false;
  try { await act(shownJob(), currentTarget); } catch (reason) {
    if (reason.name !== "AbortError") refuse(reason.status === undefined ? text("page.not_done") : reason.message);
  }
}));

click(["retry", "again-with"], (job) => orderAgain(job)); // order.js, which needs this module, is loaded later.
// Without a chosen photo, it shows the settings of the picture on the stage.
click(["settings"], (job) => {
  if (job && !job.sheet && !currentPhoto()) orderAgain(job);
  openSheet(true);
});
click(["cancel", "delete"], async (job) => { (await import("./removing.js")).removeJob(job); });
click(["compare", "full-screen"], async (job) => { (await import("./result.js")).openResult(job); });
click(["print-now", "print-too"], () => window.print());
for (const each of matching("[data-paper]")) {
  const settings = { size: undefined, paper: each.dataset.paper, dpi: Number(each.dataset.dpi) }; // The paper has its own size.
  on(each, "click", () => repaint(shownJob(), printPreset, settings));
}
click(["print-sheet", "sheet-too"], (job) => submit([{ sheet: document.documentElement.lang }], job));
click(["story"], (job) => submit([{ sheet: document.documentElement.lang, story: true }], job));
// The link saves the picture. It is kept among the results, too.
click(["save", "save-now"], () => { if (shownResult()) keepResult(shownResult()); });

byId("share").hidden = !sharesFiles;
click(["share"], async (job) => {
  await share(shownResult()?.file || await fetchFile(job.links.result), job ? job.photo : currentPhoto().name);
});
// The clipboard takes PNG alone.
const asPng = async (address) => {
  const image = await loaded(address), canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
  canvas.getContext("2d").drawImage(image, 0, 0);
  return canvas.convertToBlob();
};
byId("copy").hidden = !(navigator.clipboard && window.ClipboardItem);
click(["copy"], async (job, { lastElementChild: said }) => {
  await navigator.clipboard.write([new ClipboardItem({ "image/png": asPng(shownResult()?.address || job.links.result) })]);
  announce(text("page.copied"));
  said.textContent = text("page.copied");
  setTimeout(() => { said.textContent = text("page.copy"); }, 2000);
});

// The link that saves a picture on the stage.
export const linkOf = ({ saved, address, photo, file }, names) => (
  saved ? { href: saved, download: "" } : { href: address, download: fileName(photo.name, file, ` - ${names}`) }
);
// Shows what can be done with what is on the stage. The red button says what it adds. If that is nothing, it saves.
export const showActs = (job) => {
  const picture = shownResult(), adds = addsToPreview(), isPreview = !job && picture !== null, isDone = job?.state === "done";
  const save = byId("save"), saveNow = byId("save-now");
  byId("paint").hidden = isPreview && !adds;
  save.hidden = isPreview && adds;
  saveNow.hidden = !picture || (isPreview && !adds);
  if (isDone) Object.assign(save, { href: `${job.links.result}?download=1`, download: "" });
  else if (picture) {
    const link = linkOf(picture, job ? namesOf(job) : namesOfTiles(chosenTiles()));
    for (const each of [save, saveNow]) Object.assign(each, link);
  }
  say("cancel", text(picture ? "page.stop_here" : "page.cancel"));
  for (const id of ["again-with", "delete"]) byId(id).parentElement.hidden = !isDone;
  byId("film-link").parentElement.hidden = !isDone || !job.links.timelapse;
  if (isDone) byId("film-link").href = `${job.links.timelapse}?download=1`;
  for (const each of matching("[data-paper], #print-sheet, #sheet-too, #story")) each.parentElement.hidden = Boolean(job?.sheet);
};
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
