// The stream of events about all jobs. It reconnects by itself, and then fetches all jobs.
import { by } from "./shared/elements.js";
import { text } from "./shared/texts.js";
import { fetchJobs, updateJob } from "./jobs.js";

const LONGEST_WAIT_S = 15, PATIENCE_MS = 2500, UNSEEN_EVERY_MS = 10000;
let source = null, wait = 1, notice = 0, timer = 0, reason = "";

const present = () => {
  clearTimeout(notice);
  notice = 0;
  wait = 1;
  by("away").textContent = "";
};
const absent = (refusal) => {
  reason = refusal && refusal.status === 401 ? refusal.message : text("page.away");
  // A short interruption is not reported.
  if (by("away").textContent) by("away").textContent = reason;
  notice ||= setTimeout(() => { by("away").textContent = reason; }, PATIENCE_MS);
};
const later = (refusal) => {
  absent(refusal);
  clearTimeout(timer);
  timer = setTimeout(connect, 1000 * wait);
  wait = Math.min(LONGEST_WAIT_S, 2 * wait);
};
const open = () => {
  source?.close();
  const own = source = new EventSource("/api/events");
  own.addEventListener("job", (event) => updateJob(JSON.parse(event.data)));
  own.addEventListener("open", () => {
    present();
    fetchJobs().catch(later); // A stream begins with unfinished jobs: a job that ended before it would be missed.
  });
  own.addEventListener("error", () => {
    if (own !== source) return; // Safari reports an error of a closed stream when the user returns to the page.
    if (own.readyState === EventSource.CLOSED) later(); else absent();
  });
};
// A browser has six connections to a server in all. A hidden page closes its stream, and polls.
const rest = () => {
  source?.close();
  source = null;
  clearTimeout(timer);
  timer = setTimeout(connect, UNSEEN_EVERY_MS);
};
export const connect = async () => {
  clearTimeout(timer);
  try { await fetchJobs(); } catch (refusal) { later(refusal); return; }
  if (document.hidden) { present(); rest(); } else open();
};
// Phones sleep, and laptops change their network.
const wake = () => { if (document.hidden) rest(); else connect(); };
document.addEventListener("visibilitychange", wake);
window.addEventListener("online", wake);
