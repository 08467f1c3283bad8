// The styles to choose from, as the server renders them, those that are uploaded, and the shares of a blend.
import { announce, byId, fill, keyed, make, on, root, say } from "./shared/elements.js";
import { counted, listed, percent, text } from "./shared/texts.js";
import { askForPage, askPatiently, contentOf } from "./api.js";
import { checkedFiles } from "./files.js";
import {
  choice, choose, chosen, clearNotices, computed, effect, isBlended, photo, refuse, sampleStyle, sketches, styles, taken, wall,
  weightOf, WHOLE,
} from "./state.js";
import { ofFile, paintingName } from "./words.js";

const form = byId("order"), list = byId("styles"), several = byId("several"), sliders = byId("shares");
const LEAST = 5, MOST_NAMED = 3; // percent of a blend; paintings that are deleted
export const sample = JSON.parse(form.dataset.sample);
sampleStyle.value = sample.style;
const ofPainting = (painting) => styles.value.find(({ shares }) => Object.keys(shares).length === 1 && Object.hasOwn(shares, painting));

export const thumbOf = (painting) => ofPainting(painting)?.thumb;
export const titleOfPainting = (painting) => ofPainting(painting)?.title || paintingName(painting);
// Of those whose paintings still exist.
export const stylesOf = ({ style, paintings }) => {
  // An uploaded painting may have the same name as a style.
  const names = (each) => each.sort().join("\n"), namesOfJob = names(paintings.map(({ name }) => name));
  const same = styles.value.filter(({ order, shares }) => order.style === style && names(Object.keys(shares)) === namesOfJob);
  return same.length ? same : paintings.map(({ name }) => ofPainting(name)).filter(Boolean);
};
const shortOf = ({ own, short, title }) => (own ? text("page.quoted", { name: title }) : short || title);
export const namesOfStyles = (some) => listed([...new Set(some.map(shortOf))]);
export const namesOf = (job) => {
  const some = stylesOf(job), { paintings, sheet, story } = job;
  if (sheet) return text(story ? "page.story" : "page.sheet");
  if (some.length === 1 || some.length === paintings.length) return namesOfStyles(some);
  return paintings.length > MOST_NAMED ? job.style : listed(paintings.map(({ name }) => titleOfPainting(name)));
};
export const inStyle = (some, names, { sheet, story } = {}) => {
  if (sheet) return text(story ? "page.as_story" : "page.after_all");
  if (some.length && some.every(({ own }) => own)) return counted("page.after_own", some.length, { name: names });
  const haveNames = some.length && some.every(({ own, short }) => own || short);
  return text(haveNames ? "page.after" : "page.in_style", { name: names, style: names });
};
export const titleOf = (job) => `${job.photo} ${inStyle(stylesOf(job), namesOf(job), job)}`;
export const whySuits = ({ suits }) => (suits ? text(`page.kind_to.${suits}`) : "");

// The paintings of a blend stand side by side, with a line between each two, which is a slider. Returns the places of all their edges.
const edges = () => chosen.value.reduce((before, each) => [...before, before.at(-1) + weightOf(each)], [0]).with(-1, WHOLE);
const sliderOf = (style, at) => {
  const slider = Object.assign(make("input"), { type: "range", min: 0, max: WHOLE, step: 1 });
  slider.ariaLabel = text("page.share_of", { name: shortOf(style) });
  on(slider, "input", () => {
    const all = chosen.value, cuts = edges(), least = Math.min(LEAST, WHOLE / 2 / all.length);
    cuts[at + 1] = Math.min(cuts[at + 2] - least, Math.max(cuts[at] + least, slider.valueAsNumber));
    choose({ weights: Object.fromEntries(all.map(({ id }, number) => [id, cuts[number + 1] - cuts[number]])) }, slider);
  });
  return slider;
};
const partOf = ({ thumb }) => {
  const part = make("span", make("b"));
  part.style.backgroundImage = `url("${thumb}")`;
  return part;
};
const blended = computed(() => (isBlended.value ? chosen.value.map(({ id }) => id).join("\n") : ""));
effect(() => {
  byId("mix").hidden = chosen.value.length < 2;
  sliders.hidden = !blended.value;
});
effect(() => {
  void blended.value;
  const some = isBlended.peek() ? chosen.peek() : [];
  sliders.replaceChildren(...some.map(partOf), ...some.slice(0, -1).map(sliderOf));
});
effect(() => {
  if (!isBlended.value) return;
  const all = chosen.value, cuts = edges(), ends = cuts.map(Math.round); // Rounded at the lines, so that the shares add up.
  const said = all.map((each, at) => `${percent((ends[at + 1] - ends[at]) / WHOLE)} ${shortOf(each)}`);
  sliders.style.gridTemplateColumns = all.map((each) => `minmax(0, ${weightOf(each)}fr)`).join(" ");
  sliders.querySelectorAll("b").forEach((part, at) => { part.textContent = said[at]; });
  sliders.querySelectorAll("input").forEach((slider, at) => {
    slider.value = cuts[at + 1];
    slider.ariaValueText = listed(said);
  });
});

// Pictures far below are loaded only when the page is scrolled to them.
const seen = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) if (isIntersecting) { target.src = target.dataset.at; seen.unobserve(target); }
}, { rootMargin: "40px" });
const tiles = keyed(({ html }) => {
  const holder = make("ul");
  holder.innerHTML = html;
  const [item] = holder.children, [, original] = item.querySelectorAll("img");
  original.onerror = () => { original.hidden = true; };
  return item;
}, ({ html }) => html);
// A tile shows the photo in its style, until then the painting faded, and without a photo the sample; or why there is no picture.
const showTile = (item, { sample: place, thumb }, hasPhoto, sketch) => {
  const { address, reason = "" } = sketch || {}, isSample = !hasPhoto && !address && place !== null, image = item.querySelector(".you");
  item.classList.toggle("waits", hasPhoto && !sketch);
  item.classList.toggle("sampled", isSample);
  item.style.setProperty("--sampled", place);
  item.title = reason;
  const at = isSample ? "" : address || thumb;
  if (image.dataset.at === at) return;
  image.dataset.at = at;
  if (isSample) { seen.unobserve(image); image.removeAttribute("src"); } else seen.observe(image);
};
effect(() => {
  const { several: isSeveral, isBlend } = choice.value, ids = chosen.value.map(({ id }) => id);
  several.checked = isSeveral;
  form.elements.blend.value = isBlend ? "1" : "";
  byId("no-styles").hidden = styles.value.length > 0;
  const items = tiles(wall.value);
  for (const [at, style] of wall.value.entries()) {
    Object.assign(items[at].querySelector("input"), { type: isSeveral ? "checkbox" : "radio", checked: ids.includes(style.id) });
    items[at].querySelector(".why").textContent = whySuits(style);
    showTile(items[at], style, photo.value !== null, sketches.value.get(style.id));
  }
  fill(list, items);
});

export const loadStyles = async () => {
  const holder = make("ul"), before = styles.peek();
  holder.innerHTML = await askForPage(`${root}/styles`);
  const items = [...holder.children];
  if (items.length === before.length && items.every(({ outerHTML }, at) => outerHTML === before[at].html)) return;
  styles.value = items.map((item) => {
    const { value: id, dataset } = item.querySelector("input");
    return { ...JSON.parse(dataset.choice), id, html: item.outerHTML };
  });
};
// Chooses styles as their user does. In a blend, another one is added, and their shares become the same.
const chooseStyles = (ids, about = {}) => choose({ ids, weights: {}, ...about });
export const addPaintings = async (files) => {
  const { good, refused } = checkedFiles(files), added = [], whole = good.length;
  clearNotices();
  refuse("files", ...refused);
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
  if (added.length === 1) chooseStyles([...(choice.value.several ? chosen.value : []), ofPainting(added[0])].map(({ id }) => id));
  refuse("files", ...refused);
  if (added.length) announce(counted("page.styles_added", added.length));
};
export const choiceOf = (job) => {
  const some = stylesOf(job), { paintings } = job, areAll = some.length === paintings.length;
  const shares = areAll ? some.map(({ id }, at) => [id, Math.max(1, Math.round(WHOLE * paintings[at].share))]) : [];
  return { ids: some.map(({ id }) => id), several: some.length > 1, isBlend: true, weights: Object.fromEntries(shares) };
};

on(list, "click", async ({ target }) => {
  const cross = target.closest(".remove"), id = cross?.parentElement.querySelector("input").value;
  if (!cross) return;
  const { remove, tell } = await import("./deleting.js"), { shares, title } = styles.value.find((each) => each.id === id);
  const [name] = Object.keys(shares);
  const bringBack = () => { taken.value = new Set([...taken.value].filter((each) => each !== name)); }; // It is chosen again if it was.
  const send = async () => {
    try {
      await remove(`${root}/api/paintings/${encodeURIComponent(name)}`);
      await loadStyles();
    } catch (refusal) { refuse("painting", refusal.message); }
    bringBack();
  };
  taken.value = new Set([...taken.value, name]);
  byId("painting-files").focus();
  tell(text("page.style_deleted", { name: title }), bringBack, send);
});
on(list, "change", ({ target }) => {
  const ids = chosen.value.map(({ id }) => id).filter((id) => id !== target.value);
  if (!choice.value.several) chooseStyles([target.value]);
  else chooseStyles(target.checked ? [...ids, target.value] : ids);
});
on(several, "change", () => {
  const ids = chosen.value.map(({ id }) => id);
  chooseStyles(several.checked ? ids : ids.slice(0, 1), { several: several.checked });
});
on("mix", "change", ({ target }) => { if (target.name === "blend") choose({ isBlend: target.value === "1" }); });

// The painting itself is shown under the pointer, at the focus and while a finger presses (stage.css), and loaded only then.
on(list, ["pointerover", "pointerdown", "focusin"], ({ target }) => {
  const item = target.closest("li"), original = item?.querySelector(".it");
  if (!original?.hidden) return;
  const { value } = item.querySelector("input"), { thumb } = styles.value.find(({ id }) => id === value);
  Object.assign(original, { src: thumb, hidden: false });
});
