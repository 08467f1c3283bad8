// The dialog that shows one result over the page. Buttons and keys show the next one, and the address names what is shown.
import { goBack, replaceAddress, writeAddress } from "./address.js";
import { by, fill, hangPaintings } from "./elements.js";
import { text, translated } from "./texts.js";
import { dialog, slider, stage } from "./compare.js";
import { bindKeys } from "./zoom.js";

export const openDialog = () => {
  if (dialog.open) return;
  dialog.showModal();
  dialog.scrollTop = 0;
};

// Buttons and keys, with the number of photos and of styles that each skips. The form has no buttons for styles.
const ways = [
  ["previous", "ArrowLeft", -1, 0], ["next", "ArrowRight", 1, 0], ["style-before", "ArrowUp", 0, -1], ["style-after", "ArrowDown", 0, 1],
].filter(([id]) => by(id));
let page = null;

// Disables the buttons that lead nowhere.
const showWays = () => { for (const [id, , ...steps] of ways) by(id).disabled = !page.neighbour(...steps); };
const link = (id, address) => Object.assign(by(id), { hidden: !address, href: address || "" });
// Shows all of a result but its pictures. download and timelapse: addresses, or nothing. file: the name of the download. job: that
// whose settings can be used again, if there is one. paintings: as for hangPaintings. facts: keys of texts, and values; empty ones are
// left out.
export const showDetails = ({ title, subtitle, download, file, timelapse, job, paintings, facts }) => {
  by("title").textContent = title;
  by("subtitle").textContent = subtitle;
  link("download", download);
  by("download").download = file;
  by("file").textContent = ` ${file}`;
  Object.assign(by("film"), { hidden: !timelapse, open: false }); // A closed one is not loaded.
  by("timelapse").src = timelapse || "";
  link("again", job && `/?again=${job}`);
  hangPaintings(by("paintings"), paintings);
  by("paintings").parentElement.hidden = !paintings.length;
  fill(by("facts"), facts.filter(([, value]) => value).map(([name, value]) => [text(name), translated(value)]));
  slider.value = 50;
  showWays();
};

const go = (steps) => {
  const next = page.neighbour(...steps);
  if (!next) return;
  replaceAddress(page.addressOf(next));
  page.follow();
  if (document.activeElement === document.body) stage.focus();
};
const leave = () => goBack(() => { replaceAddress(page.addressOf(null)); page.follow(); });

// own: functions of the page. neighbour returns the result some photos and styles further, or undefined; addressOf the address of a
// result, or that of none; isOpen whether the address names one. follow shows what the address names; closed is called after that.
export const navigate = (own) => {
  page = own;
  for (const [id, , ...steps] of ways) by(id).addEventListener("click", () => go(steps));
  bindKeys(Object.fromEntries(ways.map(([, key, ...steps]) => [key, () => go(steps)])));
  by("close").addEventListener("click", leave);
  dialog.addEventListener("cancel", (event) => { event.preventDefault(); leave(); });
  // Browsers close a dialog at the second Esc, whatever `cancel` does.
  dialog.addEventListener("close", () => {
    writeAddress();
    if (page.isOpen()) history.replaceState(null, "", page.addressOf(null));
    page.closed();
  });
  window.addEventListener("popstate", page.follow);
};
