// The queue and the finished pictures: a card for each job, updated in place.
import { by, fromTemplate, loaded } from "./shared/elements.js";
import { text } from "./shared/texts.js";
import { ask } from "./api.js";
import { about, inStyle, say, titleOf } from "./words.js";

const FINISHED_SHOWN = 12, PREVIEW_EVERY_MS = 1000, LONGEST_RETRY_MS = 30000;
const ACTIVE = ["queued", "painting"];
const jobs = new Map(), cards = new Map();
let actions = {};

export const finishedJobs = () => [...jobs.values()].filter((each) => each.state === "done").sort(newest);
const newest = (first, second) => String(second.finished || second.created).localeCompare(String(first.finished || first.created));

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
  if (!ACTIVE.includes(state)) return `${links.photo}?small=1`;
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

// The actions of a card, by the data-does of its buttons and its picture.
const deeds = {
  cancel: async (job, button) => {
    const { refused } = cards.get(job.id);
    button.setAttribute("aria-disabled", "true"); // A disabled button would lose the focus.
    refused.textContent = "";
    try { updateJob(await ask(job.links.cancel, { method: "POST" })); } catch (refusal) {
      button.removeAttribute("aria-disabled");
      refused.textContent = refusal.message;
    }
  },
  open: (job) => { if (job.state === "done") actions.open(job); },
  again: (job) => actions.again(job),
};
const cardOf = (job) => {
  const root = fromTemplate("job", { photo: job.photo, styled: inStyle(job) }), part = (name) => root.querySelector(name);
  root.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-does]");
    if (button && !button.hasAttribute("aria-disabled")) deeds[button.dataset.does](jobs.get(job.id), button);
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
  showButtons(card, ACTIVE.includes(job.state) ? "active" : job.state === "done" ? "done" : "ended", job);
};
const arrange = (list, wanted) => {
  const roots = wanted.map((job) => cards.get(job.id).root);
  if (roots.length !== list.childElementCount || roots.some((root, at) => root !== list.children[at])) list.replaceChildren(...roots);
};
const arrangeAll = () => {
  const all = [...jobs.values()], active = all.filter((each) => ACTIVE.includes(each.state));
  active.sort((first, second) => first.place - second.place || -newest(first, second));
  const ended = all.filter((each) => !ACTIVE.includes(each.state)).sort(newest).slice(0, FINISHED_SHOWN);
  // Other jobs have no card, so that their pictures are not loaded.
  for (const job of [...active, ...ended]) showJob(job);
  const focused = document.activeElement;
  arrange(by("queue"), active);
  arrange(by("finished"), ended);
  by("queue-empty").hidden = active.length > 0;
  by("finished-section").hidden = !ended.length;
  if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
  document.title = `${active.length ? `(${active.length}) ` : ""}${text("page.title")}`;
};

const take = (job) => {
  const before = jobs.get(job.id);
  // An answer may be older than an event that arrived before it. An ended job stays ended.
  if (before && !ACTIVE.includes(before.state) && ACTIVE.includes(job.state)) return;
  jobs.set(job.id, job);
  if (before && before.state !== job.state && !ACTIVE.includes(job.state)) {
    say(text(`page.said.${job.state}`, { title: titleOf(job) }));
    actions.ended(job);
  }
};
export const updateJob = (job) => {
  take(job);
  arrangeAll();
};
// Fetches all jobs, after a time without events.
export const fetchJobs = async () => {
  const known = [...jobs.keys()]; // A job that is ordered while the answer is on its way stays.
  const { jobs: all } = await ask("/api/jobs"), present = new Set(all.map((each) => each.id));
  for (const id of known.filter((each) => !present.has(each))) { jobs.delete(id); cards.delete(id); }
  for (const job of all) take(job);
  arrangeAll();
};
// what: `again` and `open` are called with a job, `ended` when one leaves the queue.
export const bindJobs = (what) => { actions = what; };
