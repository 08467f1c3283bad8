// The dialog that shows one result over the page. Buttons and keys show the next one, and the address names what is shown.
import { goBack, replaceAddress, writeAddress } from "./address.js";
import { byId, fillList, root, showPaintings } from "./elements.js";
import { text, translated } from "./texts.js";
import { dialog, slider, stage } from "./compare.js";
import { bindKeys, fitPictures } from "./zoom.js";

// The page's functions, and the result that is shown.
let page = null;
export let current = null;
// Shows the result that the address names, or none.
export const follow = () => {
  const wanted = page.wanted(), another = !dialog.open || wanted !== current;
  if (!wanted) { dialog.close(); return; }
  current = wanted;
  page.show(wanted, another);
  if (another) fitPictures();
  if (dialog.open) return;
  dialog.showModal();
  dialog.scrollTop = 0;
};

// Buttons and keys, with the number of photos and of styles that each skips. The form has no buttons for styles.
const navigation = [
  ["previous", "ArrowLeft", -1, 0], ["next", "ArrowRight", 1, 0], ["style-before", "ArrowUp", 0, -1], ["style-after", "ArrowDown", 0, 1],
].filter(([id]) => byId(id));

// Disables the buttons that lead nowhere.
const showNavigation = () => { for (const [id, , ...steps] of navigation) byId(id).disabled = !page.neighbour(...steps); };
const link = (id, address) => Object.assign(byId(id), { hidden: !address, href: address || "" });
// Shows all of a result but its pictures. download and timelapse: addresses, or nothing. file: the name of the download. job: that
// whose settings can be used again, if there is one. paintings: as for showPaintings. facts: keys of texts, and values; empty ones are
// left out.
export const showDetails = ({ title, subtitle, download, file, timelapse, job, paintings, facts }) => {
  byId("title").textContent = title;
  byId("subtitle").textContent = subtitle;
  link("download", download);
  byId("download").download = file;
  byId("file").textContent = ` ${file}`;
  Object.assign(byId("film"), { hidden: !timelapse, open: false }); // A closed one is not loaded.
  byId("timelapse").src = timelapse || "";
  link("again", job && `${root}/?again=${job}`);
  showPaintings(byId("paintings"), paintings);
  byId("paintings").parentElement.hidden = !paintings.length;
  fillList(byId("facts"), facts.filter(([, value]) => value).map(([name, value]) => [text(name), translated(value)]));
  slider.value = 50;
  showNavigation();
};

const goBy = (steps) => {
  const next = page.neighbour(...steps);
  if (!next) return;
  replaceAddress(page.addressOf(next));
  follow();
  if (document.activeElement === document.body) stage.focus();
};
const leaveResult = () => goBack(() => { replaceAddress(page.addressOf(null)); follow(); });

// functions: those of the page. neighbour returns the result some photos and styles further, or undefined; addressOf the address of a
// result, or that of none; wanted the result that the address names. show shows that, whether it is another one or the same one otherwise;
// closed is called after that.
export const navigate = (functions) => {
  page = functions;
  for (const [id, , ...steps] of navigation) byId(id).addEventListener("click", () => goBy(steps));
  bindKeys(Object.fromEntries(navigation.map(([, key, ...steps]) => [key, () => goBy(steps)])));
  byId("close").addEventListener("click", leaveResult);
  dialog.addEventListener("cancel", (event) => { event.preventDefault(); leaveResult(); });
  // Browsers close a dialog at the second Esc, whatever `cancel` does.
  dialog.addEventListener("close", () => {
    writeAddress();
    if (page.wanted()) history.replaceState(null, "", page.addressOf(null));
    page.closed();
  });
  window.addEventListener("popstate", follow);
};
