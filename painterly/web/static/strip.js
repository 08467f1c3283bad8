// The queue and the finished pictures below the stage: a cell for each job, updated in place.
import { byId, fill, fromTemplate, on } from "./shared/elements.js";
import { percent, text } from "./shared/texts.js";
import { activeJobs, endedJobs, isActive, jobWith } from "./jobs.js";
import { steady } from "./pictures.js";
import { render, showJob } from "./stage.js";
import { namesOf, titleOf } from "./styles.js";
import { brief } from "./words.js";

const FINISHED_SHOWN = 12;
const cells = new Map();

const saidOf = ({ state, place, fraction, seconds_left: left, photo }) => {
  const time = left && { time: brief(left) };
  switch (state) {
    case "queued": return [place > 1 ? text("page.nth", { place }) : text("page.next"), time && text("page.done_in", time)];
    case "painting": return fraction ? [percent(fraction), time && text("page.left", time)] : [text("page.starting")];
    default: return [state === "done" ? photo : text("page.not_painted")];
  }
};
// The newest picture of a job. The preview changes with the steps. While a worker restarts, the last one stays.
const pictureOf = ({ state, step, links }, shown) => {
  const photo = `${links.photo}?small=1`;
  if (state === "done") return `${links.result}?small=1`;
  if (!isActive({ state })) return photo;
  return links.preview ? `${links.preview}?step=${step}` : shown || photo;
};
const cellOf = ({ id }) => {
  const root = fromTemplate("cell"), x = root.querySelector(".x");
  root.dataset.of = id;
  on(root.querySelector(".cell"), "click", () => showJob(id));
  const end = async () => { (await import("./removing.js")).removeJob(jobWith(id)); };
  on(x, "click", end);
  on(root, "keydown", ({ key }) => { if (key === "Delete") end(); });
  return { root, job: null, address: null, show: steady(root.querySelector("img")) };
};
// Shows a job's cell, and returns it.
const shownCell = (job) => {
  if (!cells.has(job.id)) cells.set(job.id, cellOf(job));
  const cell = cells.get(job.id), { root } = cell, part = (name) => root.querySelector(name);
  if (cell.job === job) return root;
  cell.job = job;
  root.dataset.state = job.state;
  part(".named").textContent = namesOf(job);
  part(".said").textContent = saidOf(job).filter(Boolean).join(", ");
  part(".of").textContent = job.state === "done" ? "" : job.photo;
  part(".done-part").hidden = job.state !== "painting";
  part(".done-part").style.setProperty("--done", `${100 * (job.fraction || 0)}%`);
  cell.address = pictureOf(job, cell.address);
  cell.show(cell.address);
  part(".x").title = part(".why").textContent = text(isActive(job) ? "page.cancel_it" : "page.delete_it", { title: titleOf(job) });
  return root;
};
// Shows all jobs.
export const showJobs = () => {
  for (const id of [...cells.keys()]) if (!jobWith(id)) cells.delete(id);
  // Others have no cell, so that their pictures are not loaded. Cancelled jobs leave nothing.
  const active = activeJobs(), ended = endedJobs().filter(({ state }) => state !== "cancelled").slice(0, FINISHED_SHOWN);
  const focused = document.activeElement;
  fill(byId("queue"), active.map(shownCell));
  fill(byId("finished"), ended.map(shownCell));
  if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
  document.title = `${active.length ? `(${active.length}) ` : ""}${text("page.title")}`;
  render();
};
