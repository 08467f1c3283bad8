// The styles to choose from, as the server renders them, those that are uploaded, and the shares of a blend.
import { announce, byId, changed, make, on, root, say } from "./shared/elements.js";
import { counted, listed, percent, text } from "./shared/texts.js";
import { askForPage, askPatiently, contentOf } from "./api.js";
import { checkedFiles } from "./files.js";
import { ofFile, paintingName, refuse } from "./words.js";

// The tile of each style: its field and its pictures on the page, its weight in a blend, and what the server says of it: a name, a
// title, perhaps an artist, a short name, a year and a medium, a thumb, the `order` that chooses it, the shares of its paintings,
// its own settings, and the address of the sample photo in this style, if there is one; its place in the server's list, and why it suits
// the photo, if it does. suits: what the photo shows, and the styles that are kind to it. isUsers: whether the user has chosen styles.
let allTiles = [], shownPage = null, suits = { subject: null, styles: [] }, isUsers = false;
const form = byId("order"), list = byId("styles"), several = byId("several"), sliders = byId("shares");
const LEAST = 5, WHOLE = 100, MOST_NAMED = 3; // percent of a blend; paintings that are deleted
export const styleTiles = () => allTiles;
export const chosenTiles = () => allTiles.filter(({ box }) => box.checked);
const blends = () => chosenTiles().length > 1 && form.elements.blend.value === "1";
const tileOf = (painting) => allTiles.find(({ shares }) => Object.keys(shares).length === 1 && Object.hasOwn(shares, painting));

// The address of a painting's thumb, if the painting still exists.
export const thumbOf = (painting) => tileOf(painting)?.thumb;
export const titleOfPainting = (painting) => tileOf(painting)?.title || paintingName(painting);
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

// The tiles of a job's style, as far as its paintings still exist.
export const tilesOf = ({ style, paintings }) => {
  // An uploaded painting may have the same name as a style.
  const names = (each) => each.sort().join("\n"), namesOfJob = names(paintings.map(({ name }) => name));
  const same = allTiles.filter(({ order, shares }) => order.style === style && names(Object.keys(shares)) === namesOfJob);
  return same.length ? same : paintings.map(({ name }) => tileOf(name)).filter(Boolean);
};
// The names that people give to styles: their artists, or else their titles.
const shortOf = ({ own, short, title }) => (own ? text("page.quoted", { name: title }) : short || title);
export const namesOfTiles = (tiles) => listed([...new Set(tiles.map(shortOf))]);
export const namesOf = (job) => {
  const tiles = tilesOf(job), { paintings, sheet, story } = job;
  if (sheet) return text(story ? "page.story" : "page.sheet");
  if (tiles.length === 1 || tiles.length === paintings.length) return namesOfTiles(tiles);
  return paintings.length > MOST_NAMED ? job.style : listed(paintings.map(({ name }) => titleOfPainting(name)));
};
export const inStyle = (tiles, names, { sheet, story } = {}) => {
  if (sheet) return text(story ? "page.as_story" : "page.after_all");
  if (tiles.length && tiles.every(({ own }) => own)) return counted("page.after_own", tiles.length, { name: names });
  const haveNames = tiles.length && tiles.every(({ own, short }) => own || short);
  return text(haveNames ? "page.after" : "page.in_style", { name: names, style: names });
};
// The title of a job or a result: its photo and its style.
export const titleOf = (job) => `${job.photo} ${inStyle(tilesOf(job), namesOf(job), job)}`;

// The paintings of a blend stand side by side, with a line between each two, which is a slider. Returns the places of all their edges.
const edges = () => chosenTiles().reduce((before, { weight }) => [...before, before.at(-1) + weight], [0]).with(-1, WHOLE);
const showShares = () => {
  const tiles = chosenTiles(), cuts = edges(), ends = cuts.map(Math.round); // Rounded at the lines, so that the shares add up.
  const said = tiles.map((each, at) => `${percent((ends[at + 1] - ends[at]) / WHOLE)} ${shortOf(each)}`);
  sliders.style.gridTemplateColumns = tiles.map(({ weight }) => `minmax(0, ${weight}fr)`).join(" ");
  sliders.querySelectorAll("b").forEach((part, at) => { part.textContent = said[at]; });
  sliders.querySelectorAll("input").forEach((slider, at) => {
    slider.value = cuts[at + 1];
    slider.ariaValueText = listed(said);
  });
};
const sliderOf = (tile, at) => {
  const slider = Object.assign(make("input"), { type: "range", min: 0, max: WHOLE, step: 1 });
  slider.ariaLabel = text("page.share_of", { name: shortOf(tile) });
  on(slider, "input", () => {
    const tiles = chosenTiles(), cuts = edges(), least = Math.min(LEAST, WHOLE / 2 / tiles.length);
    const cut = Math.min(cuts[at + 2] - least, Math.max(cuts[at] + least, slider.valueAsNumber));
    [tiles[at].weight, tiles[at + 1].weight] = [cut - cuts[at], cuts[at + 2] - cut];
    showShares();
    changed(sliders);
  });
  return slider;
};
const partOf = ({ thumb }) => {
  const part = make("span", make("b"));
  part.style.backgroundImage = `url("${thumb}")`;
  return part;
};
const showBlend = () => {
  const tiles = chosenTiles(), blended = blends() ? tiles : [];
  byId("mix").hidden = tiles.length < 2;
  sliders.hidden = !blended.length;
  sliders.replaceChildren(...blended.map(partOf), ...blended.slice(0, -1).map(sliderOf));
  if (blended.length) showShares();
};
// In a blend, several styles can be chosen.
const setSeveral = (on) => {
  const [first] = chosenTiles();
  several.checked = on;
  for (const each of allTiles) {
    if (!on) each.box.checked = each === first;
    each.box.type = on ? "checkbox" : "radio";
  }
};
const choose = (tiles, target = form) => {
  if (tiles.length > 1) setSeveral(true);
  for (const each of allTiles) each.box.checked = tiles.includes(each);
  showBlend();
  changed(target);
};
// Without a choice, a photo is shown in the first style.
export const chooseFirst = () => { if (!chosenTiles().length && allTiles.length && !several.checked) choose([allTiles[0]]); };

// The paintings whose deletion can still be undone.
const leaving = new Set();
const showLeaving = () => {
  for (const { item, box, shares } of allTiles) {
    item.hidden = Object.keys(shares).some((name) => leaving.has(name));
    if (item.hidden) box.checked = false;
  }
};
// Hangs the wall for a photo: the styles that suit it come first, and say why. Until the user chooses, the first one is chosen; returns
// whether that changes the choice.
export const hang = (of) => {
  suits = of;
  const { subject, styles } = of, rankOf = ({ order }) => (styles.includes(order.style) ? styles.indexOf(order.style) : styles.length);
  const sorted = allTiles.toSorted((one, other) => rankOf(one) - rankOf(other) || one.place - other.place);
  if (sorted.some((each, at) => each !== allTiles[at])) list.append(...sorted.map(({ item }) => item));
  allTiles = sorted;
  for (const tile of allTiles) {
    tile.why = rankOf(tile) < styles.length ? text(`page.kind_to.${subject}`) : "";
    tile.item.querySelector(".why").textContent = tile.why;
  }
  const [first] = allTiles;
  if (isUsers || !first?.why || first.box.checked) return false;
  choose([first]);
  return true;
};
export const loadStyles = async () => {
  const page = await askForPage(`${root}/styles`), before = new Map(allTiles.map((each) => [each.box.value, each]));
  if (page === shownPage) return; // Nothing moves, and the focus stays.
  shownPage = list.innerHTML = page;
  allTiles = [...list.children].map((item, place) => {
    const box = item.querySelector("input"), [preview, original] = item.querySelectorAll("img");
    original.onerror = () => { original.hidden = true; };
    return { ...JSON.parse(box.dataset.choice), item, place, box, preview, original, weight: before.get(box.value)?.weight || WHOLE / 2 };
  });
  showLeaving();
  byId("no-styles").hidden = allTiles.length > 0;
  setSeveral(several.checked);
  const kept = allTiles.filter(({ box }) => before.get(box.value)?.box.checked);
  const isFirst = ({ name }) => !before.size && name === JSON.parse(form.dataset.sample).style;
  choose(kept.length || several.checked ? kept : allTiles.filter(isFirst));
  hang(suits);
};
export const addPaintings = async (files) => {
  const { good, refused } = checkedFiles(files), added = [], whole = good.length;
  refuse(...refused);
  for (const [at, file] of good.entries()) {
    const { name } = file, body = new FormData();
    say("styles-status", text(whole > 1 ? "page.sending_file_of" : "page.sending_file", { name, at: at + 1, whole }));
    try {
      body.append("file", await contentOf(file));
      const onWait = (why) => say("styles-status", why);
      added.push((await askPatiently(`${root}/api/paintings`, { method: "POST", body }, { onWait })).name);
      await loadStyles();
    } catch (refusal) { refused.push(ofFile(file, refusal.message)); }
  }
  say("styles-status", "");
  // Of many, none is chosen for the user.
  isUsers ||= added.length === 1;
  if (added.length === 1) choose([...(several.checked ? chosenTiles() : []), tileOf(added[0])], list);
  if (refused.length) refuse(...refused);
  if (added.length) announce(counted("page.styles_added", added.length));
};
// Chooses the style of a job, as far as its paintings still exist.
export const setStylesOf = (job) => {
  const tiles = tilesOf(job), { paintings } = job;
  if (tiles.length === paintings.length) {
    for (const [at, { share }] of paintings.entries()) tiles[at].weight = Math.max(1, Math.round(WHOLE * share));
  }
  form.elements.blend.value = "1";
  isUsers = true;
  setSeveral(tiles.length > 1);
  choose(tiles, list);
};

on(list, "click", async ({ target }) => {
  const cross = target.closest(".remove"), tile = cross && allTiles.find(({ item }) => item === cross.parentElement);
  if (!tile) return;
  const { remove, tell } = await import("./deleting.js"), [name] = Object.keys(tile.shares);
  const bringBack = () => {
    leaving.delete(name);
    showLeaving();
    choose([tileOf(name)], list);
  };
  const send = async () => {
    try {
      await remove(`${root}/api/paintings/${encodeURIComponent(name)}`);
      await loadStyles();
    } catch (refusal) { bringBack(); refuse(refusal.message); }
    leaving.delete(name);
  };
  leaving.add(name);
  showLeaving();
  choose(chosenTiles(), list);
  byId("painting-files").focus();
  tell(text("page.style_deleted", { name: tile.title }), bringBack, send);
});
on(form, "change", ({ target }) => {
  const isSeveral = target === several, { name } = target;
  isUsers ||= isSeveral || name === "style";
  if (isSeveral) setSeveral(several.checked);
  if (isSeveral || name === "style") for (const each of chosenTiles()) each.weight = WHOLE / chosenTiles().length;
  if (isSeveral || name === "style" || name === "blend") showBlend();
});

// The painting itself is shown under the pointer, at the focus and while a finger presses (stage.css), and loaded only then.
on(list, ["pointerover", "pointerdown", "focusin"], ({ target }) => {
  const tile = allTiles.find(({ item }) => item.contains(target));
  if (tile && tile.original.hidden) Object.assign(tile.original, { src: tile.thumb, hidden: false });
});
