// One result: compared with its photo or another style, downloaded, and its settings copied.
import { pushAddress, replaceAddress } from "./address.js";
import { byId, fillList } from "./elements.js";
import { dated, duration, text } from "./texts.js";
import { compare, dialog, photoSide, resultSide } from "./compare.js";
import { current, follow, navigate, showDetails } from "./dialog.js";
import { fitPictures } from "./zoom.js";
import { addressOf, addressState, arrange, cards, data, form, paintingsOf, results, resultsOf, shownResults } from "./wall.js";

const datedInUtc = (moment) => typeof moment === "number" ? `${dated(1000 * moment, { timeZone: "UTC" })} UTC` : moment;

// Compares it with another style of the same photo, by its name, or with the photo itself.
const inStyle = (result) => {
  const style = result.styleTitle;
  return { ...result, title: style, label: style, alt: text("gallery.in_style", { photo: result.photo.title, style }) };
};
const compareWith = (name, view) => {
  const { photo } = current, others = resultsOf.get(photo).filter((each) => each !== current);
  const against = others.find((each) => data.styles[each.style] === name);
  const choices = others.map((each) => new Option(each.styleTitle, data.styles[each.style]));
  byId("against").replaceChildren(new Option(text("gallery.compare_with_photo"), ""), ...choices);
  byId("against").value = against ? name : "";
  if (against) compare(inStyle(against), inStyle(current), view);
  else compare(photoSide(photo), resultSide(inStyle(current)), view);
};

const showResult = (result) => {
  const { photo, size } = result;
  showDetails({
    title: photo.title,
    subtitle: result.styleTitle,
    download: result.href,
    file: result.file,
    timelapse: result.timelapse,
    job: document.querySelector("nav") && photo.job,
    paintings: paintingsOf(result.shares),
    facts: [
      ["gallery.size", size && `${size[1]} × ${size[0]} px`],
      ["gallery.time_taken", result.time !== null && duration(result.time)],
      ["gallery.finished", datedInUtc(result.finished)],
      ...result.origin,
    ],
  });
  const settings = result.settings.split("\n").filter((line) => line && line[0] !== "#").map((line) => line.split(" = "));
  fillList(byId("settings"), settings.map(([name, value]) => [name.replaceAll("_", " "), value.replaceAll('"', "")]));
  byId("copied").textContent = "";
  byId("toml").hidden = true;
  byId("toml").value = result.toml;
};

// Another photo, if possible in the same style, or another style of the same photo.
const neighbour = (steps, styles) => {
  const at = shownResults.findIndex((list) => list[0].photo === current.photo), list = shownResults[at + steps];
  if (at < 0 || !list) return undefined;
  if (styles) return list[list.indexOf(current) + styles];
  return list.find((each) => each.style === current.style) || list[0];
};

// The address is what is shown: "back" closes a result or undoes a filter, a link opens one.
const wanted = () => {
  arrange(addressState());
  return results[addressState().open];
};
const showWanted = (result, another) => {
  const { against, view } = addressState();
  if (another) showResult(result);
  compareWith(against, view);
};
const replace = (changes) => { replaceAddress(addressOf({ ...addressState(), ...changes })); follow(); };
const push = (changes) => { pushAddress(addressOf({ ...addressState(), ...changes })); follow(); };
navigate({
  neighbour,
  addressOf: (result) => addressOf({ ...addressState(), open: result ? result.number : undefined }),
  wanted,
  show: showWanted,
  closed: () => { if (current) cards[current.number].firstElementChild.focus(); },
});
byId("against").addEventListener("change", () => replace({ against: byId("against").value }));
byId("views").addEventListener("change", (event) => { replace({ view: event.target.value }); fitPictures(); });
byId("main").addEventListener("click", (event) => {
  const card = event.target.closest(".card");
  if (!card || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  push({ open: Number(card.dataset.number) });
});
form?.addEventListener("change", () => {
  const { style, sort } = form.elements;
  push({ style: style.value === "" ? null : Number(style.value), sort: sort.value });
});

byId("use").addEventListener("click", () => {
  const lines = byId("toml");
  lines.hidden = false;
  lines.select();
  const done = document.execCommand("copy"); // Pages without https have no other clipboard.
  lines.hidden = done;
  if (done) byId("use").focus();
  byId("copied").textContent = text(done ? "gallery.copied" : "gallery.copy_lines");
});
follow();
