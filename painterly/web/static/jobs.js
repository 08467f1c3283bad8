// The queue and the finished pictures: a card for each job, updated in place.
import { by, make } from "./shared/elements.js";
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
const showPicture = (card, address) => {
  card.next = address;
  if (card.address === address || card.loading) return;
  card.loading = true;
  const probe = new Image();
  probe.onload = probe.onerror = (event) => {
    const good = event.type === "load";
    card.failures = good ? 0 : card.failures + 1;
    setTimeout(() => {
      card.loading = false;
      if (card.root.isConnected) showPicture(card, card.next);
    }, Math.min(LONGEST_RETRY_MS, PREVIEW_EVERY_MS * 2 ** card.failures));
    if (good) {
      card.address = address;
      card.image.src = address;
      card.image.hidden = false;
      card.blank.hidden = true;
    } else if (!card.blank.hidden) card.blank.textContent = text("gallery.no_preview");
  };
  probe.src = address;
};

const button = (words, said, onClick) => {
  const made = make("button", words);
  made.type = "button";
  made.append(make("span", ` ${said}`, "unseen"));
  made.addEventListener("click", onClick);
  return made;
};
const cancel = async (job, made) => {
  const { refused } = cards.get(job.id);
  made.disabled = true;
  refused.textContent = "";
  try { updateJob(await ask(job.links.cancel, { method: "POST" })); } catch (refusal) {
    made.disabled = false;
    refused.textContent = refusal.message;
  }
};
const actionsOf = (job) => {
  const title = titleOf(job);
  if (ACTIVE.includes(job.state)) {
    const made = button(text("page.cancel"), title, () => cancel(jobs.get(job.id), made));
    return [made];
  }
  const again = button(text(job.state === "done" ? "gallery.again" : "page.try_again"), title, () => actions.again(jobs.get(job.id)));
  if (job.state !== "done") return [again];
  const download = make("a", text("gallery.download"), "button");
  download.href = `${job.links.result}?download=1`;
  download.download = "";
  download.append(make("span", ` ${title}`, "unseen"));
  return [button(text("page.compare"), title, () => actions.open(job.id)), download, again];
};

const cardOf = (job) => {
  const root = make("li", "", "job"), frame = make("div", "", "frame"), words = make("div", "", "words");
  const image = make("img"), blank = make("span", "", "blank"), heading = make("h3", job.photo);
  const state = make("p", "", "state"), progress = make("progress"), refused = make("p", "", "refusal"), row = make("p", "", "actions");
  image.hidden = true;
  image.alt = "";
  heading.append(" ", make("span", inStyle(job), "quiet"));
  progress.setAttribute("aria-label", titleOf(job));
  refused.setAttribute("role", "alert");
  frame.append(image, blank);
  words.append(heading, state, progress, refused, row);
  root.append(frame, words);
  frame.addEventListener("click", () => { if (jobs.get(job.id).state === "done") actions.open(job.id); });
  return { root, image, blank, state, progress, refused, row, job: null, shown: null, loading: false, failures: 0, address: null, next: null };
};
const showJob = (job) => {
  if (!cards.has(job.id)) cards.set(job.id, cardOf(job));
  const card = cards.get(job.id), active = ACTIVE.includes(job.state);
  if (card.job === job) return;
  card.job = job;
  card.root.dataset.state = job.state;
  card.state.textContent = stateOf(job);
  card.state.classList.toggle("refusal", job.state === "failed");
  card.progress.hidden = job.state !== "painting";
  if (job.fraction) card.progress.value = job.fraction; else card.progress.removeAttribute("value");
  showPicture(card, pictureOf(job, card.address));
  // Buttons stay while they mean the same, so that they keep the focus.
  const kind = active ? "active" : job.state;
  if (card.shown === kind) return;
  const focused = card.row.contains(document.activeElement);
  card.row.replaceChildren(...actionsOf(job));
  card.shown = kind;
  if (focused) card.row.firstElementChild.focus();
};
const arrange = (list, wanted) => {
  const roots = wanted.map((job) => cards.get(job.id).root);
  for (const gone of [...list.children].filter((each) => !roots.includes(each))) gone.remove();
  roots.forEach((root, at) => { if (list.children[at] !== root) list.insertBefore(root, list.children[at] || null); });
};
const arrangeAll = () => {
  const all = [...jobs.values()];
  const active = all.filter((each) => ACTIVE.includes(each.state));
  active.sort((first, second) => (first.state === "painting" ? 0 : first.place || 1e6) - (second.state === "painting" ? 0 : second.place || 1e6) || -newest(first, second));
  const ended = all.filter((each) => !ACTIVE.includes(each.state)).sort(newest).slice(0, FINISHED_SHOWN);
  const focused = document.activeElement;
  // Other jobs have no card, so that their pictures are not loaded.
  for (const job of [...active, ...ended]) showJob(job);
  arrange(by("queue"), active);
  arrange(by("finished"), ended);
  if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
  by("queue-empty").hidden = active.length > 0;
  by("finished-section").hidden = !ended.length;
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
