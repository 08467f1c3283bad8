// The queue and the finished pictures below the stage: a cell for each job, updated in place.
import { byId, fromTemplate } from "./shared/elements.js";
import { percent, text } from "./shared/texts.js";
import { activeJobs, cancelJob, endedJobs, isActive, jobWith } from "./jobs.js";
import { steady } from "./pictures.js";
import { joined, render, showJob } from "./stage.js";
import { namesOf, titleOf } from "./styles.js";
import { brief } from "./words.js";

const FINISHED_SHOWN = 12;
const cells = new Map();

const saidOf = ({ state, place, fraction, seconds_left: left, photo }) => {
  if (state === "queued") {
    const turn = place > 1 ? text("page.nth", { place }) : text("page.next");
    return joined([turn, left && text("page.done_in", { time: brief(left) })]).join("");
  }
  if (state === "painting") {
    if (!fraction) return text("page.starting");
    return joined([percent(fraction), left && text("page.left", { time: brief(left) })]).join("");
  }
  return state === "done" ? photo : text("page.not_painted");
};
// The newest picture of a job. The preview changes with the steps.
const pictureOf = ({ state, step, links }, shown) => {
  if (state === "done") return `${links.result}?small=1`;
  // While a worker restarts, the last preview stays.
  if (isActive({ state })) return links.preview ? `${links.preview}?step=${step}` : shown || `${links.photo}?small=1`;
  return `${links.photo}?small=1`;
};
const cellOf = (job) => {
  const root = fromTemplate("cell", {}), image = root.querySelector("img");
  root.dataset.of = job.id;
  root.querySelector(".cell").addEventListener("click", () => showJob(job.id));
  const end = async (button) => {
    const now = jobWith(job.id);
    if (isActive(now)) cancelJob(now, button); else (await import("./removing.js")).removeJob(now);
  };
  root.querySelector(".x").addEventListener("click", ({ currentTarget }) => end(currentTarget));
  root.addEventListener("keydown", ({ key }) => { if (key === "Delete") end(root.querySelector(".x")); });
  return { root, job: null, address: null, show: steady(image) };
};
const showCell = (job) => {
  if (!cells.has(job.id)) cells.set(job.id, cellOf(job));
  const cell = cells.get(job.id), part = (name) => cell.root.querySelector(name), x = part(".x");
  if (cell.job === job) return;
  cell.job = job;
  cell.root.dataset.state = job.state;
  part(".named").textContent = namesOf(job);
  part(".said").textContent = saidOf(job);
  part(".of").textContent = job.state === "done" ? "" : job.photo;
  part(".done-part").hidden = job.state !== "painting";
  part(".done-part").style.setProperty("--done", `${100 * (job.fraction || 0)}%`);
  cell.address = pictureOf(job, cell.address);
  cell.show(cell.address);
  x.title = part(".why").textContent = `${text(isActive(job) ? "page.cancel" : "gallery.delete")} ${titleOf(job)}`;
};
const arrange = (list, wanted) => {
  const roots = wanted.map((job) => cells.get(job.id).root);
  if (roots.length !== list.childElementCount || roots.some((root, at) => root !== list.children[at])) list.replaceChildren(...roots);
};
// Shows all jobs.
export const showJobs = () => {
  for (const id of [...cells.keys()]) if (!jobWith(id)) cells.delete(id);
  // Others have no cell, so that their pictures are not loaded. Cancelled jobs leave nothing.
  const active = activeJobs(), ended = endedJobs().filter(({ state }) => state !== "cancelled").slice(0, FINISHED_SHOWN);
  const focused = document.activeElement;
  for (const job of [...active, ...ended]) showCell(job);
  arrange(byId("queue"), active);
  arrange(byId("finished"), ended);
  if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
  document.title = `${active.length ? `(${active.length}) ` : ""}${text("page.title")}`;
  render();
};
