// The poster: the photo in all styles. It is made of the wall's pictures at once, hung as the server would paint it.
import { byId, make, root } from "./shared/elements.js";
import { text } from "./shared/texts.js";
import { ask, styled } from "./api.js";
import { submit } from "./order.js";
import { currentPhoto } from "./photos.js";
import { styleTiles } from "./styles.js";
import { announce, brief, paintingName, refuse } from "./words.js";

await styled("poster.css");
const dialog = byId("poster"), form = byId("hanging"), print = byId("print"), SEEDS = 2 ** 31;
const MARGINS = { wide: [4, 2.6], upright: [5.5, 4] }; // percent of the width: of the title, from the left and from below
let seed = 0, latest = 0, works = [];

const hanging = () => {
  const { edge, upright, paper, frame, title, plates } = form.elements, isOn = ({ value }) => value === "true";
  return {
    paper: paper.value, upright: isOn(upright), edge: isOn(edge), frame: frame.value, plates: plates.checked, title: title.value, seed,
  };
};
const tileNamed = (name) => styleTiles().find(({ order }) => order.style === name);
// The pictures that there are so far; the others are pale.
const showPictures = () => {
  let at = 0;
  for (const { tile, item, image } of works) {
    const waits = tile.item.classList.contains("waits"), address = tile.preview.dataset.at;
    item.classList.toggle("pale", waits);
    if (address && image.getAttribute("src") !== address) image.src = address;
    if (!waits) at += 1;
  }
  const { dataset: { said }, parentElement } = form.querySelector("[name=paper]:checked"), size = parentElement.querySelector("small");
  const hung = at < works.length ? text("page.hung_of", { at, whole: works.length }) : text("page.hung");
  const words = `${hung} ${said}, ${size.textContent}`;
  if (byId("poster-about").textContent !== words) byId("poster-about").textContent = words;
};
const workOf = ({ style, left, top, width, height }, tile, turn, { edge, plates }, tall) => {
  const item = make("li", "", "work"), frame = make("i"), image = Object.assign(make("img"), { alt: "" });
  Object.assign(item.style, { left: `${left}%`, top: `${100 * top / tall}%`, width: `${width}%` });
  item.style.setProperty("--turn", turn);
  frame.style.setProperty("--a", width / height);
  frame.append(image);
  item.append(frame);
  const name = tile.short || tile.title || style;
  if (!plates) image.alt = name;
  else item.append(make("span", name), ...(edge || !tile.short ? [] : [make("span", [tile.title, tile.year].filter(Boolean).join(", "))]));
  return { tile, item, image };
};
const draw = async () => {
  const asked = hanging(), number = latest += 1;
  let about;
  try { about = await ask(`${root}/api/hanging?${new URLSearchParams(asked)}`); } catch (refusal) {
    byId("poster-about").textContent = refusal.message;
    return;
  }
  if (number !== latest) return;
  const tall = 100 * about.height / about.width, row = ({ top }) => Math.round(top / 6);
  // In the order in which one looks at them.
  const pictures = about.pictures.sort((one, other) => row(one) - row(other) || one.left - other.left);
  works = pictures.map((each) => [each, tileNamed(each.style)]).filter(([, tile]) => tile)
    .map(([each, tile], turn) => workOf(each, tile, turn, asked, tall));
  print.style.setProperty("--p", about.width / about.height);
  print.dataset.frame = asked.frame;
  print.classList.toggle("edges", asked.edge);
  print.replaceChildren(...works.map(({ item }) => item));
  const name = asked.title || paintingName(currentPhoto().name);
  if (!asked.edge) {
    const [left, bottom] = MARGINS[asked.upright ? "upright" : "wide"], title = make("li", name, "name-of-it");
    Object.assign(title.style, { left: `${left}%`, right: `${left}%`, bottom: `${100 * bottom / tall}%` });
    print.append(title);
  }
  byId("poster-title").replaceChildren(`${name}, `, make("em", text("page.after_masters", { count: works.length })));
  byId("framing").hidden = byId("naming").hidden = asked.edge;
  const [said, time] = byId("poster-paint").children;
  said.textContent = asked.paper === "screen" ? text("page.paint_poster") : text("page.print_on", { paper: asked.paper });
  time.textContent = about.seconds ? brief(about.seconds) : "";
  showPictures();
};

export const openPoster = () => {
  refuse();
  byId("poster-name").placeholder = paintingName(currentPhoto().name);
  document.body.classList.add("postering");
  dialog.showModal();
  draw();
};
dialog.addEventListener("close", () => document.body.classList.remove("postering"));
form.addEventListener("change", draw);
byId("hang-again").addEventListener("click", async () => {
  seed = Math.floor(Math.random() * SEEDS);
  await draw();
  announce(text("page.hung_again"));
});
byId("poster-print").addEventListener("click", () => window.print());
byId("poster-paint").addEventListener("click", () => {
  dialog.close();
  submit([{ poster: true, hanging: hanging() }]);
});
const seen = new MutationObserver(() => { if (dialog.open) showPictures(); });
seen.observe(byId("styles"), { subtree: true, attributeFilter: ["class", "data-at"] });
