// One result: compared with its photo or another style, downloaded, and its settings copied.
import { goBack, pushAddress, replaceAddress, writeAddress } from "./address.js";
import { by, fill } from "./elements.js";
import { dated, deviceName, duration, text } from "./texts.js";
import { compare, slider } from "./compare.js";
import { bindDialog, closeDialog, dialog, keepFocus, openDialog } from "./dialog.js";
import { bindKeys, fitted } from "./zoom.js";
import { addressOf, arrange, asked, cards, data, form, hang, ofPhoto, results, shown } from "./wall.js";

let current = null;

const datedInUtc = (moment) => typeof moment === "number" ? `${dated(1000 * moment, { timeZone: "UTC" })} UTC` : moment;

// Compares it with another style of the same photo, by its name, or with the photo itself.
const inStyle = (result) => {
  const style = data.styles[result.style];
  return { ...result, title: style, said: style, alt: text("gallery.in_style", { photo: result.photo.title, style }) };
};
const compareWith = (name, view) => {
  const { photo } = current, others = ofPhoto.get(photo).filter((each) => each !== current);
  const against = others.find((each) => data.styles[each.style] === name);
  by("against").replaceChildren(new Option(text("gallery.compare_with_photo"), ""), ...others.map((each) => new Option(data.styles[each.style])));
  by("against").value = against ? name : "";
  if (against) compare(inStyle(against), inStyle(current), view);
  else {
    const whole = { ...photo, title: text("gallery.photo"), said: text("gallery.said_photo"), alt: text("gallery.the_photo", { photo: photo.title }) };
    compare(whole, { ...inStyle(current), title: text("gallery.result"), said: text("gallery.said_result") }, view);
  }
};

const open = (number) => {
  const result = results[number], { size } = result;
  current = result;
  by("title").textContent = result.photo.title;
  by("subtitle").textContent = data.styles[result.style];
  slider.value = 50;
  by("download").hidden = !result.href;
  if (result.href) { by("download").href = result.href; by("download").download = result.file; }
  by("timelapse").hidden = !result.timelapse;
  if (result.timelapse) by("timelapse").href = result.timelapse;
  by("again").hidden = !result.photo.job || !document.querySelector("nav");
  by("again").href = `/?again=${result.photo.job}`;
  by("file").textContent = ` ${result.file}`;
  by("paintings").parentElement.hidden = !result.shares.length;
  hang(by("paintings"), result.shares);
  const facts = [
    ["gallery.size", size && `${size[1]} × ${size[0]} px`],
    ["gallery.time_taken", result.time !== null && duration(result.time)],
    ["gallery.finished", datedInUtc(result.finished)],
    ...result.origin.map(([name, value]) => [name, name === "gallery.device" ? deviceName(value) : value]),
  ];
  by("facts").parentElement.hidden = !fill(by("facts"), facts.filter(([, value]) => value).map(([name, value]) => [text(name), value]));
  const settings = result.settings.split("\n").filter((line) => line && line[0] !== "#").map((line) => line.split(" = "));
  by("settings-of").hidden = !fill(by("settings"), settings.map(([name, value]) => [name.replaceAll("_", " "), value.replaceAll('"', "")]));
  by("copied").textContent = "";
  by("toml").hidden = true;
  by("toml").value = result.toml;
  by("previous").disabled = !neighbour(-1, 0);
  by("next").disabled = !neighbour(1, 0);
  by("style-before").disabled = !neighbour(0, -1);
  by("style-after").disabled = !neighbour(0, 1);
};

// Another photo, if possible in the same style, or another style of the same photo.
const neighbour = (steps, styles) => {
  const at = shown.findIndex((list) => list[0].photo === current.photo), list = shown[at + steps];
  if (at < 0 || !list) return undefined;
  if (styles) return list[list.indexOf(current) + styles];
  return list.find((each) => each.style === current.style) || list[0];
};

// The address is what is shown: "back" closes a result or undoes a filter, a link opens one.
const follow = () => {
  const state = asked();
  arrange(state);
  if (state.open === undefined) { closeDialog(); return; }
  const another = !dialog.open || results[state.open] !== current;
  if (another) open(state.open);
  compareWith(state.against, state.view);
  if (another) fitted();
  openDialog();
};
const replace = (changes) => { replaceAddress(addressOf({ ...asked(), ...changes })); follow(); };
const push = (changes) => { pushAddress(addressOf({ ...asked(), ...changes })); follow(); };
const leave = () => goBack(() => replace({ open: undefined }));
const go = (steps, styles) => {
  const next = neighbour(steps, styles);
  if (!next) return;
  replace({ open: next.number });
  keepFocus();
};
bindDialog((steps) => go(steps, 0), leave, () => {
  writeAddress();
  if (asked().open !== undefined) history.replaceState(null, "", addressOf({ ...asked(), open: undefined }));
  if (current) cards[current.number].firstElementChild.focus();
});
by("style-before").addEventListener("click", () => go(0, -1));
by("style-after").addEventListener("click", () => go(0, 1));
by("against").addEventListener("change", () => replace({ against: by("against").value }));
by("views").addEventListener("change", (event) => { replace({ view: event.target.value }); fitted(); });
by("main").addEventListener("click", (event) => {
  const card = event.target.closest(".card");
  if (!card || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  push({ open: Number(card.dataset.number) });
});
if (form) {
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", () => {
    const { style, sort } = form.elements;
    push({ style: style.value === "" ? null : Number(style.value), sort: sort.value });
  });
}

by("use").addEventListener("click", async () => {
  const lines = by("toml");
  let done = true;
  try { await navigator.clipboard.writeText(lines.value); } catch {
    // Pages without https have only this clipboard.
    lines.hidden = false;
    lines.select();
    done = document.execCommand("copy");
    lines.hidden = done;
    if (done) by("use").focus();
  }
  by("copied").textContent = text(done ? "gallery.copied" : "gallery.copy_lines");
});
bindKeys({ ArrowLeft: () => go(-1, 0), ArrowRight: () => go(1, 0), ArrowUp: () => go(0, -1), ArrowDown: () => go(0, 1) });
window.addEventListener("popstate", follow);
follow();
