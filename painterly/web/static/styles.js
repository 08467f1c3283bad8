// The styles and paintings to choose from, those that are uploaded, and the shares of a blend.
import { by, make, picture } from "./shared/elements.js";
import { counted, percent, text } from "./shared/texts.js";
import { ask } from "./api.js";
import { sorted } from "./files.js";
import { ofFile, paintingName, say } from "./words.js";

// Each has an id, a name, a thumb, paintings ([{name, share}]), its own settings, and as `style` its name if it is a style of the
// bucket.
let choices = [], loaded = false;
const chosen = new Set(), weights = new Map(), listeners = [];
const form = by("order");
export const onStyles = (listener) => listeners.push(listener);
const chosenOnes = () => choices.filter((each) => chosen.has(each.id));
const blends = () => chosen.size > 1 && form.elements.blend.value === "1";

// The part of an order that chooses one style, and where its tile shows it.
const styleOf = (each) => each.style ? { style: each.style } : { paintings: Object.fromEntries(each.paintings.map(({ name, share }) => [name, share])) };
export const tiles = () => choices.map((each, at) => ({ style: styleOf(each), face: by("styles").children[at].querySelector(".face") }));
// The parts of an order that choose the style: one for each style, or one for the blend.
export const chosenStyles = () => {
  const ones = chosenOnes();
  if (!blends()) return ones.map(styleOf);
  const paintings = {}, whole = ones.reduce((sum, each) => sum + weights.get(each.id), 0) || 1;
  for (const each of ones) {
    const own = each.paintings.reduce((sum, { share }) => sum + share, 0) || 1;
    for (const { name, share } of each.paintings) {
      paintings[name] = (paintings[name] || 0) + (weights.get(each.id) / whole) * (share / own);
    }
  }
  const rounded = Object.entries(paintings).map(([name, share]) => [name, Math.round(1e4 * share) / 1e4]);
  // The server refuses a share of 0.
  return [{ paintings: Object.fromEntries(rounded.filter(([, share]) => share > 0)) }];
};
// The settings that all chosen styles share; a blend has none.
export const settingsOfStyles = () => {
  const [first = { settings: {} }, ...others] = blends() ? [] : chosenOnes();
  const common = ([name, value]) => others.every((each) => each.settings[name] === value);
  return Object.fromEntries(Object.entries(first.settings).filter(common));
};
export const thumbOf = (painting) => {
  const own = choices.find((each) => each.paintings.length === 1 && each.paintings[0].name === painting);
  return own ? own.thumb : null;
};

const notify = () => { for (const listener of listeners) listener(); };
const showShares = () => {
  const ones = chosenOnes(), whole = ones.reduce((sum, each) => sum + weights.get(each.id), 0);
  for (const each of ones) {
    const slider = document.getElementById(`share-${each.id}`), share = whole ? weights.get(each.id) / whole : 0;
    slider.setAttribute("aria-valuetext", percent(share));
    slider.nextElementSibling.textContent = percent(share);
  }
};
const shareOf = (each) => {
  const item = make("li"), label = make("label", each.name), slider = make("input");
  Object.assign(slider, { type: "range", min: 0, max: 100, step: 5, id: `share-${each.id}` });
  slider.value = weights.get(each.id);
  label.htmlFor = slider.id;
  slider.addEventListener("input", () => {
    weights.set(each.id, Number(slider.value));
    // Not all shares can be zero.
    if (!chosenOnes().some((one) => weights.get(one.id))) { slider.value = 5; weights.set(each.id, 5); }
    showShares();
    notify();
  });
  const thumb = picture(each.thumb, "");
  item.append(thumb, label, slider, make("output", ""));
  return item;
};
const showBlend = () => {
  by("blending").hidden = chosen.size < 2;
  by("shares").hidden = !blends();
  by("shares").replaceChildren(...(blends() ? chosenOnes().map(shareOf) : []));
  if (blends()) showShares();
  notify();
};

const tileOf = (each) => {
  const item = make("li"), label = make("label", "", "tile"), box = make("input"), face = make("span", "", "face");
  box.type = "checkbox";
  box.name = "style";
  box.value = each.id;
  box.checked = chosen.has(each.id);
  box.addEventListener("change", () => {
    if (box.checked) chosen.add(each.id); else chosen.delete(each.id);
    showBlend();
  });
  face.append(each.thumb ? picture(each.thumb, "") : make("span", text("gallery.no_preview"), "blank"), make("span", each.name, "name"));
  if (each.paintings.length > 1) face.append(" ", make("small", counted("page.paintings_of_style", each.paintings.length)));
  label.append(box, face);
  item.append(label);
  if (each.removable) {
    const remove = make("button", "✕", "remove");
    remove.type = "button";
    remove.title = text("page.delete_style", { name: each.name });
    remove.setAttribute("aria-label", remove.title);
    remove.addEventListener("click", () => removePainting(each));
    item.append(remove);
  }
  return item;
};
const showTiles = () => {
  by("styles").replaceChildren(...choices.map(tileOf));
  by("styles-hint").textContent = text(choices.length ? "page.styles_hint" : "page.no_styles");
  by("sample-paintings").hidden = choices.length > 0 || !by("sample-paintings").dataset.files;
  showBlend();
};
const removePainting = async (each) => {
  if (!confirm(text("page.delete_style_question", { name: each.name }))) return;
  by("styles-refused").textContent = "";
  try {
    await ask(`/api/paintings/${encodeURIComponent(each.paintings[0].name)}`, { method: "DELETE" });
    chosen.delete(each.id);
    await loadStyles();
    say(text("page.style_deleted", { name: each.name }));
    by("painting-files").focus();
  } catch (refusal) { by("styles-refused").textContent = refusal.message; }
};

const identified = (kind, name) => `${kind}-${encodeURIComponent(name)}`;
// A painting that is a style as well is shown once.
export const loadStyles = async () => {
  const [styles, paintings] = await Promise.all([ask("/api/styles"), ask("/api/paintings")]);
  const byName = new Map(paintings.map((each) => [each.name, each]));
  const alone = new Set(styles.filter((each) => each.paintings.length === 1).map((each) => each.paintings[0].name));
  const found = [
    ...styles.map((each) => ({
      id: identified("style", each.name), name: each.name, style: each.name, paintings: each.paintings, thumb: each.thumbnail,
      settings: each.settings,
      removable: each.paintings.length === 1 && Boolean((byName.get(each.paintings[0].name) || {}).uploaded),
    })),
    ...paintings.filter((each) => !alone.has(each.name)).map((each) => ({
      id: identified("painting", each.name), name: paintingName(each.name), style: null, paintings: [{ name: each.name, share: 1 }],
      settings: {}, thumb: each.thumbnail, removable: each.uploaded,
    })),
  ];
  if (loaded && JSON.stringify(found) === JSON.stringify(choices)) return; // Nothing moves, and the focus stays.
  [choices, loaded] = [found, true];
  for (const each of choices) if (!weights.has(each.id)) weights.set(each.id, 50);
  for (const id of chosen) if (!choices.some((each) => each.id === id)) chosen.delete(id);
  showTiles();
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
      const own = choices.find((each) => each.paintings.length === 1 && each.paintings[0].name === added.name);
      if (own) chosen.add(own.id);
    } catch (refusal) { refused.push(ofFile(file, refusal.message)); }
  }
  by("styles-status").textContent = "";
  by("styles-refused").textContent = refused.join(" ");
  showTiles();
  if (good.length) say(counted("page.styles_chosen", chosen.size));
};
// Chooses the style of a job, as far as its paintings still exist.
export const setStylesOf = (job) => {
  chosen.clear();
  // An uploaded painting may have the same name as a style.
  const names = (paintings) => paintings.map((each) => each.name).sort().join("\n");
  const style = choices.find((each) => each.style === job.style && names(each.paintings) === names(job.paintings));
  if (style) chosen.add(style.id);
  else {
    for (const { name, share } of job.paintings) {
      const own = choices.find((each) => each.paintings.length === 1 && each.paintings[0].name === name);
      if (own) { chosen.add(own.id); weights.set(own.id, 5 * Math.max(1, Math.round(20 * share))); }
    }
  }
  form.elements.blend.value = chosen.size > 1 ? "1" : "";
  showTiles();
};
form.addEventListener("change", (event) => { if (event.target.name === "blend") showBlend(); });
