// The styles to choose from, as the server renders them, those that are uploaded, and the shares of a blend.
import { by, fromTemplate, picture, replaceMissing } from "./shared/elements.js";
import { counted, percent, text } from "./shared/texts.js";
import { ask, askForPage } from "./api.js";
import { sorted } from "./files.js";
import { ofFile, say } from "./words.js";

// Each has the checkbox and the preview of its tile, its weight in a blend, and what the tile says of it: a name, a thumb, the `order` that chooses it,
// the shares of its paintings, and its own settings.
let choices = [], page = null;
const form = by("order"), list = by("styles");
const chosenOnes = () => choices.filter(({ box }) => box.checked);
const blends = () => chosenOnes().length > 1 && form.elements.blend.value === "1";
const aloneOf = (painting) => choices.find(({ shares }) => Object.keys(shares).length === 1 && Object.hasOwn(shares, painting));

// The address of a painting's thumb, if the painting still exists.
export const thumbOf = (painting) => (aloneOf(painting) || {}).thumb;
export const tiles = () => choices;
// The parts of an order that choose the style: one for each style, or one for the blend.
export const chosenStyles = () => {
  if (!blends()) return chosenOnes().map(({ order }) => order);
  const paintings = {};
  for (const { shares, weight } of chosenOnes()) {
    for (const [name, share] of Object.entries(shares)) paintings[name] = (paintings[name] || 0) + weight * share;
  }
  // The server refuses a share of 0.
  return [{ paintings: Object.fromEntries(Object.entries(paintings).filter(([, share]) => share > 0)) }];
};
// The settings that all chosen styles share; a blend has none.
export const settingsOfStyles = () => {
  const [first = { settings: {} }, ...others] = blends() ? [] : chosenOnes();
  const common = ([name, value]) => others.every((each) => each.settings[name] === value);
  return Object.fromEntries(Object.entries(first.settings).filter(common));
};

const showShares = () => {
  const ones = chosenOnes(), whole = ones.reduce((sum, { weight }) => sum + weight, 0);
  for (const [at, item] of [...by("shares").children].entries()) {
    const share = percent(ones[at].weight / whole);
    item.querySelector("input").setAttribute("aria-valuetext", share);
    item.querySelector("output").textContent = share;
  }
};
const shareOf = (each, at) => {
  const item = fromTemplate("share", { called: each.name }), slider = item.querySelector("input");
  item.prepend(picture(each.thumb, ""));
  item.querySelector("label").htmlFor = slider.id = `share-${at}`;
  slider.value = each.weight;
  slider.addEventListener("input", () => {
    each.weight = slider.valueAsNumber;
    // Not all shares can be zero.
    if (!chosenOnes().some(({ weight }) => weight)) slider.value = each.weight = 5;
    showShares();
    form.dispatchEvent(new Event("change"));
  });
  return item;
};
const showBlend = () => {
  by("blending").hidden = chosenOnes().length < 2;
  by("shares").hidden = !blends();
  by("shares").replaceChildren(...(blends() ? chosenOnes().map(shareOf) : []));
  showShares();
};
const choose = (isChosen) => {
  for (const each of choices) each.box.checked = isChosen(each);
  showBlend();
  form.dispatchEvent(new Event("change"));
};

export const loadStyles = async () => {
  const loaded = await askForPage("/styles");
  if (loaded === page) return; // Nothing moves, and the focus stays.
  page = loaded;
  const before = new Map(choices.map((each) => [each.box.value, each]));
  list.innerHTML = page;
  for (const image of list.querySelectorAll("img:not(.preview)")) image.onerror = replaceMissing;
  choices = [...list.children].map((item) => {
    const box = item.querySelector("input"), { weight } = before.get(box.value) || { weight: 50 };
    return { ...JSON.parse(box.dataset.choice), box, preview: item.querySelector(".preview"), weight };
  });
  by("styles-hint").textContent = text(choices.length ? "page.styles_hint" : "page.no_styles");
  by("sample-paintings").hidden = choices.length > 0 || !by("sample-paintings").dataset.files;
  choose(({ box }) => before.has(box.value) && before.get(box.value).box.checked);
};
export const addPaintings = async (files) => {
  const { good, refused } = sorted(files);
  by("styles-refused").textContent = refused.join(" ");
  for (const [at, file] of good.entries()) {
    by("styles-status").textContent = good.length > 1
      ? text("page.sending_file_of", { name: file.name, at: at + 1, whole: good.length }) : text("page.sending_file", { name: file.name });
    const body = new FormData();
    body.append("file", file, file.name);
    try {
      const added = await ask("/api/paintings", { method: "POST", body });
      await loadStyles();
      choose((each) => each.box.checked || each === aloneOf(added.name));
    } catch (refusal) { refused.push(ofFile(file, refusal.message)); }
  }
  by("styles-status").textContent = "";
  by("styles-refused").textContent = refused.join(" ");
  if (good.length) say(counted("page.styles_chosen", chosenOnes().length));
};
// Chooses the style of a job, as far as its paintings still exist.
export const setStylesOf = ({ style, paintings }) => {
  // An uploaded painting may have the same name as a style.
  const names = (each) => each.sort().join("\n"), wanted = names(paintings.map(({ name }) => name));
  const ones = choices.filter(({ order, shares }) => order.style === style && names(Object.keys(shares)) === wanted);
  if (!ones.length) {
    for (const { name, share } of paintings) {
      const own = aloneOf(name);
      if (own) { ones.push(own); own.weight = 5 * Math.max(1, Math.round(20 * share)); }
    }
  }
  form.elements.blend.value = ones.length > 1 ? "1" : "";
  choose((each) => ones.includes(each));
};

list.addEventListener("click", async ({ target }) => {
  const remove = target.closest(".remove"), each = remove && choices.find(({ box }) => box.closest("li") === remove.parentElement);
  if (!each || !confirm(text("page.delete_style_question", { name: each.name }))) return;
  by("styles-refused").textContent = "";
  try {
    await ask(`/api/paintings/${encodeURIComponent(Object.keys(each.shares)[0])}`, { method: "DELETE" });
    await loadStyles();
    say(text("page.style_deleted", { name: each.name }));
    by("painting-files").focus();
  } catch (refusal) { by("styles-refused").textContent = refusal.message; }
});
form.addEventListener("change", ({ target }) => { if (["style", "blend"].includes(target.name)) showBlend(); });
