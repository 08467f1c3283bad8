// Deletes jobs and paintings for good, once a message has offered an undo for some seconds, or when the page is closed before.
import { make, on, root } from "./shared/elements.js";
import { text } from "./shared/texts.js";
import { ask } from "./api.js";

// Ticks; the status of what another page has deleted; requests: Chromium refuses more than 256 at once that may outlast a page.
const SECONDS = 20, GONE = 404, AT_ONCE = 200;
const said = make("p"), button = make("button", text("gallery.undo")), told = make("div.told", said, button);
said.role = "status";
let takeBack = null, finish = null, left = 0, timer = 0;

// An open dialog covers the rest of the page.
const place = () => (document.querySelector("dialog[open]") || document.body).append(told);
on(document, "close", () => { if (told.isConnected) place(); }, true);
const close = (leaving = null) => {
  const end = finish;
  clearInterval(timer);
  takeBack = finish = null;
  told.remove();
  end?.(leaving);
};
on(window, "pagehide", close);
const tick = () => {
  if (!told.matches(":hover, :focus-within")) left -= 1; // While it is pointed at, its time stands still.
  told.style.setProperty("--left", Math.max(0, left / SECONDS));
  if (left <= 0) close();
};
// Says what is deleted. undoing: takes that back. over: is called once it is not taken back, with the event that closes the page, if any.
export const tell = (words, undoing = null, over = null) => {
  close();
  [takeBack, finish, left] = [undoing, over, SECONDS];
  button.hidden = !undoing;
  place();
  said.textContent = words;
  timer = setInterval(tick, 1000);
};
const undo = () => { const act = takeBack; finish = null; close(); if (act) act(); };
on(button, "click", undo);
on(document, "keydown", (event) => {
  const isUndo = (event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "z";
  if (!isUndo || !takeBack || event.target.closest("textarea")) return;
  event.preventDefault();
  undo();
});

// The request outlasts a page that is about to close.
export const remove = (address) => ask(address, { method: "DELETE", keepalive: true });
const wordsFor = (count) => count > 1 ? text("gallery.several_deleted", { count }) : text("gallery.deleted");
// Deletes jobs by their ids; withPhoto: the first one, with all others that have its photo. hide: is called with ids, and whether they
// are gone or back. ready: makes sure, once they are hidden, that they can be deleted.
export const deleteJobs = (jobs, hide, withPhoto = false, ready = async () => {}) => {
  const bringBack = (ids) => { hide(ids, false); tell(text("gallery.not_deleted")); };
  const send = async (leaving) => {
    if (!leaving && !await isReady) return; // A page that closes waits for nothing.
    const query = withPhoto ? "?photo=true" : "", asked = withPhoto ? jobs.slice(0, 1) : jobs, answers = [];
    const group = leaving ? asked.length : AT_ONCE; // There is no later.
    for (let at = 0; at < asked.length; at += group) {
      const some = asked.slice(at, at + group).map((id) => remove(`${root}/api/jobs/${id}${query}`));
      answers.push(...await Promise.allSettled(some));
    }
    hide(answers.flatMap(({ value }) => value ? value.jobs : []), true);
    const failed = asked.filter((_, at) => answers[at].reason && answers[at].reason.status !== GONE);
    if (failed.length) bringBack(withPhoto ? jobs : failed);
  };
  hide(jobs, true);
  tell(wordsFor(jobs.length), () => hide(jobs, false), send);
  const isReady = ready().then(() => true, ({ status }) => status === GONE || bringBack(jobs));
};
