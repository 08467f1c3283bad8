// The stream of events about all jobs. It reconnects by itself, and then fetches all jobs.
import { by } from "./shared/elements.js";
import { text } from "./shared/texts.js";

const LONGEST_WAIT_S = 15, PATIENCE_MS = 2500, UNSEEN_EVERY_MS = 10000;

const AWAY = text("page.away");

// onJob: gets a job that has changed; fetchAll: asks for all of them.
export const connect = (onJob, fetchAll) => {
  let source = null, wait = 1, notice = 0, timer = 0, reason = AWAY;
  const present = () => {
    clearTimeout(notice);
    notice = 0;
    wait = 1;
    by("away").textContent = "";
  };
  const absent = (refusal) => {
    reason = refusal && refusal.status === 401 ? refusal.message : AWAY;
    // A short interruption is not reported.
    if (by("away").textContent) by("away").textContent = reason;
    notice ||= setTimeout(() => { by("away").textContent = reason; }, PATIENCE_MS);
  };
  const later = (refusal) => {
    absent(refusal);
    clearTimeout(timer);
    timer = setTimeout(refresh, 1000 * wait);
    wait = Math.min(LONGEST_WAIT_S, 2 * wait);
  };
  const open = () => {
    if (source) source.close();
    const own = new EventSource("/api/events");
    source = own;
    source.addEventListener("job", (event) => onJob(JSON.parse(event.data)));
    source.addEventListener("open", () => {
      present();
      fetchAll().catch(later); // A stream begins with unfinished jobs: a job that ended before it would be missed.
    });
    source.addEventListener("error", () => {
      if (own !== source) return; // Safari reports an error of a closed stream when the user returns to the page.
      absent();
      if (source.readyState === EventSource.CLOSED) later();
    });
  };
  // A browser has six connections to a server in all. A hidden page closes its stream, and polls.
  const rest = () => {
    if (source) source.close();
    source = null;
    clearTimeout(timer);
    timer = setTimeout(refresh, UNSEEN_EVERY_MS);
  };
  const refresh = async () => {
    clearTimeout(timer);
    try { await fetchAll(); } catch (refusal) { later(refusal); return; }
    if (document.hidden) { present(); rest(); } else open();
  };
  // Phones sleep, and laptops change their network.
  const wake = () => {
    if (document.hidden) rest();
    else if (source) fetchAll().then(present, later);
    else refresh();
  };
  document.addEventListener("visibilitychange", wake);
  window.addEventListener("online", wake);
  return refresh();
};
