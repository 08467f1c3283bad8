// The strip below the stage: a cell for each chosen photo, for each job of the queue, and for each finished picture.
import { byId, fill, fromTemplate, mark, on } from "./shared/elements.js";
import { percent, text } from "./shared/texts.js";
import { cannotShow, takeAway } from "./photos.js";
import { steady } from "./pictures.js";
import {
  activeJobs, effect, endedJobs, isActive, isUnsent, jobWith, photo as current, photos, photoWith, shownJob, showJob, showPhoto,
} from "./state.js";
import { namesOf, stylesShown, titleOf } from "./styles.js";
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
// The newest picture of a job. The preview changes with the steps. While a worker restarts, the last one stays.
const pictureOf = ({ state, step, links }, shown) => {
  const photo = `${links.photo}?small=1`;
  if (state === "done") return `${links.result}?small=1`;
  if (!isActive({ state })) return photo;
  return links.preview ? `${links.preview}?step=${step}` : shown || photo;
};
// What a cell shows of a photo or a job, and what its button and its cross do.
const kinds = {
  photo: {
    make: (cell, id) => { cell.image.onerror = () => photoWith(id) && cannotShow(photoWith(id)); },
    show: ({ root, image, part }, photo) => {
      const { name, thumb, masked } = photo;
      root.classList.toggle("unsent", isUnsent(photo));
      root.classList.toggle("masked", masked);
      part(".said").textContent = name;
      image.hidden = false;
      if (image.getAttribute("src") !== thumb) image.src = thumb;
      return text("page.remove", { name });
    },
    choose: showPhoto, isShown: (id) => !shownJob.value && current.value?.id === id,
    end: (id, { root, x }) => {
      const next = root.nextElementSibling || root.previousElementSibling;
      takeAway([photoWith(id)], text("page.removed", { name: photoWith(id).name }));
      if (!x.isConnected) (next ? next.querySelector(".x") : byId("photo-files")).focus({ preventScroll: true });
    },
  },
  job: {
    make: (cell, id) => {
      cell.show = steady(cell.image);
      on(cell.root, "keydown", ({ key }) => { if (key === "Delete") kinds.job.end(id, cell); });
    },
    show: (cell, job) => {
      const { root, part } = cell;
      root.dataset.state = job.state;
      part(".named").textContent = namesOf(job);
      part(".said").textContent = saidOf(job).filter(Boolean).join(", ");
      part(".of").textContent = job.state === "done" ? "" : job.photo;
      part(".done-part").hidden = job.state !== "painting";
      part(".done-part").style.setProperty("--done", `${100 * (job.fraction || 0)}%`);
      cell.address = pictureOf(job, cell.address);
      cell.show(cell.address);
      return text(isActive(job) ? "page.cancel_it" : "page.delete_it", { title: titleOf(job) });
    },
    choose: showJob, isShown: (id) => shownJob.value?.id === id,
    end: async (id) => { (await import("./removing.js")).removeJob(jobWith(id)); },
  },
};
const cells = new Map();
const cellOf = ({ make, choose, end }, id) => {
  const root = fromTemplate("cell"), part = (name) => root.querySelector(name);
  const cell = { root, part, image: part("img"), x: part(".x"), item: null, address: null };
  root.dataset.of = id;
  make(cell, id);
  on(part(".cell"), "click", () => choose(id));
  on(cell.x, "click", () => end(id, cell));
  cells.set(id, cell);
  return cell;
};
// Shows the cell of a photo or a job, and returns it.
const shownCell = (kind) => (item) => {
  const cell = cells.get(item.id) || cellOf(kind, item.id), { root, part, x } = cell;
  if (cell.item !== item || cell.styles !== stylesShown.value) x.title = part(".why").textContent = kind.show(cell, item);
  Object.assign(cell, { item, styles: stylesShown.value });
  mark(part(".cell"), "aria-current", kind.isShown(item.id));
  return root;
};
effect(() => {
  // Others have no cell, so that their pictures are not loaded. Cancelled jobs leave nothing.
  const active = activeJobs.value, ended = endedJobs.value.filter(({ state }) => state !== "cancelled").slice(0, FINISHED_SHOWN);
  const focused = document.activeElement;
  fill(byId("photos"), photos.value.map(shownCell(kinds.photo)));
  fill(byId("queue"), active.map(shownCell(kinds.job)));
  fill(byId("finished"), ended.map(shownCell(kinds.job)));
  if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
  for (const [id, { root }] of cells) if (!root.isConnected) cells.delete(id);
  byId("strip").hidden = !photos.value.length && !active.length && !ended.length;
  document.title = `${active.length ? `(${active.length}) ` : ""}${text("page.title")}`;
});
