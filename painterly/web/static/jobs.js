// The jobs that the page knows, their states, and the stream of events about them, which reconnects by itself.
import { byId, root, setBusy } from "./shared/elements.js";
import { duration, text } from "./shared/texts.js";
import { ask } from "./api.js";
import { titleOf } from "./styles.js";
import { announce, refuse } from "./words.js";

const jobs = new Map();
let handlers = {};

export const jobWith = (id) => jobs.get(id);
export const isActive = ({ state }) => ["queued", "painting"].includes(state);
const newest = (first, second) => String(second.finished || second.created).localeCompare(String(first.finished || first.created));
// The queue, in its order.
const earliest = (first, second) => first.place - second.place || -newest(first, second);
export const activeJobs = () => [...jobs.values()].filter(isActive).sort(earliest);
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
export const dropJob = (id) => {
  if (jobs.delete(id)) handlers.changed();
};
// Others have left the queue before these jobs.
const move = (moved) => {
  for (const { id, ...about } of moved) {
    const job = jobs.get(id);
    if (job && isActive(job)) jobs.set(id, { ...job, ...about });
  }
  handlers.changed();
};
// Fetches all jobs, after a time without events.
const fetchJobs = async () => {
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
// functions: `changed` is called after each change, `ended` when a job leaves the queue, and `returned` when the server is there again.
export const bindJobs = (functions) => { handlers = functions; };

const LONGEST_WAIT_S = 15, PATIENCE_MS = 2500, UNSEEN_EVERY_MS = 10000;
let source = null, wait = 1, notice = 0, timer = 0, tick = 0, reason = "", next = 0;

const showConnected = () => {
  const wasAway = wait > 1;
  clearTimeout(notice);
  clearInterval(tick);
  notice = tick = 0;
  wait = 1;
  byId("away").hidden = true;
  if (wasAway) handlers.returned();
};
const showAway = () => {
  byId("away").hidden = false;
  byId("away-why").textContent = reason;
  byId("away-next").textContent = text("page.away_next", { time: duration(Math.max(1, (next - Date.now()) / 1000)) });
};
const reconnectLater = (refusal) => {
  reason = refusal && refusal.status === 401 ? refusal.message : text("page.away");
  next = Date.now() + 1000 * wait;
  clearTimeout(timer);
  timer = setTimeout(connect, 1000 * wait);
  wait = Math.min(LONGEST_WAIT_S, 2 * wait);
  // A short interruption is not reported.
  notice ||= setTimeout(() => { showAway(); tick = setInterval(showAway, 1000); }, PATIENCE_MS);
};
const openStream = () => {
  source?.close();
  const stream = source = new EventSource(`${root}/api/events?places=1`);
  stream.addEventListener("job", (event) => updateJob(JSON.parse(event.data)));
  stream.addEventListener("places", (event) => move(JSON.parse(event.data).jobs));
  stream.addEventListener("deleted", (event) => JSON.parse(event.data).jobs.forEach(dropJob));
  stream.addEventListener("open", () => {
    showConnected();
    fetchJobs().catch(reconnectLater); // A stream begins with unfinished jobs: a job that ended before it would be missed.
  });
  stream.addEventListener("error", () => {
    if (stream !== source) return; // Safari reports an error of a closed stream when the user returns to the page.
    stream.close();
    reconnectLater();
  });
};
// A browser has six connections to a server in all. A hidden page closes its stream, and polls.
const pollWhileHidden = () => {
  source?.close();
  source = null;
  clearTimeout(timer);
  timer = setTimeout(connect, UNSEEN_EVERY_MS);
};
export const connect = async () => {
  clearTimeout(timer);
  try { await fetchJobs(); } catch (refusal) { reconnectLater(refusal); return; }
  if (document.hidden) { showConnected(); pollWhileHidden(); } else openStream();
};
// Phones sleep, and laptops change their network.
const reconnect = () => { if (document.hidden) pollWhileHidden(); else connect(); };
document.addEventListener("visibilitychange", reconnect);
window.addEventListener("online", reconnect);
byId("away-now").addEventListener("click", () => connect());
