// The parts that pages are made of.
import { text } from "./texts.js";

// Where the service is on its host: empty, or a path such as /painter. A batch's file has none.
export const { root } = document.documentElement.dataset;
export const byId = (id) => document.getElementById(id);
// kind: a tag, followed by classes with dots. parts: elements and words; what is missing is left out.
export const make = (kind, ...parts) => {
  const [tag, ...classes] = kind.split("."), made = document.createElement(tag);
  if (tag === "button") made.type = "button";
  made.classList.add(...classes);
  made.append(...parts.filter(Boolean));
  return made;
};
export const matching = (selector, within = document) => [...within.querySelectorAll(selector)];
export const say = (id, words) => { byId(id).textContent = words; };
// Listens to events of one kind or several, on an element or the one of an id.
export const on = (target, kinds, act, options) => {
  const element = typeof target === "string" ? byId(target) : target;
  for (const kind of [kinds].flat()) element.addEventListener(kind, act, options);
};
// Whether a key takes back the last act, and not what is typed or drawn.
export const isUndo = ({ key, ctrlKey, metaKey, shiftKey, target }) => (
  (ctrlKey || metaKey) && !shiftKey && key.toLowerCase() === "z" && !target.closest("textarea, [type=search], #mask")
);
export const sign = (name) => {
  const holder = make("span");
  holder.innerHTML = `<svg class="i" aria-hidden="true"><use href="#i-${name}"/></svg>`;
  return holder.firstChild;
};
// Replaces what an element holds, unless it is the same. The focus stays with a part that stays.
export const fill = (element, parts) => {
  const { childNodes: before } = element, { activeElement: focused } = document;
  if (parts.length === before.length && parts.every((part, at) => part === before[at])) return;
  element.replaceChildren(...parts);
  if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
};
// Returns a function from items to their elements. `make` makes that of an item once, as long as the item is among them.
export const keyed = (make, keyOf = ({ id }) => id) => {
  let made = new Map();
  return (items) => {
    made = new Map(items.map((item) => [keyOf(item), made.get(keyOf(item)) || make(item)]));
    return [...made.values()];
  };
};
export const percentAcross = (element, { clientX }) => {
  const { left, width } = element.getBoundingClientRect();
  return 100 * (clientX - left) / width;
};
// Sets an attribute to "true", or removes it. With aria-disabled, a button keeps the focus.
export const mark = (element, name, isSet) => { if (isSet) element.setAttribute(name, "true"); else element.removeAttribute(name); };
// Has a screen reader say something, also twice the same.
export const announce = (words) => {
  const { textContent: before } = byId("said");
  byId("said").textContent = before === words ? `${words}\u00a0` : words;
};
// Returns a function that has something tried again, each time after twice the pause.
export const retrying = (act) => {
  let pause = 1000; // ms
  return () => { setTimeout(act, pause); pause *= 2; };
};
const blankFor = (alt) => {
  const blank = make("span.blank", text("gallery.no_preview"));
  if (alt) Object.assign(blank, { role: "img", ariaLabel: alt });
  return blank;
};
// A picture, or a blank without a source, or as long as it cannot be loaded: the server may be restarting. larger: the address of a wide
// copy, which a page alone lacks.
export const picture = (source, alt, larger = "", sizes = "") => {
  if (!source) return blankFor(alt);
  const image = make("img"), blank = blankFor(alt), srcset = larger && `${source} 320w, ${larger} 1280w`;
  const load = (loading) => Object.assign(image, { loading, sizes, srcset, src: source });
  const again = retrying(async () => { if (!image.isConnected || await loaded(larger)) load("eager"); else again(); });
  const onload = () => { blank.replaceWith(image); if (srcset && !image.srcset) again(); };
  const onerror = () => { if (image.srcset) image.srcset = ""; else { image.replaceWith(blank); again(); } };
  Object.assign(image, { decoding: "async", alt, onerror, onload });
  return load("lazy");
};
export const loaded = (address) => new Promise((resolve) => {
  const image = new Image();
  Object.assign(image, { onload: () => resolve(image), onerror: () => resolve(null), src: address });
});
// A picture on paper has 300 dots per inch.
export const CM_OF_PX = 2.54 / 300;
// Copies the text of a field; returns whether it could. Pages without https have no other clipboard.
export const copyField = (field) => {
  field.select();
  return document.execCommand("copy");
};
// An uploaded painting's name as its user's file has it; other names stay.
export const withoutCode = (name) => name.replace(/^_web\/[0-9a-f]{12}-/, "");
export const stem = (name) => name.replace(/\.\w+$/, "");
// The name of a picture's file: its photo's, with the ending of its own format.
export const fileName = (photo, { type }, names = "") => (
  `${stem(photo)}${names}.${type.split("/")[1].replace("jpeg", "jpg")}`
);
export const share = (content, photo) => (
  navigator.share({ files: [new File([content], fileName(photo, content), { type: content.type })] })
);
// On the computer that paints, pages say so.
if (["localhost", "127.0.0.1", "[::1]"].includes(location.hostname)) {
  for (const each of matching("[data-here]")) each.textContent = each.dataset.here;
}
// Browsers share and copy only over https, and not all of them share files.
for (const each of matching(".not-shared")) each.hidden = isSecureContext;
export const sharesFiles = Boolean(navigator.canShare?.({ files: [new File([""], "picture.jpg", { type: "image/jpeg" })] }));
