// The styles to choose from, as the server renders them, those that are uploaded, and the shares of a blend.
import { byId, fromTemplate, picture, replaceMissing } from "./shared/elements.js";
import { counted, percent, text } from "./shared/texts.js";
import { ask, askForPage } from "./api.js";
import { checkedFiles } from "./files.js";
import { announce, ofFile } from "./words.js";

// The tile of each style: its checkbox and its preview on the page, its weight in a blend, and what the server says of it: a name, a
// thumb, the `order` that chooses it, the shares of its paintings, and its own settings.
let allTiles = [], shownPage = null;
const form = byId("order"), list = byId("styles");
const chosenTiles = () => allTiles.filter(({ box }) => box.checked);
const blends = () => chosenTiles().length > 1 && form.elements.blend.value === "1";
const tileOf = (painting) => allTiles.find(({ shares }) => Object.keys(shares).length === 1 && Object.hasOwn(shares, painting));

// The address of a painting's thumb, if the painting still exists.
export const thumbOf = (painting) => (tileOf(painting) || {}).thumb;
export const styleTiles = () => allTiles;
// The parts of an order that choose the style: one for each style, or one for the blend.
export const chosenStyles = () => {
  if (!blends()) return chosenTiles().map(({ order }) => order);
  const paintings = {};
  for (const { shares, weight } of chosenTiles()) {
    for (const [name, share] of Object.entries(shares)) paintings[name] = (paintings[name] || 0) + weight * share;
  }
  // The server refuses a share of 0.
  return [{ paintings: Object.fromEntries(Object.entries(paintings).filter(([, share]) => share > 0)) }];
};
// The settings that all chosen styles share; a blend has none.
export const settingsOfStyles = () => {
  const [first = { settings: {} }, ...others] = blends() ? [] : chosenTiles();
  const common = ([name, value]) => others.every((each) => each.settings[name] === value);
  return Object.fromEntries(Object.entries(first.settings).filter(common));
};

const showShares = () => {
  const chosen = chosenTiles(), whole = chosen.reduce((sum, { weight }) => sum + weight, 0);
  for (const [at, item] of [...byId("shares").children].entries()) {
    const share = percent(chosen[at].weight / whole);
    item.querySelector("input").setAttribute("aria-valuetext", share);
    item.querySelector("output").textContent = share;
  }
};
const shareOf = (tile, at) => {
  const item = fromTemplate("share", { called: tile.name }), slider = item.querySelector("input");
  item.prepend(picture(tile.thumb, ""));
  item.querySelector("label").htmlFor = slider.id = `share-${at}`;
  slider.value = tile.weight;
  slider.addEventListener("input", () => {
    tile.weight = slider.valueAsNumber;
    // Not all shares can be zero.
    if (!chosenTiles().some(({ weight }) => weight)) slider.value = tile.weight = 5;
    showShares();
    form.dispatchEvent(new Event("change"));
  });
  return item;
};
const showBlend = () => {
  byId("blending").hidden = chosenTiles().length < 2;
  byId("shares").hidden = !blends();
  byId("shares").replaceChildren(...(blends() ? chosenTiles().map(shareOf) : []));
  showShares();
};
const choose = (isChosen) => {
  for (const each of allTiles) each.box.checked = isChosen(each);
  showBlend();
  form.dispatchEvent(new Event("change"));
};

export const loadStyles = async () => {
  const loaded = await askForPage("/styles");
  if (loaded === shownPage) return; // Nothing moves, and the focus stays.
  shownPage = loaded;
  const before = new Map(allTiles.map((each) => [each.box.value, each]));
  list.innerHTML = shownPage;
  for (const image of list.querySelectorAll("img:not(.preview)")) image.onerror = replaceMissing;
  allTiles = [...list.children].map((item) => {
    const box = item.querySelector("input"), { weight } = before.get(box.value) || { weight: 50 };
    return { ...JSON.parse(box.dataset.choice), box, preview: item.querySelector(".preview"), weight };
  });
  byId("styles-hint").textContent = text(allTiles.length ? "page.styles_hint" : "page.no_styles");
  choose(({ box }) => before.has(box.value) && before.get(box.value).box.checked);
};
export const addPaintings = async (files) => {
  const { good, refused } = checkedFiles(files);
  byId("styles-refused").textContent = refused.join(" ");
  for (const [at, file] of good.entries()) {
    byId("styles-status").textContent = good.length > 1
      ? text("page.sending_file_of", { name: file.name, at: at + 1, whole: good.length }) : text("page.sending_file", { name: file.name });
    const body = new FormData();
    body.append("file", file, file.name);
    try {
      const added = await ask("/api/paintings", { method: "POST", body });
      await loadStyles();
      choose((each) => each.box.checked || each === tileOf(added.name));
    } catch (refusal) { refused.push(ofFile(file, refusal.message)); }
  }
  byId("styles-status").textContent = "";
  byId("styles-refused").textContent = refused.join(" ");
  if (good.length) announce(counted("page.styles_chosen", chosenTiles().length));
};
// Chooses the style of a job, as far as its paintings still exist.
export const setStylesOf = ({ style, paintings }) => {
  // An uploaded painting may have the same name as a style.
  const names = (each) => each.sort().join("\n"), namesOfJob = names(paintings.map(({ name }) => name));
  const chosen = allTiles.filter(({ order, shares }) => order.style === style && names(Object.keys(shares)) === namesOfJob);
  if (!chosen.length) {
    for (const { name, share } of paintings) {
      const tile = tileOf(name);
      if (tile) { chosen.push(tile); tile.weight = 5 * Math.max(1, Math.round(20 * share)); }
    }
  }
  form.elements.blend.value = chosen.length > 1 ? "1" : "";
  choose((each) => chosen.includes(each));
};

list.addEventListener("click", async ({ target }) => {
  const remove = target.closest(".remove"), tile = remove && allTiles.find(({ box }) => box.closest("li") === remove.parentElement);
  if (!tile || !confirm(text("page.delete_style_question", { name: tile.name }))) return;
  byId("styles-refused").textContent = "";
  try {
    await ask(`/api/paintings/${encodeURIComponent(Object.keys(tile.shares)[0])}`, { method: "DELETE" });
    await loadStyles();
    announce(text("page.style_deleted", { name: tile.name }));
    byId("painting-files").focus();
  } catch (refusal) { byId("styles-refused").textContent = refusal.message; }
});
form.addEventListener("change", ({ target }) => { if (["style", "blend"].includes(target.name)) showBlend(); });
