// Deletes jobs and paintings for good, once a message has offered an undo for some seconds, or when the page is closed before.
import { isUndo, make, on, root } from "./shared/elements.js";
import { text } from "./shared/texts.js";
import { ask } from "./api.js";

const SECONDS = 20, NOT_FOUND = 404, AT_ONCE = 200; // ticks; jobs of a request
const said = make("p"), button = make("button", text("gallery.undo")), told = make("div.told", said, button);
said.role = "status";
// What the message is about: how it is taken back, what follows otherwise, and the ticks that are left.
let shown = null;

// An open dialog covers the rest of the page.
const place = () => (document.querySelector("dialog[open]") || document.body).append(told);
on(document, "close", () => { if (told.isConnected) place(); }, true);
const close = (leaving = null) => {
  const { timer, over } = shown || {};
  clearInterval(timer);
  shown = null;
  told.remove();
  over?.(leaving);
};
on(window, "pagehide", close);
const tick = () => {
  if (!told.matches(":hover, :focus-within")) shown.left -= 1; // While it is pointed at, its time stands still.
  told.style.setProperty("--left", Math.max(0, shown.left / SECONDS));
  if (shown.left <= 0) close();
};
// Says what is deleted. undoing: takes that back. over: is called once it is not taken back, with the event that closes the page, if any.
export const tell = (words, undoing = null, over = null) => {
  close();
  shown = { undoing, over, left: SECONDS, timer: setInterval(tick, 1000) };
  button.hidden = !undoing;
  place();
  said.textContent = words;
};
const undo = () => { const { undoing } = shown; shown.over = null; close(); undoing?.(); };
on(button, "click", undo);
// Before other acts that can be undone.
on(document, "keydown", (event) => {
  if (!shown?.undoing || !isUndo(event)) return;
  event.preventDefault();
  undo();
}, true);

// The request outlasts a page that is about to close.
export const remove = (address) => ask(address, { method: "DELETE", keepalive: true });
const wordsFor = (count) => count > 1 ? text("gallery.several_deleted", { count }) : text("gallery.deleted");
// Deletes jobs by their ids; withPhoto: the first one, with all others that have its photo. hide: is called with ids, and whether they
// are gone or back. ready: makes sure, once they are hidden, that they can be deleted.
export const deleteJobs = (jobs, hide, withPhoto = false, ready = async () => {}) => {
  const bringBack = (ids) => { hide(ids, false); tell(text("gallery.not_deleted")); };
  const send = async (leaving) => {
    if (!leaving && !await isReady) return; // A page that closes waits for nothing.
    const asked = withPhoto ? jobs.slice(0, 1) : jobs, count = Math.ceil(asked.length / AT_ONCE);
    const groups = Array.from({ length: count }, (_, at) => asked.slice(AT_ONCE * at, AT_ONCE * (at + 1)));
    const query = (ids) => new URLSearchParams([...ids.map((id) => ["id", id]), ...(withPhoto ? [["photo", true]] : [])]);
    const answers = await Promise.allSettled(groups.map((ids) => remove(`${root}/api/jobs?${query(ids)}`)));
    hide(answers.flatMap(({ value }) => value ? value.jobs : []), true);
    const failed = groups.filter((_, at) => answers[at].reason).flat();
    if (failed.length) bringBack(withPhoto ? jobs : failed);
  };
  hide(jobs, true);
  tell(wordsFor(jobs.length), () => hide(jobs, false), send);
  const isReady = ready().then(() => true, ({ status }) => status === NOT_FOUND || bringBack(jobs));
};
