// Deletes jobs and paintings, and takes that back as long as a message offers it. Marks in the bucket outlast this page.
import { make, on, root } from "./shared/elements.js";
import { text } from "./shared/texts.js";
import { ask, askPatiently } from "./api.js";

const SECONDS = 20, RENEWED_EVERY = 8; // ticks
const said = make("p"), button = make("button", text("gallery.undo")), told = make("div.told", said, button);
said.role = "status";
let takeBack = null, renew = null, finish = null, left = 0, held = 0, timer = 0;

// An open dialog covers the rest of the page.
const place = () => (document.querySelector("dialog[open]") || document.body).append(told);
on(document, "close", () => { if (told.isConnected) place(); }, true);
const close = () => {
  const end = finish;
  clearInterval(timer);
  takeBack = renew = finish = null;
  told.remove();
  end?.();
};
on(window, "pagehide", close);
const tick = () => {
  // While it is pointed at, its time stands still, and the service waits as well.
  if (told.matches(":hover, :focus-within")) { held += 1; if (renew && held % RENEWED_EVERY === 1) renew(); } else left -= 1;
  told.style.setProperty("--left", Math.max(0, left / SECONDS));
  if (left <= 0) close();
};
// Says what was deleted. undoing: takes that back. again: asks the service to wait longer. over: is called once it is not taken back.
export const tell = (words, undoing = null, again = null, over = null) => {
  close();
  [takeBack, renew, finish, left, held] = [undoing, again, over, SECONDS, 0];
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

const wordsFor = (count) => count > 1 ? text("gallery.several_deleted", { count }) : text("gallery.deleted");
// Deletes jobs by their ids, and with their photo all others that have it. hide: is called with ids, and whether they are gone or back;
// with what the service says of a job that is back.
export const deleteJobs = async (jobs, hide, withPhoto = false) => {
  hide(jobs, true);
  const remove = (id, query = "") => ask(`${root}/api/jobs/${id}${query}`, { method: "DELETE" });
  const asked = Promise.allSettled(jobs.map((id) => remove(id, withPhoto ? "?photo=true" : ""))).then((answers) => {
    const failed = jobs.filter((_, at) => answers[at].status === "rejected");
    const gone = [...new Set(answers.flatMap(({ value }) => value ? value.jobs : []))];
    hide(gone, true);
    if (failed.length) { hide(failed, false); tell(text("gallery.not_deleted")); }
    return gone;
  });
  tell(wordsFor(jobs.length), async () => {
    const undelete = (id) => askPatiently(`${root}/api/jobs/${id}/undelete`, { method: "POST" }, { onWait: tell });
    const back = await Promise.allSettled((await asked).map(undelete));
    const there = back.flatMap(({ value }) => value ? [value] : []);
    hide(there.map(({ id }) => id), false, there);
    if (there.length < back.length) tell(text("gallery.gone_for_good"));
  }, async () => { for (const id of await asked) remove(id).catch(() => {}); });
  const { length } = await asked;
  if (length > jobs.length && takeBack) said.textContent = wordsFor(length);
};
