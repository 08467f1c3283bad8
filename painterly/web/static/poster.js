// The poster: the photo in all styles. It is made of the wall's pictures at once, hung as the server would paint it.
import { announce, byId, make, on, root, share, sharesFiles } from "./shared/elements.js";
import { text } from "./shared/texts.js";
import { askPatiently, styled } from "./api.js";
import { submit } from "./order.js";
import { currentPhoto } from "./photos.js";
import { styleTiles } from "./styles.js";
import { brief, paintingName } from "./words.js";

await styled("poster.css");
const dialog = byId("poster"), form = byId("hanging"), print = byId("print"), said = byId("poster-about"), SEEDS = 2 ** 31;
const KEPT_MS = 60000, WIDE = 2560, FACE = 0.22; // px of a sheet's file; the part of a picture's overhang that is cut off at the top
// The title's distances from the left and from below, in percent of the width, by whether the poster is upright.
const MARGINS = { true: [5.5, 4], false: [4, 2.6] };
let seed = 0, latest = 0, works = [];

const hanging = () => {
  const { edge, upright, paper, frame, title, plates } = form.elements;
  return {
    paper: paper.value, upright: upright.value === "true", edge: edge.value === "true", frame: frame.value, plates: plates.checked,
    title: title.value, language: document.documentElement.lang, seed,
  };
};
// Says on a plate, as on the painted poster, that its picture could not be painted.
const sayEmpty = (item) => {
  const [name, title = make("span")] = item.querySelectorAll("span"), why = text("page.plate_empty");
  if (!name || item.textContent.includes(why)) return;
  if (print.matches(".edges")) name.textContent += ` – ${why}`;
  else { title.textContent = why; name.after(title); }
};
// The pictures that there are so far; the others are pale.
const showPictures = () => {
  for (const { tile, item, image } of works) {
    const address = tile.preview.dataset.at, isRefused = tile.item.title !== "";
    item.classList.toggle("pale", isRefused || tile.item.matches(".waits"));
    if (isRefused) sayEmpty(item);
    if (address && image.getAttribute("src") !== address) image.src = address;
  }
  const { dataset, nextElementSibling } = form.querySelector("[name=paper]:checked"), size = nextElementSibling.querySelector("small");
  const whole = works.length, at = works.filter(({ tile }) => !tile.item.matches(".waits")).length;
  const words = `${at < whole ? text("page.hung_of", { at, whole }) : text("page.hung")} ${dataset.said}, ${size.textContent}`;
  if (said.textContent !== words) said.textContent = words;
};
// A part of the sheet, at a place in percent of its sides.
const placed = (part, styles) => {
  for (const [name, value] of Object.entries(styles)) part.style.setProperty(name, value);
  return part;
};
const workOf = ({ style, left, top, width, height }, tile, turn, { edge, plates }, tall) => {
  const image = Object.assign(make("img"), { alt: "" }), frame = placed(make("i", image), { "--a": width / height });
  const name = tile.short || tile.title || style, title = !edge && tile.short && [tile.title, tile.year].filter(Boolean).join(", ");
  const lines = plates ? [make("span", name), title && make("span", title)] : [];
  if (!plates) image.alt = name;
  const place = { left: `${left}%`, top: `${100 * top / tall}%`, width: `${width}%`, "--turn": turn };
  return { tile, item: placed(make("li.work", frame, ...lines), place), image };
};
const draw = async () => {
  const asked = hanging(), number = latest += 1, isOver = () => number !== latest || !dialog.open;
  const show = (words) => { if (!isOver()) said.textContent = words; };
  const how = { isOver, onWait: show };
  const sheet = await askPatiently(`${root}/api/hanging?${new URLSearchParams(asked)}`, {}, how).catch(({ message }) => show(message));
  if (!sheet || isOver()) return;
  const { width, height, pictures, seconds } = sheet, tall = 100 * height / width, row = ({ top }) => Math.round(top / 6);
  const tiles = new Map(styleTiles().map((tile) => [tile.order.style, tile])), { edge, paper } = asked;
  // In the order in which one looks at them.
  works = pictures.filter(({ style }) => tiles.has(style)).sort((one, other) => row(one) - row(other) || one.left - other.left)
    .map((each, turn) => workOf(each, tiles.get(each.style), turn, asked, tall));
  print.style.setProperty("--p", width / height);
  print.dataset.frame = asked.frame;
  print.classList.toggle("edges", edge);
  const name = asked.title || paintingName(currentPhoto().name), [aside, bottom] = MARGINS[asked.upright];
  const place = { left: `${aside}%`, right: `${aside}%`, bottom: `${100 * bottom / tall}%` };
  const title = [`${name}, `, make("em", text("page.after_masters", { count: works.length }))];
  byId("poster-title").replaceChildren(...title);
  const foot = edge ? [] : [
    placed(make("li.name-of-it", ...title.map((part) => part.cloneNode?.(true) || part)), { ...place, right: "auto" }),
    placed(make("li.signature", "painterly"), { ...place, left: "auto" }),
  ];
  print.replaceChildren(...works.map(({ item }) => item), ...foot);
  byId("framing").hidden = byId("naming").hidden = edge;
  const [button, time] = byId("poster-paint").children;
  button.textContent = paper === "screen" ? text("page.paint_poster") : text("page.print_on", { paper });
  time.textContent = seconds ? brief(seconds) : "";
  showPictures();
};

// The file of the sheet as it is seen.
const fileOf = async () => {
  const { left, top, width, height } = print.getBoundingClientRect(), scale = WIDE / width;
  const context = new OffscreenCanvas(WIDE, Math.round(height * scale)).getContext("2d");
  context.scale(scale, scale);
  context.translate(-left, -top);
  for (const part of [print, ...print.querySelectorAll("*")]) {
    const box = part.getBoundingClientRect(), style = getComputedStyle(part), { naturalWidth, naturalHeight } = part;
    const place = [box.left, box.top, box.width, box.height];
    context.fillStyle = style.backgroundColor;
    context.fillRect(...place);
    if (naturalWidth) {
      const fit = Math.max(box.width / naturalWidth, box.height / naturalHeight), size = [box.width / fit, box.height / fit];
      context.filter = style.filter;
      context.drawImage(part, (naturalWidth - size[0]) / 2, (naturalHeight - size[1]) * FACE, ...size, ...place);
      Object.assign(context, { filter: "none", strokeStyle: style.outlineColor, lineWidth: parseFloat(style.outlineWidth) || 0 });
      if (style.outlineStyle === "solid") context.strokeRect(...place);
    } else if (part.matches("span, em, .name-of-it, .signature")) {
      Object.assign(context, { font: style.font, fillStyle: style.color, textBaseline: "middle" });
      let words = part.firstChild.data;
      while (words.length > 1 && context.measureText(words).width > box.width) words = `${words.slice(0, -2)}…`;
      context.fillText(words, box.left + parseFloat(style.paddingLeft), box.top + box.height / 2);
    }
  }
  const content = await context.canvas.convertToBlob({ type: "image/jpeg", quality: 0.92 });
  return new File([content], `${byId("poster-title").textContent}.jpg`, { type: content.type });
};

export const openPoster = () => {
  byId("poster-name").placeholder = paintingName(currentPhoto().name);
  dialog.showModal();
  draw();
};
on(form, "change", draw);
on("hang-again", "click", async () => {
  seed = Math.floor(Math.random() * SEEDS);
  await draw();
  announce(text("page.hung_again"));
});
on("poster-save", "click", async () => {
  const file = await fileOf(), href = URL.createObjectURL(file);
  Object.assign(make("a"), { href, download: file.name }).click();
  setTimeout(() => URL.revokeObjectURL(href), KEPT_MS);
});
byId("poster-share").hidden = !sharesFiles;
on("poster-share", "click", async () => {
  await share(await fileOf(), byId("poster-title").textContent).catch(() => {}); // The user has changed his mind.
});
on("poster-print", "click", () => window.print());
on("poster-paint", "click", () => {
  dialog.close();
  submit([{ poster: true, hanging: { ...hanging(), after: byId("poster-title").querySelector("em").textContent } }]);
});
const seen = new MutationObserver(() => { if (dialog.open) showPictures(); });
seen.observe(byId("styles"), { subtree: true, attributeFilter: ["class", "data-at"] });
