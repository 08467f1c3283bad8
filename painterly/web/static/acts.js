// The buttons of a job on the stage: cancel it, try it again, share, copy, print and save its result, and paint it with other settings.
import { byId, loaded, make } from "./shared/elements.js";
import { text } from "./shared/texts.js";
import { fetchFile } from "./api.js";
import { cancelJob } from "./jobs.js";
import { orderAgain, repaint, secondsOf, submit } from "./order.js";
import { openResult } from "./result.js";
import { bindOffers, shownJob } from "./stage.js";
import { about, announce, refuse } from "./words.js";

// A failure is said below the picture, unless the user has changed his mind.
const click = (id, act) => byId(id).addEventListener("click", async ({ currentTarget }) => {
  for (const menu of document.querySelectorAll(".menu")) menu.open = false;
  try { await act(shownJob(), currentTarget); } catch (reason) {
    if (reason.name !== "AbortError") refuse(reason.status === undefined ? text("page.not_done") : reason.message);
  }
});
const resultOf = ({ links }) => `${links.result}?download=1`;

click("cancel", cancelJob);
click("retry", orderAgain);
click("again-with", orderAgain);
click("compare", (job) => openResult(job));
click("full-screen", (job) => openResult(job));
click("surprise", () => submit([{ poster: true }])); // All styles on one sheet.
click("print-now", () => window.print());
for (const each of document.querySelectorAll("[data-paper]")) {
  each.addEventListener("click", () => repaint(shownJob(), "print", { paper: each.dataset.paper }));
}

// Browsers share and copy only over https, and not all of them share files.
const probe = new File([""], "picture.jpg", { type: "image/jpeg" });
byId("not-shared").hidden = isSecureContext;
byId("share").hidden = !(navigator.canShare && navigator.canShare({ files: [probe] }));
click("share", async (job) => {
  const picture = await fetchFile(job.links.result), { type } = picture, ending = type.split("/")[1].replace("jpeg", "jpg");
  await navigator.share({ files: [new File([picture], `${job.photo.replace(/\.\w+$/, "")}.${ending}`, { type })] });
});
// The clipboard takes PNG alone.
const asPng = async (address) => {
  const image = await loaded(address), canvas = Object.assign(make("canvas"), { width: image.naturalWidth, height: image.naturalHeight });
  canvas.getContext("2d").drawImage(image, 0, 0);
  return new Promise((resolve) => { canvas.toBlob(resolve, "image/png"); });
};
byId("copy").hidden = !(navigator.clipboard && window.ClipboardItem);
click("copy", async ({ links }) => {
  await navigator.clipboard.write([new ClipboardItem({ "image/png": asPng(links.result) })]);
  announce(text("page.copied"));
  byId("copy").lastElementChild.textContent = text("page.copied");
  setTimeout(() => { byId("copy").lastElementChild.textContent = text("page.copy"); }, 2000);
});

// Beside a quick picture: a finer one, and how long it takes.
bindOffers((job) => {
  byId("save").href = resultOf(job);
  for (const each of document.querySelectorAll("[data-paper]")) each.parentElement.hidden = job.poster;
  byId("film-link").href = `${job.links.timelapse}?download=1`;
  byId("film-link").parentElement.hidden = !job.links.timelapse;
  if (!["instant", "draft"].includes(job.preset) || job.poster) return [];
  const seconds = secondsOf("fine"), said = text("page.paint_fine", { time: seconds ? about(seconds) : "" });
  const offer = make("button", said.replace(/, $/, ""), "text-button");
  offer.type = "button";
  offer.addEventListener("click", () => repaint(job, "fine"));
  return [offer];
});
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
