// The buttons of what is on the stage: save, share, copy and print it, paint it with other settings, cancel a job, or try it again.
import { byId, loaded, make } from "./shared/elements.js";
import { text } from "./shared/texts.js";
import { fetchFile } from "./api.js";
import { cancelJob } from "./jobs.js";
import { addsToPreview, backToOrder, keepResult, orderAgain, repaint, submit } from "./order.js";
import { currentPhoto } from "./photos.js";
import { secondsOf } from "./settings.js";
import { bindStage, shownJob, shownResult } from "./stage.js";
import { chosenTiles, namesOf, namesOfTiles } from "./styles.js";
import { about, announce, refuse } from "./words.js";

// A failure is said below the picture, unless the user has changed his mind.
const click = (id, act) => byId(id).addEventListener("click", async ({ currentTarget }) => {
  for (const menu of document.querySelectorAll(".menu")) menu.open = false;
  try { await act(shownJob(), currentTarget); } catch (reason) {
    if (reason.name !== "AbortError") refuse(reason.status === undefined ? text("page.not_done") : reason.message);
  }
});
const fileName = (photo, names, { type }) => `${photo.replace(/\.\w+$/, "")}${names}.${type.split("/")[1].replace("jpeg", "jpg")}`;
// The file of what is on the stage, in a promise: a preview's is here, a job's result is fetched.
const shownFile = async (job) => {
  const { file } = shownResult() || {}, photo = job ? job.photo : currentPhoto().name, picture = file || await fetchFile(job.links.result);
  return new File([picture], fileName(photo, "", picture), { type: picture.type });
};

click("cancel", cancelJob);
click("retry", orderAgain);
click("again-with", orderAgain);
click("delete", async (job) => { (await import("./removing.js")).removeJob(job); });
for (const id of ["compare", "full-screen"]) click(id, async (job) => { (await import("./result.js")).openResult(job); });
// Without a photo, the order says what is missing.
click("surprise", async () => {
  if (currentPhoto()) (await import("./poster.js")).openPoster(); else submit([{ poster: true }]);
});
for (const id of ["print-now", "print-too"]) click(id, () => window.print());
for (const each of document.querySelectorAll("[data-paper]")) {
  each.addEventListener("click", () => repaint(shownJob(), "print", { paper: each.dataset.paper, dpi: Number(each.dataset.dpi) }));
}
// The link saves the picture. It is kept among the results, too.
for (const id of ["save", "save-now"]) click(id, () => { if (shownResult()) keepResult(shownResult()); });

// Browsers share and copy only over https, and not all of them share files.
const probe = new File([""], "picture.jpg", { type: "image/jpeg" });
byId("not-shared").hidden = isSecureContext;
byId("share").hidden = !(navigator.canShare && navigator.canShare({ files: [probe] }));
click("share", async (job) => { await navigator.share({ files: [await shownFile(job)] }); });
// The clipboard takes PNG alone.
const asPng = async (address) => {
  const image = await loaded(address), canvas = Object.assign(make("canvas"), { width: image.naturalWidth, height: image.naturalHeight });
  canvas.getContext("2d").drawImage(image, 0, 0);
  return new Promise((resolve) => { canvas.toBlob(resolve, "image/png"); });
};
byId("copy").hidden = !(navigator.clipboard && window.ClipboardItem);
click("copy", async (job) => {
  const address = (shownResult() || {}).address || job.links.result;
  await navigator.clipboard.write([new ClipboardItem({ "image/png": asPng(address) })]);
  announce(text("page.copied"));
  byId("copy").lastElementChild.textContent = text("page.copied");
  setTimeout(() => { byId("copy").lastElementChild.textContent = text("page.copy"); }, 2000);
});

// Shows what can be done with what is on the stage. The red button says what it adds. If that is nothing, it saves.
const showActs = (job) => {
  const picture = shownResult(), adds = addsToPreview(), isPreview = !job && picture !== null;
  const isDone = job && job.state === "done", save = byId("save"), saveNow = byId("save-now");
  byId("paint").hidden = isPreview && !adds;
  save.hidden = isPreview && adds;
  saveNow.hidden = !picture || (isPreview && !adds);
  if (isDone) Object.assign(save, { href: `${job.links.result}?download=1`, download: "" });
  for (const link of isDone || !picture ? [] : [save, saveNow]) {
    const names = ` - ${job ? namesOf(job) : namesOfTiles(chosenTiles())}`;
    Object.assign(link, { href: picture.address, download: fileName(picture.photo.name, names, picture.file) });
  }
  byId("cancel").textContent = text(picture ? "page.stop_here" : "page.cancel");
  const isWithout = { "again-with": false, "film-link": !isDone || !job.links.timelapse, delete: false };
  for (const [id, is] of Object.entries(isWithout)) byId(id).parentElement.hidden = !isDone || is;
  if (isDone) byId("film-link").href = `${job.links.timelapse}?download=1`;
  for (const each of document.querySelectorAll("[data-paper]")) each.parentElement.hidden = Boolean(job && job.poster);
};
// Beside a quick picture: a finer one, and how long it takes.
const offersOf = (job) => {
  if (!["instant", "draft"].includes(job.preset) || job.poster || !byId("order").querySelector("[name=preset][value=fine]")) return [];
  const seconds = secondsOf("fine"), said = text("page.paint_fine", { time: seconds ? about(seconds) : "" });
  const offer = make("button", said.replace(/, $/, ""), "text-button");
  offer.type = "button";
  offer.addEventListener("click", () => repaint(job, "fine"));
  return [offer];
};
bindStage({ offers: offersOf, acts: showActs, seconds: () => secondsOf("instant"), cancelled: backToOrder });
// A menu closes by a click outside it, and by Esc.
document.addEventListener("click", ({ target }) => {
  for (const menu of document.querySelectorAll(".menu[open]")) if (!menu.contains(target)) menu.open = false;
});
document.addEventListener("keydown", ({ key }) => {
  const menu = key === "Escape" && document.querySelector(".menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.firstElementChild.focus();
});
