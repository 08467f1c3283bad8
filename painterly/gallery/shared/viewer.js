// Full screen: one picture on a dark ground, under controls that fade. The address names the picture.
import { goBack, replaceAddress, writeAddress } from "./address.js";
import { byId, fillList, make, picture } from "./elements.js";
import { decimal, text } from "./texts.js";
import { compare, dialog, moveLine, slider, stage } from "./compare.js";
import { hasStar, setStar } from "./stars.js";
import { bindKeys, bindSwipes, fitPictures } from "./zoom.js";

const FADES_MS = 2500, INCH_CM = 2.54, DPI = 300;
// The page's functions, and the picture that is shown.
let page = null;
export let current = null;

const neighbour = (steps) => {
  const list = page.list(), at = list.indexOf(current);
  return at < 0 ? undefined : list[at + steps];
};
const setLink = (id, address) => Object.assign(byId(id), { hidden: !address, href: address || "" });
const showStar = () => byId("star").setAttribute("aria-pressed", String(hasStar(current.star)));

// Compares with the photo, or with another picture of it. A poster has another shape.
const alike = () => page.others(current).filter((each) => each !== current && each.before);
const compareWith = (at) => compare(at === "" ? current.before : alike()[at], current);
const showCompared = () => {
  byId("against").replaceChildren(new Option(text("gallery.photo"), ""), ...alike().map((each, at) => new Option(each.short, at)));
  compareWith("");
};
const showOthers = () => {
  const others = page.others(current);
  byId("others").hidden = others.length < 2;
  byId("others").replaceChildren(...others.map((each) => {
    const button = make("button");
    button.type = "button";
    button.append(picture(each.thumb || each.preview, each.title));
    if (each === current) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => show(each));
    return button;
  }));
};
const onPaper = ([height, width]) => {
  const cm = (px) => decimal(px / DPI * INCH_CM, 0);
  return text("gallery.paper_size", { width: cm(width), height: cm(height) });
};
const showFacts = () => {
  const { size, facts, paintings, timelapse, command, again, remove } = current;
  byId("paintings").replaceChildren(...paintings.map(({ name, thumb, share }) => {
    const item = make("li");
    item.append(picture(thumb, ""), make("span", name), make("span", share));
    return item;
  }));
  byId("paintings").hidden = !paintings.length;
  const measured = size ? [["gallery.size", `${size[1]} × ${size[0]} px`], ["gallery.on_paper", onPaper(size)]] : [];
  fillList(byId("facts-list"), [...measured, ...facts].filter(([, value]) => value).map(([name, value]) => [text(name), value]));
  Object.assign(byId("film"), { hidden: !timelapse, open: false }); // A closed one is not loaded.
  byId("timelapse").src = timelapse || "";
  setLink("again", again);
  byId("command").hidden = !command;
  byId("copied").textContent = "";
  for (const each of ["remove", "remove-photo"]) if (byId(each)) byId(each).hidden = !remove;
};
// Its place among the others changes when one of them is deleted.
const showPlace = () => {
  const list = page.list(), at = list.indexOf(current);
  const photo = current.photo.replace(/\.\w+$/, "");
  byId("where").textContent = at < 0 ? photo : text("gallery.where", { photo, at: at + 1, whole: list.length });
  for (const [id, steps] of [["previous", -1], ["next", 1]]) byId(id).disabled = !neighbour(steps);
  showOthers();
};
const showWhole = () => {
  byId("title").textContent = current.title;
  setLink("download", current.download);
  byId("download").download = current.file;
  byId("star").hidden = !current.star;
  moveLine(0);
  showStar();
  showCompared();
  showFacts();
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
  const parts = [...dialog.querySelectorAll(".scrim, .step, .line-of")], focused = document.activeElement;
  const isFocused = focused.matches(":focus-visible") && parts.some((each) => each.contains(focused));
  return !byId("facts").hidden || isFocused || parts.some((each) => each.matches(":hover"));
};
const wake = () => {
  dialog.classList.remove("idle");
  clearTimeout(fading);
  fading = setTimeout(() => { if (isUsed()) wake(); else dialog.classList.add("idle"); }, FADES_MS);
};
for (const each of ["pointermove", "keydown", "focusin"]) {
  dialog.addEventListener(each, (event) => { if (event.pointerType !== "touch") wake(); });
}

const toggleFacts = (open = byId("facts").hidden) => {
  byId("facts").hidden = !open;
  byId("inform").setAttribute("aria-expanded", String(open));
  byId(open ? "facts-close" : "inform").focus();
  wake();
};
const toggleLine = () => { if (current.before) moveLine(slider.value < 1 ? 50 : 0, true); };
const toggleItsStar = () => {
  if (!current.star) return;
  setStar(current.star, !hasStar(current.star));
  showStar();
  byId("zoomed").textContent = text(hasStar(current.star) ? "gallery.was_starred" : "gallery.not_starred");
  page.starred(current);
};
const toggleFull = () => { if (document.fullscreenElement) document.exitFullscreen(); else if (byId("large")) dialog.requestFullscreen(); };
const remove = (withPhoto) => {
  if (!current.remove) return;
  const gone = current, next = neighbour(1) || neighbour(-1);
  if (next && !withPhoto) show(next); else leave();
  gone.remove(withPhoto);
};
const copyCommand = () => {
  const lines = byId("command-text");
  lines.value = current.command;
  lines.hidden = false;
  lines.select();
  const done = document.execCommand("copy"); // Pages without https have no other clipboard.
  lines.hidden = done;
  if (done) byId("command").focus();
  byId("copied").textContent = text(done ? "gallery.copied" : "gallery.copy_lines");
};
const probe = new File([""], "picture.jpg", { type: "image/jpeg" });
byId("share-it").hidden = !(navigator.canShare && navigator.canShare({ files: [probe] }));
const share = async () => {
  const content = await (await fetch(current.href)).blob();
  await navigator.share({ files: [new File([content], current.file || "picture.jpg", { type: content.type })] });
};
const clicks = {
  previous: () => show(neighbour(-1)), next: () => show(neighbour(1)), close: leave, star: toggleItsStar, inform: () => toggleFacts(),
  "facts-close": () => toggleFacts(false), "compare-both": toggleLine, large: toggleFull, command: copyCommand, remove: () => remove(false),
  "remove-photo": () => remove(true), "print-it": () => window.print(), "share-it": () => share().catch(() => {}),
};

// functions: those of the page. wanted returns the picture that the address names, if any; addressOf the address of a picture, or that of
// none; list the pictures in their order; others those of the same photo, with itself. starred is called once a star was set or removed,
// closed after the last picture.
//
// A picture has title, photo and short (names), alt, the addresses thumb, preview and href, perhaps size (height and width in px),
// timelapse and again; download and file; before, the photo with the same fields as far as they are compared, or null; paintings with
// name, thumb and share; facts, as keys of texts with values; command, a line for a shell; star, the key of its star; and remove.
export const bindViewer = (functions) => {
  page = functions;
  if (!document.fullscreenEnabled) byId("large").remove();
  for (const [id, act] of Object.entries(clicks)) byId(id)?.addEventListener("click", act);
  byId("against").addEventListener("change", () => compareWith(byId("against").value));
  bindKeys({
    ArrowLeft: clicks.previous, ArrowRight: clicks.next, ArrowUp: () => {}, ArrowDown: () => {},
    c: toggleLine, i: clicks.inform, f: toggleFull, s: toggleItsStar, Delete: () => remove(false),
  });
  bindSwipes((way) => {
    if (way === "tap") { if (dialog.classList.contains("idle")) wake(); else dialog.classList.add("idle"); }
    else if (way === "down") leave();
    else show(neighbour(way === "left" ? 1 : -1));
  });
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    if (byId("facts").hidden) leave(); else toggleFacts(false);
  });
  // Browsers close a dialog at the second Esc, whatever `cancel` does.
  dialog.addEventListener("close", () => {
    writeAddress();
    if (page.wanted()) history.replaceState(null, "", page.addressOf(null));
    byId("facts").hidden = true;
    if (document.fullscreenElement) document.exitFullscreen();
    page.closed(current);
  });
  window.addEventListener("popstate", follow);
};
