// The stream of events about all jobs. It reconnects by itself, and then fetches all jobs.
import { byId, root } from "./shared/elements.js";
import { text } from "./shared/texts.js";
import { fetchJobs, updateJob } from "./jobs.js";

const LONGEST_WAIT_S = 15, PATIENCE_MS = 2500, UNSEEN_EVERY_MS = 10000;
let source = null, wait = 1, notice = 0, timer = 0, reason = "";

const showConnected = () => {
  clearTimeout(notice);
  notice = 0;
  wait = 1;
  byId("away").textContent = "";
};
const showDisconnected = (refusal) => {
  reason = refusal && refusal.status === 401 ? refusal.message : text("page.away");
  // A short interruption is not reported.
  if (byId("away").textContent) byId("away").textContent = reason;
  notice ||= setTimeout(() => { byId("away").textContent = reason; }, PATIENCE_MS);
};
const reconnectLater = (refusal) => {
  showDisconnected(refusal);
  clearTimeout(timer);
  timer = setTimeout(connect, 1000 * wait);
  wait = Math.min(LONGEST_WAIT_S, 2 * wait);
};
const openStream = () => {
  source?.close();
  const stream = source = new EventSource(`${root}/api/events`);
  stream.addEventListener("job", (event) => updateJob(JSON.parse(event.data)));
  stream.addEventListener("open", () => {
    showConnected();
    fetchJobs().catch(reconnectLater); // A stream begins with unfinished jobs: a job that ended before it would be missed.
  });
  stream.addEventListener("error", () => {
    if (stream !== source) return; // Safari reports an error of a closed stream when the user returns to the page.
    if (stream.readyState === EventSource.CLOSED) reconnectLater(); else showDisconnected();
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
