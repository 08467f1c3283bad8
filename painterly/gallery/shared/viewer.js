// Full screen: one picture on a dark ground, under controls that fade. The address names the picture.
import { goBack, replaceAddress, writeAddress } from "./address.js";
import { byId, CM_OF_PX, copyField, make, mark, matching, on, picture, say, share, sharesFiles, stem, withoutCode } from "./elements.js";
import { bindKeys, bindSwipes, compare, dialog, fitPictures, moveLine, slider, stage } from "./scene.js";
import { hasStar, setStar } from "./stars.js";
import { decimal, text } from "./texts.js";

const CLIP = /\.(mp4|m4v|mov|mkv|webm)$/i;
const FADES_MS = 2500;
// The page's functions, and the picture that is shown.
let page = null, current = null;

const neighbour = (steps) => {
  const list = page.list(), at = list.indexOf(current);
  return at < 0 ? undefined : list[at + steps];
};
const setLink = (id, address) => Object.assign(byId(id), { hidden: !address, href: address || "" });
const showStar = () => byId("star").ariaPressed = hasStar(current.star);

// Compares with the photo, or with another picture of it. A sheet of all styles has another shape.
const alike = () => page.others(current).filter((each) => each !== current && each.before);
const compareWith = (at) => compare(at === "" ? current.before : alike()[at], current);
const otherOf = (each) => {
  const button = make("button", picture(each.thumb || each.preview, each.title));
  mark(button, "aria-current", each === current);
  on(button, "click", () => show(each));
  return button;
};
const onPaper = (size) => {
  const [height, width] = size.map((px) => decimal(px * CM_OF_PX, 0));
  return text("gallery.paper_size", { width, height });
};
// A clip plays over its first frame, with which nothing is compared.
const isClip = () => current.clip ?? CLIP.test(current.href);
const showClip = () => {
  const video = byId("clip");
  video.hidden = !isClip();
  byId("line-of").hidden ||= isClip();
  video.poster = isClip() ? current.preview : "";
  if (isClip()) video.src = current.href; else video.removeAttribute("src");
};
const showFacts = () => {
  const { size, facts, paintings, timelapse, command, again, remove } = current;
  byId("paintings").replaceChildren(...paintings.map(({ name, thumb, share }) => (
    make("li", picture(thumb, ""), make("span", name), make("span", share))
  )));
  byId("paintings").hidden = !paintings.length;
  const measured = size ? [["gallery.size", `${size[1]} × ${size[0]} px`], ["gallery.on_paper", onPaper(size)]] : [];
  const rows = [...measured, ...facts].filter(([, value]) => value);
  byId("facts-list").replaceChildren(...rows.flatMap(([name, value]) => [make("dt", text(name)), make("dd", value)]));
  Object.assign(byId("film"), { hidden: !timelapse, open: false }); // A closed one is not loaded.
  byId("timelapse").src = timelapse || "";
  setLink("again", again);
  byId("command").hidden = !command;
  say("copied", "");
  for (const each of ["remove", "remove-photo"]) if (byId(each)) byId(each).hidden = !remove;
};
// Its place among the others changes when one of them is deleted.
const showPlace = () => {
  const list = page.list(), at = list.indexOf(current), others = page.others(current), photo = stem(current.photo);
  say("where", at < 0 ? photo : text("gallery.where", { photo, at: at + 1, whole: list.length }));
  byId("previous").disabled = !neighbour(-1);
  byId("next").disabled = !neighbour(1);
  byId("others").hidden = others.length < 2;
  byId("others").replaceChildren(...others.map(otherOf));
};
const showWhole = () => {
  say("title", current.title);
  setLink("download", current.download).download = current.file;
  byId("star").hidden = !current.star;
  showStar();
  byId("share-it").hidden = !sharesFiles || !(current.made || current.href);
  byId("against").replaceChildren(new Option(text("gallery.photo"), ""), ...alike().map((each, at) => new Option(each.short, at)));
  moveLine(0);
  compareWith("");
  showFacts();
  showClip();
  fitPictures();
};
// Shows the picture that the address names, or none.
export const follow = () => {
  const wanted = page.wanted(), another = !dialog.open || wanted !== current;
  if (!wanted) { dialog.close(); return; }
  current = wanted;
  if (!dialog.open) { dialog.showModal(); wake(); }
  if (another) showWhole();
  showPlace();
};
const show = (next) => {
  if (!next) return;
  replaceAddress(page.addressOf(next));
  follow();
  if (document.activeElement === document.body) stage.focus();
};
const leave = () => goBack(() => { replaceAddress(page.addressOf(null)); follow(); });

// The controls fade while nothing happens, unless the pointer or the keyboard's focus is on them.
let fading = 0;
const isUsed = () => {
  const parts = matching(".scrim, .step, .line-of", dialog), focused = dialog.querySelector(":focus-visible");
  return !byId("facts").hidden || parts.some((each) => each.contains(focused) || each.matches(":hover"));
};
const rest = () => dialog.classList.add("idle");
const wake = () => {
  dialog.classList.remove("idle");
  clearTimeout(fading);
  fading = setTimeout(() => { if (isUsed()) wake(); else rest(); }, FADES_MS);
};
on(dialog, ["pointermove", "keydown", "focusin"], ({ pointerType }) => { if (pointerType !== "touch") wake(); });

const toggleFacts = (open) => {
  byId("facts").hidden = !open;
  byId("inform").ariaExpanded = open;
  byId(open ? "facts-close" : "inform").focus();
  wake();
};
// Sets a star, or removes it. said: the id of the element for the news.
export const toggleStar = ({ star }, said) => {
  setStar(star, !hasStar(star));
  say(said, text(hasStar(star) ? "gallery.was_starred" : "gallery.not_starred"));
};
const remove = (withPhoto) => {
  if (!current.remove) return;
  const gone = current, next = neighbour(1) || neighbour(-1);
  if (next && !withPhoto) show(next); else leave();
  gone.remove(withPhoto);
};
// The line for a shell that paints the picture again. A ready style is found by its name.
const quoted = (word) => /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
const commandLine = ({ style, paintings, given }) => {
  const names = paintings.map(([key]) => withoutCode(key.replace(/^_ready\/(.*)\.\w+$/, "$1")));
  const isOn = given.filter(([, value]) => value !== false);
  const flags = isOn.flatMap(([name, value]) => [`--${name}`, ...(value === true ? [] : [value])]);
  const weights = paintings.length > 1 ? ["--style_weight", ...paintings.map(([, share]) => share)] : [];
  const parts = [current.photo, ...(style ? [style] : names)].map((name) => stem(name.split("/").at(-1)));
  const result = `${parts.join("-")}.${isClip() ? "mp4" : "jpg"}`;
  return ["painterly", current.photo, ...names, result, ...flags, ...weights].map((word) => quoted(String(word))).join(" ");
};
const copyCommand = () => {
  const lines = byId("command-text");
  const done = copyField(Object.assign(lines, { value: commandLine(current.command), hidden: false }));
  lines.hidden = done;
  if (done) byId("command").focus();
  say("copied", text(done ? "gallery.copied" : "gallery.copy_lines"));
};
const shareIt = async () => share(current.made || await (await fetch(current.href)).blob(), current.photo);
const clicks = {
  previous: () => show(neighbour(-1)), next: () => show(neighbour(1)), close: leave,
  star: () => {
    if (!current.star) return;
    toggleStar(current, "zoomed");
    showStar();
    page.starred(current);
  },
  inform: () => toggleFacts(byId("facts").hidden), "facts-close": () => toggleFacts(false),
  "compare-both": () => { if (current.before) moveLine(slider.value < 1 ? 50 : 0, true); },
  large: () => { if (document.fullscreenElement) document.exitFullscreen(); else if (byId("large")) dialog.requestFullscreen(); },
  command: copyCommand, remove: () => remove(false), "remove-photo": () => remove(true),
  "print-it": () => window.print(), "share-it": () => shareIt().catch(() => {}),
};

// functions: those of the page. wanted returns the picture that the address names, if any; addressOf the address of a picture, or that of
// none; list the pictures in their order; others those of the same photo, with itself. starred is called once a star was set or removed,
// closed after the last picture.
//
// A picture has title, photo and short (names), alt, the addresses thumb, preview and href, perhaps size (height and width in px),
// timelapse and again; clip, whether it is one; download and file; made, its file if the page has it already; before, the photo with the
// same fields as far as they are compared, or null; paintings with name, thumb and share; facts, as keys of texts with values; command,
// what paints it again: perhaps a style's name, the paintings' keys with their shares, and settings with their values as flags take
// them; star, the key of its star; and remove.
export const bindViewer = (functions) => {
  page = functions;
  if (!document.fullscreenEnabled) byId("large").remove();
  for (const [id, act] of Object.entries(clicks)) if (byId(id)) on(id, "click", act);
  on("against", "change", ({ target }) => compareWith(target.value));
  bindKeys({
    ArrowLeft: clicks.previous, ArrowRight: clicks.next, ArrowUp: () => {}, ArrowDown: () => {},
    c: clicks["compare-both"], i: clicks.inform, f: clicks.large, s: clicks.star, Delete: clicks.remove,
  });
  const turn = { left: clicks.next, right: clicks.previous, down: leave, tap: () => (dialog.matches(".idle") ? wake : rest)() };
  bindSwipes((way) => turn[way]());
  on(dialog, "cancel", (event) => {
    event.preventDefault();
    if (byId("facts").hidden) leave(); else toggleFacts(false);
  });
  // Browsers close a dialog at the second Esc, whatever `cancel` does.
  on(dialog, "close", () => {
    writeAddress();
    if (page.wanted()) history.replaceState(null, "", page.addressOf(null));
    byId("facts").hidden = true;
    byId("clip").pause();
    if (document.fullscreenElement) document.exitFullscreen();
    page.closed(current);
  });
  on(window, "popstate", follow);
};
