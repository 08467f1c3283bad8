// The queue and the finished pictures: a card for each job, updated in place.
import { byId, fromTemplate, loaded, setBusy } from "./shared/elements.js";
import { text } from "./shared/texts.js";
import { ask } from "./api.js";
import { activeJobs, endedJobs, isActive, jobWith, updateJob } from "./jobs.js";
import { about, inStyle, titleOf } from "./words.js";

const FINISHED_SHOWN = 12, PREVIEW_EVERY_MS = 1000, LONGEST_RETRY_MS = 30000;
const cards = new Map();
let handlers = {};

// The card already shows the photo's name.
const reasonOf = ({ error, photo }) => {
  const reason = (error || text("page.not_painted")).replace(`${photo}: `, "").replace(/^is /, "it is ");
  return reason[0].toUpperCase() + reason.slice(1);
};
const stateOf = (job) => {
  const { state, place, step } = job, time = job.seconds_left && about(job.seconds_left);
  const parts = (...all) => all.filter(Boolean).join(", ");
  switch (state) {
    case "queued": return parts(
      text("page.waiting"),
      place && (place === 1 ? text("page.place_next") : text("page.place", { place })),
      time && text("page.done_in", { time }),
    );
    case "painting": return step ? parts(text("page.painting"), time && text("page.left", { time })) : text("page.starting");
    case "failed": return reasonOf(job);
    default: return text(`page.${state}`);
  }
};

// The newest picture of a job. The preview changes with the steps.
const pictureOf = ({ state, step, links }, shown) => {
  if (state === "done") return `${links.result}?small=1`;
  if (!isActive({ state })) return `${links.photo}?small=1`;
  // While a worker restarts, the last preview stays.
  return links.preview ? `${links.preview}?step=${step}` : shown || `${links.photo}?small=1`;
};
// Shows a picture once it has loaded, so that nothing flickers. The next one follows after a pause, and one that could not be
// loaded is tried again later: the server or its storage may be unavailable.
const showPicture = async (card, address) => {
  card.next = address;
  if (card.address === address || card.loading) return;
  card.loading = true;
  const good = await loaded(address);
  if (good) card.image.src = card.address = address;
  card.image.hidden = !card.address;
  card.blank.hidden = !card.image.hidden;
  card.blank.textContent = text("gallery.no_preview");
  card.failures = good ? 0 : card.failures + 1;
  setTimeout(() => {
    card.loading = false;
    if (card.root.isConnected) showPicture(card, card.next);
  }, Math.min(LONGEST_RETRY_MS, PREVIEW_EVERY_MS * 2 ** card.failures));
};

// By the data-action of a card's buttons and its picture.
const actions = {
  cancel: async (job, button) => {
    const { refused } = cards.get(job.id);
    setBusy(button, true);
    refused.textContent = "";
    try { updateJob(await ask(job.links.cancel, { method: "POST" })); } catch (refusal) {
      setBusy(button, false);
      refused.textContent = refusal.message;
    }
  },
  open: (job) => { if (job.state === "done") handlers.open(job); },
  again: (job) => handlers.again(job),
};
const cardOf = (job) => {
  const root = fromTemplate("job", { photo: job.photo, styled: inStyle(job) }), part = (name) => root.querySelector(name);
  root.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-action]");
    if (button && !button.hasAttribute("aria-disabled")) actions[button.dataset.action](jobWith(job.id), button);
  });
  part("progress").setAttribute("aria-label", titleOf(job));
  return {
    root, image: part("img"), blank: part(".blank"), state: part(".state"), progress: part("progress"), refused: part(".refusal"),
    job: null, loading: false, failures: 0, address: null, next: null, buttons: null,
  };
};
const showButtons = (card, kind, job) => {
  if (card.buttons === kind) return; // They keep the focus.
  const row = fromTemplate(`${kind}-buttons`, { unseen: titleOf(job) }), before = card.root.querySelector(".actions");
  if (kind === "done") row.querySelector("a").href = `${job.links.result}?download=1`;
  const focused = before.contains(document.activeElement);
  before.replaceWith(row);
  card.buttons = kind;
  if (focused) row.firstElementChild.focus();
};
const showJob = (job) => {
  if (!cards.has(job.id)) cards.set(job.id, cardOf(job));
  const card = cards.get(job.id);
  if (card.job === job) return;
  card.job = job;
  card.root.dataset.state = job.state;
  card.state.textContent = stateOf(job);
  card.state.classList.toggle("refusal", job.state === "failed");
  card.progress.hidden = job.state !== "painting";
  if (job.fraction) card.progress.value = job.fraction; else card.progress.removeAttribute("value");
  showPicture(card, pictureOf(job, card.address));
  showButtons(card, isActive(job) ? "active" : job.state === "done" ? "done" : "ended", job);
};
const arrange = (list, wanted) => {
  const roots = wanted.map((job) => cards.get(job.id).root);
  if (roots.length !== list.childElementCount || roots.some((root, at) => root !== list.children[at])) list.replaceChildren(...roots);
};
// Shows all jobs.
export const showJobs = () => {
  for (const id of [...cards.keys()]) if (!jobWith(id)) cards.delete(id);
  // Other jobs have no card, so that their pictures are not loaded.
  const active = activeJobs(), ended = endedJobs().slice(0, FINISHED_SHOWN);
  for (const job of [...active, ...ended]) showJob(job);
  const focused = document.activeElement;
  arrange(byId("queue"), active);
  arrange(byId("finished"), ended);
  byId("queue-empty").hidden = active.length > 0;
  byId("finished-section").hidden = !ended.length;
  if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
  document.title = `${active.length ? `(${active.length}) ` : ""}${text("page.title")}`;
};
// functions: `again` and `open` are called with a job.
export const bindCards = (functions) => { handlers = functions; };
