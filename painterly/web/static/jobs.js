// The jobs that the page knows, and their states.
import { root, setBusy } from "./shared/elements.js";
import { text } from "./shared/texts.js";
import { ask } from "./api.js";
import { titleOf } from "./styles.js";
import { announce, refuse } from "./words.js";

const jobs = new Map();
let handlers = {};

export const jobWith = (id) => jobs.get(id);
export const isActive = ({ state }) => ["queued", "painting"].includes(state);
const newest = (first, second) => String(second.finished || second.created).localeCompare(String(first.finished || first.created));
// The queue, in its order.
export const activeJobs = () => [...jobs.values()].filter(isActive).sort((first, second) => first.place - second.place || -newest(first, second));
export const endedJobs = () => [...jobs.values()].filter((each) => !isActive(each)).sort(newest);
export const finishedJobs = () => endedJobs().filter(({ state }) => state === "done");

const keep = (job) => {
  const before = jobs.get(job.id);
  // An answer may be older than an event that arrived before it. An ended job stays ended.
  if (before && !isActive(before) && isActive(job)) return;
  jobs.set(job.id, job);
  if (before && before.state !== job.state && !isActive(job)) {
    announce(text(`page.announced.${job.state}`, { title: titleOf(job) }));
    handlers.ended();
  }
};
export const updateJob = (job) => {
  keep(job);
  handlers.changed();
};
// Fetches all jobs, after a time without events.
export const fetchJobs = async () => {
  const known = [...jobs.keys()]; // A job that is ordered while the answer is on its way stays.
  const { jobs: all } = await ask(`${root}/api/jobs`), present = new Set(all.map((each) => each.id));
  for (const id of known.filter((each) => !present.has(each))) jobs.delete(id);
  for (const job of all) keep(job);
  handlers.changed();
};
export const cancelJob = async (job, button) => {
  if (button.hasAttribute("aria-disabled")) return;
  setBusy(button, true);
  refuse();
  try { updateJob(await ask(job.links.cancel, { method: "POST" })); } catch (refusal) { refuse(refusal.message); }
  setBusy(button, false);
};
// functions: `changed` is called after each change, `ended` when a job leaves the queue.
export const bindJobs = (functions) => { handlers = functions; };
