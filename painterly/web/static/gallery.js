// Chooses several pictures in the service's gallery, to download or delete them.
import { announce, byId, make, on, root, say, sign } from "./shared/elements.js";
import { counted, megabytes, text } from "./shared/texts.js";
import { bindCards, cardWith, wall } from "./shared/hang.js";
import { othersOf, pictures } from "./shared/pictures.js";
import { bindWall, hung, filtered, pictureOn } from "./shared/wall.js";
import { follow } from "./shared/viewer.js";
import { deleteJobs } from "./deleting.js";

const PRESS_MS = 450;
const chosen = new Set(), select = byId("select"), zip = byId("zip");
let isChoosing = false, last = null;

const show = () => {
  for (const each of hung) {
    cardWith(each).classList.toggle("chosen", chosen.has(each));
    cardWith(each).querySelector("input").checked = chosen.has(each);
  }
  const some = [...chosen], isNone = !some.length;
  say("many", isNone ? text("gallery.select_pictures") : counted("gallery.selected", some.length));
  say("bytes", some.every(({ bytes }) => bytes) ? megabytes(some.reduce((sum, { bytes }) => sum + bytes, 0)) : "");
  zip.hidden = isNone;
  byId("delete").hidden = isNone || !some.every(({ remove }) => remove); // A batch would paint its own again.
};
const setChoosing = (is) => {
  isChoosing = is;
  if (!is) chosen.clear();
  document.body.classList.toggle("choosing", is);
  byId("tray").hidden = !is;
  select.ariaExpanded = is;
  show();
};
const stop = () => { setChoosing(false); select.focus(); };
// Chooses a picture, or no longer; with Shift all from the last one to it. Returns whether it does that. isAsked: also while nothing is
// being chosen.
const choose = (picture, withShift, isAsked) => {
  if (!isChoosing && !isAsked && !withShift) return false;
  if (!isChoosing) setChoosing(true);
  const range = [hung.indexOf(last), hung.indexOf(picture)].sort((one, other) => one - other);
  const some = withShift && range[0] >= 0 ? hung.slice(range[0], range[1] + 1) : [picture], isNew = !chosen.has(picture);
  for (const each of some) if (isNew) chosen.add(each); else chosen.delete(each);
  last = picture;
  show();
  announce(counted("gallery.selected", chosen.size));
  return true;
};
const hide = (jobs, isGone) => {
  for (const each of pictures) if (jobs.includes(each.job)) each.gone = isGone;
  follow();
};
const remove = (some, withPhoto) => {
  const gone = withPhoto ? [...some, ...othersOf(some[0])] : some, jobs = [...new Set(gone.map(({ job }) => job).filter(Boolean))];
  const others = hung.slice(hung.indexOf(some.at(-1)) + 1);
  const next = others.find((each) => !some.includes(each)) || hung[hung.indexOf(some[0]) - 1];
  if (!jobs.length) return;
  if (isChoosing) setChoosing(false);
  deleteJobs(jobs, hide, withPhoto);
  if (next && !document.querySelector("dialog[open]")) cardWith(next).querySelector("a").focus({ preventScroll: true });
};
for (const each of pictures) {
  if (each.job) Object.assign(each, { again: `${root}/?again=${each.job}`, remove: (withPhoto) => remove([each], withPhoto) });
}
bindCards((card, each) => {
  const box = Object.assign(make("input"), { type: "checkbox" });
  box.ariaLabel = text("gallery.select_it", { picture: each.alt });
  on(box, "change", () => choose(each, false, true));
  card.querySelector("figure a").after(make("label.tick", box, make("i", sign("check"))));
});
bindWall({ choose, remove });
if (select) {
  select.hidden = false;
  on(select, "click", () => { if (isChoosing) stop(); else { setChoosing(true); byId("every").focus(); } });
  on("every", "click", () => {
    const some = filtered.every((each) => chosen.has(each)) ? [] : filtered;
    chosen.clear();
    for (const each of some) chosen.add(each);
    show();
  });
  on("delete", "click", () => remove([...chosen]));
  on("done", "click", stop);
  // All are not named: a form has 1000 fields at most.
  on(zip, "formdata", ({ formData: body }) => { if (chosen.size < pictures.length) for (const { key } of chosen) body.append("id", key); });
}
on(document, "keydown", ({ key }) => {
  if (key === "Escape" && isChoosing && !document.querySelector("dialog[open]")) stop();
});
// As in other photo galleries, a long press chooses. press: its timer, or LONG.
const LONG = -1;
let press = 0;
on(wall, "pointerdown", ({ pointerType, target }) => {
  if (pointerType !== "touch" || !target.closest("figure")) return;
  press = setTimeout(() => { choose(pictureOn(target), false, true); press = LONG; }, PRESS_MS);
});
on(wall, ["pointerup", "pointermove", "pointercancel"], () => { if (press > 0) { clearTimeout(press); press = 0; } });
on(wall, "click", (event) => {
  if (press !== LONG) return;
  press = 0;
  event.preventDefault();
  event.stopPropagation();
}, true);
on(wall, "contextmenu", (event) => { if (press) event.preventDefault(); });
