// The strip below the stage: a cell for each chosen photo, for each job of the queue, and for each finished picture.
import { byId, fill, keyed, mark, on } from "./shared/elements.js";
import { percent, text } from "./shared/texts.js";
import { cannotShow, takeAway } from "./photos.js";
import { steady } from "./pictures.js";
import {
  activeJobs, effect, endedJobs, isActive, isUnsent, jobWith, photo as current, photos, photoWith, shownJob, showJob, showPhoto, styles,
} from "./state.js";
import { namesOf, titleOf } from "./styles.js";
import { brief } from "./words.js";

const FINISHED_SHOWN = 12;

const saidOf = ({ state, place, fraction, seconds_left: left, photo }) => {
  const time = left && { time: brief(left) };
  switch (state) {
    case "queued": return [place > 1 ? text("page.nth", { place }) : text("page.next"), time && text("page.done_in", time)];
    case "painting": return fraction ? [percent(fraction), time && text("page.left", time)] : [text("page.starting")];
    default: return [state === "done" ? photo : text("page.not_painted")];
  }
};
// While a worker restarts, the last preview stays.
const pictureOf = ({ state, step, links }, shown) => {
  const photo = `${links.photo}?small=1`;
  if (state === "done") return `${links.result}?small=1`;
  if (!isActive({ state })) return photo;
  return links.preview ? `${links.preview}?step=${step}` : shown || photo;
};
const cellOf = (id, choose, end) => {
  const root = byId("cell").content.firstElementChild.cloneNode(true);
  root.dataset.of = id;
  on(root.querySelector(".cell"), "click", () => choose(id));
  on(root.querySelector(".x"), "click", end);
  return root;
};
const crossSays = (root, words) => {
  const why = root.querySelector(".why");
  if (why.textContent !== words) root.querySelector(".x").title = why.textContent = words;
};

const photoCells = keyed(({ id }) => {
  const root = cellOf(id, showPhoto, () => {
    const next = root.nextElementSibling || root.previousElementSibling;
    takeAway([photoWith(id)]);
    (next ? next.querySelector(".x") : byId("photo-files")).focus({ preventScroll: true });
  });
  root.querySelector("img").onerror = () => photoWith(id) && cannotShow(photoWith(id));
  return root;
});
const showPhotoCell = (root, photo) => {
  const { id, name, thumb, masked } = photo, image = root.querySelector("img");
  root.classList.toggle("unsent", isUnsent(photo));
  root.classList.toggle("masked", masked);
  root.querySelector(".said").textContent = name;
  image.hidden = false;
  if (image.getAttribute("src") !== thumb) image.src = thumb;
  crossSays(root, text("page.remove", { name }));
  mark(root.querySelector(".cell"), "aria-current", !shownJob.value && current.value?.id === id);
};
effect(() => {
  const cells = photoCells(photos.value);
  fill(byId("photos"), cells);
  for (const [at, each] of photos.value.entries()) showPhotoCell(cells[at], each);
});

// shown: what a cell shows, and of which styles, so that news of one job is written into its own cell alone.
const jobCells = keyed(({ id }) => {
  const end = async () => { (await import("./removing.js")).removeJob(jobWith(id)); }, root = cellOf(id, showJob, end);
  on(root, "keydown", ({ key }) => { if (key === "Delete") end(); });
  return Object.assign(root, { shown: {}, show: steady(root.querySelector("img")) });
});
const showJobCell = (root, job) => {
  const part = (name) => root.querySelector(name), { state, fraction } = job, before = root.shown;
  mark(part(".cell"), "aria-current", shownJob.value?.id === job.id);
  if (before.job === job && before.styles === styles.value) return;
  root.shown = { job, styles: styles.value, address: pictureOf(job, before.address) };
  root.dataset.state = state;
  part(".named").textContent = namesOf(job);
  part(".said").textContent = saidOf(job).filter(Boolean).join(", ");
  part(".of").textContent = state === "done" ? "" : job.photo;
  part(".done-part").hidden = state !== "painting";
  part(".done-part").style.setProperty("--done", `${100 * (fraction || 0)}%`);
  root.show(root.shown.address);
  crossSays(root, text(isActive(job) ? "page.cancel_it" : "page.delete_it", { title: titleOf(job) }));
};
effect(() => {
  // Others have no cell, so that their pictures are not loaded. Cancelled jobs leave nothing.
  const active = activeJobs.value, ended = endedJobs.value.filter(({ state }) => state !== "cancelled").slice(0, FINISHED_SHOWN);
  const all = [...active, ...ended], cells = jobCells(all);
  fill(byId("finished"), cells.slice(active.length)); // First, as some come from the queue.
  fill(byId("queue"), cells.slice(0, active.length));
  for (const [at, each] of all.entries()) showJobCell(cells[at], each);
  byId("strip").hidden = !photos.value.length && !all.length;
  document.title = `${active.length ? `(${active.length}) ` : ""}${text("page.title")}`;
});
