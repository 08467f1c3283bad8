// What the server says of jobs: the stream of events about them, which reconnects by itself.
import { announce, byId, on, root, say } from "./shared/elements.js";
import { duration, text } from "./shared/texts.js";
import { ask } from "./api.js";
import { titleOf } from "./styles.js";
import { batch, dropJobs, isActive, isLeaving, jobs, jobWith, keepJob } from "./state.js";

const LONGEST_WAIT_S = 15, PATIENCE_MS = 2500, UNSEEN_EVERY_MS = 10000;
// The stream. wait: seconds before the next try. since and next: when the server went, and when it is tried again. tick: shows that.
const link = { source: null, opened: () => {}, wait: 1, timer: 0, tick: 0, reason: "", since: 0, next: 0 };
// functions: `ended` is called when a job leaves the queue, and `returned` when the server is there again.
export const bindJobs = (functions) => Object.assign(link, functions);

// What the server says of a job. An answer may be older than an event that arrived before it: an ended job stays ended.
export const heard = (job) => {
  const before = jobWith(job.id);
  if (before && !isActive(before) && isActive(job)) return;
  keepJob(job);
  if (!before || before.state === job.state || isActive(job) || isLeaving(job)) return;
  announce(text(`page.announced.${job.state}`, { title: titleOf(job) }));
  link.ended();
};
// Others have left the queue before these jobs.
const move = (moved) => {
  for (const { id, ...about } of moved) if (jobWith(id) && isActive(jobWith(id))) keepJob({ ...jobWith(id), ...about });
};
const fetchJobs = async () => {
  const known = [...jobs.value.keys()]; // A job that is ordered while the answer is on its way stays.
  const { jobs: all } = await ask(`${root}/api/jobs`), present = new Set(all.map((each) => each.id));
  batch(() => {
    dropJobs(known.filter((each) => !present.has(each)));
    all.forEach(heard);
  });
};

const showConnected = () => {
  const wasAway = link.wait > 1;
  clearInterval(link.tick);
  Object.assign(link, { wait: 1, since: 0, tick: 0 });
  byId("away").hidden = true;
  if (wasAway) link.returned();
};
const showAway = () => {
  if (Date.now() - link.since < PATIENCE_MS) return; // A short interruption is not reported.
  byId("away").hidden = false;
  say("away-why", link.reason);
  say("away-next", text("page.away_next", { time: duration(Math.max(1, (link.next - Date.now()) / 1000)) }));
};
const reconnectLater = (refusal) => {
  const { wait } = link;
  clearTimeout(link.timer);
  link.since ||= Date.now();
  link.tick ||= setInterval(showAway, 1000);
  Object.assign(link, {
    reason: refusal && refusal.status === 401 ? refusal.message : text("page.away"),
    next: Date.now() + 1000 * wait, timer: setTimeout(connect, 1000 * wait), wait: Math.min(LONGEST_WAIT_S, 2 * wait),
  });
};
const closeStream = () => { link.source?.close(); link.source = null; link.opened(); };
// Resolves once the jobs are known, or the stream is closed.
const openStream = () => new Promise((resolve) => {
  closeStream();
  link.opened = resolve;
  const stream = link.source = new EventSource(`${root}/api/events?places=1`);
  const hear = (kind, act) => on(stream, kind, ({ data }) => act(JSON.parse(data)));
  hear("job", heard);
  hear("places", (about) => batch(() => move(about.jobs)));
  hear("deleted", (about) => dropJobs(about.jobs));
  on(stream, "open", () => {
    showConnected();
    fetchJobs().catch(reconnectLater).then(resolve); // A stream begins with unfinished jobs alone.
  });
  on(stream, "error", () => {
    if (stream !== link.source) return; // Safari reports an error of a closed stream when the user returns to the page.
    closeStream();
    fetchJobs().then(() => reconnectLater(), reconnectLater); // A stream does not say why it was refused.
  });
});
// A browser has six connections to a server in all. A hidden page closes its stream, and polls.
const pollWhileHidden = () => {
  closeStream();
  clearTimeout(link.timer);
  link.timer = setTimeout(connect, UNSEEN_EVERY_MS);
};
export const connect = async () => {
  clearTimeout(link.timer);
  if (!document.hidden) { await openStream(); return; }
  try { await fetchJobs(); } catch (refusal) { reconnectLater(refusal); return; }
  showConnected();
  pollWhileHidden();
};
// Phones sleep, and laptops change their network.
const reconnect = () => { if (document.hidden) pollWhileHidden(); else connect(); };
on(document, "visibilitychange", reconnect);
on(window, "online", reconnect);
on("away-now", "click", () => connect());
