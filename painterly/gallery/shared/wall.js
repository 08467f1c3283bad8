// The wall of photos, and the address, which names the filter, the order and the open result:
// #monet/beach.jpg?style=monet&sort=newest
import { addressHash } from "./address.js";
import { byId, make, picture, showPaintings } from "./elements.js";
import { counted, inLanguage, percent, text } from "./texts.js";

export const data = JSON.parse(byId("data").textContent);

const path = (key) => key.split("/").map(encodeURIComponent).join("/");
// The address of a stored picture; `addresses` has its name if that does not follow from the key.
const storedAddress = (kind, key, addresses) => {
  const name = addresses ? addresses.stored : `./${path(key)}.jpg`;
  return name && `./_gallery/${kind}/${name.slice(2)}`;
};
// Photos that were sent to the web service have their job in front of their names.
const OF_JOB = /^([0-9a-f]{20})\/(?=[^/]+$)/;
const pictureOf = (kind, [name, thumb, addresses, title]) => ({
  name,
  title: inLanguage(title || name.replace(OF_JOB, "")),
  job: (OF_JOB.exec(name) || [])[1],
  thumb: thumb === 1 ? storedAddress(`thumbs/${kind}`, name, addresses) : thumb,
  preview: storedAddress(kind, name, addresses),
});
const photos = data.photos.map((each) => pictureOf("photos", each));
const paintings = data.paintings.map((each) => pictureOf("paintings", each));
export const results = data.rows.map((row, number) => {
  const fields = Object.fromEntries(data.columns.map((name, at) => [name, row[at]]));
  const photo = photos[fields.photo], [style, shares, toml] = data.blends[fields.blend];
  const key = fields.key || `${data.styles[style]}/${photo.name}`, addresses = fields.addresses;
  return {
    ...fields, number, photo, style, shares,
    styleTitle: inLanguage(data.titles[style]),
    ...pictureOf("results", [key, fields.thumb, addresses]),
    anchor: addresses ? addresses.anchor : path(key),
    href: addresses ? addresses.href : `./${path(key)}`,
    file: addresses ? addresses.file : key.split("/").at(-1),
    size: data.sizes[fields.size],
    origin: data.origins[fields.origin],
    settings: data.settings[fields.settings],
    toml: `${toml}\n${data.settings[fields.settings]}\n`,
  };
});
const decoded = (address) => { try { return decodeURIComponent(address); } catch { return address; } };
const numbers = new Map(results.map((each) => [decoded(each.anchor), each.number]));

export const paintingsOf = (shares) => shares.map(([number, share]) => ({
  ...paintings[number],
  name: paintings[number].title,
  share: share === null ? "" : percent(share / 100),
}));

export const cards = results.map((result) => {
  const card = make("li", "", "card"), link = make("a");
  link.href = `#${result.anchor}`;
  const named = text("gallery.in_style", { photo: result.photo.title, style: "" }).trim();
  link.append(picture(result.thumb, named, result.size), " ", make("span", result.styleTitle, "caption"));
  card.append(link);
  card.dataset.number = result.number;
  return card;
});
export const resultsOf = new Map(photos.map((photo) => [photo, []]));
for (const result of results) resultsOf.get(result.photo).push(result);
const sections = new Map(photos.map((photo) => {
  const { size } = resultsOf.get(photo)[0], section = make("section");
  const list = make("ul", "", size && size[0] > 1.1 * size[1] ? "hang tall" : "hang");
  const item = make("li", "", "photo");
  const image = picture(photo.thumb, text("gallery.the_photo", { photo: photo.title }), size);
  item.append(image, make("span", text("gallery.photo"), "caption"));
  list.append(item);
  section.append(make("h2", photo.title), list);
  return [photo, section];
}));

export const form = byId("filter");
// The first order is the default, which addresses do not name.
const [usualSort] = form ? [...form.elements.sort.options].map((each) => each.value) : ["name"];
// The visible results in their order: a list for each photo.
export let shownResults = [];
export const addressState = () => {
  const [anchor, query] = addressHash().split("?");
  const chosen = new URLSearchParams(query);
  const style = data.styles.indexOf(chosen.get("style"));
  return {
    open: numbers.get(decoded(anchor)),
    style: style < 0 ? null : style,
    sort: ["name", "newest"].includes(chosen.get("sort")) ? chosen.get("sort") : usualSort,
    against: chosen.get("with"),
    view: ["side", "painting"].includes(chosen.get("view")) ? chosen.get("view") : "slider",
  };
};
export const addressOf = ({ open, style, sort, against, view }) => {
  const query = new URLSearchParams();
  if (style !== null) query.set("style", data.styles[style]);
  if (sort !== usualSort) query.set("sort", sort);
  if (open !== undefined && against) query.set("with", against);
  if (open !== undefined && view !== "slider") query.set("view", view);
  const anchor = open === undefined ? "" : results[open].anchor, changes = query.toString();
  return `#${anchor}${changes && `?${changes}`}`;
};
let arrangedBy = "";
export const arrange = ({ style, sort }) => {
  if (!form || arrangedBy === `${style} ${sort}`) return;
  arrangedBy = `${style} ${sort}`;
  const time = (result) => Number.isFinite(result.finished) ? result.finished : -Infinity;
  const newest = (first, second) => time(second) - time(first) || first.number - second.number;
  const lists = photos.map((photo) => {
    const ofThis = [...resultsOf.get(photo)];
    if (sort === "newest") ofThis.sort(newest);
    sections.get(photo).lastChild.append(...ofThis.map((each) => cards[each.number]));
    for (const each of ofThis) cards[each.number].hidden = style !== null && each.style !== style;
    const visible = ofThis.filter((each) => !cards[each.number].hidden);
    sections.get(photo).lastChild.style.setProperty("--count", visible.length + 1);
    return visible;
  });
  shownResults = lists.filter((each) => each.length);
  if (sort === "newest") shownResults.sort((first, second) => newest(first[0], second[0]));
  byId("main").replaceChildren(...shownResults.map(([{ photo }]) => sections.get(photo)));
  form.elements.style.value = style === null ? "" : String(style);
  form.elements.sort.value = sort;
  const count = shownResults.flat().length;
  byId("status").textContent = style === null ? "" : counted("gallery.results_in_style", count, { style: inLanguage(data.titles[style]) });
  byId("chosen").hidden = style === null;
  showPaintings(byId("chosen"), style === null ? [] : paintingsOf(results.find((each) => each.style === style).shares));
  const failures = [...document.querySelectorAll("#failed li")];
  for (const each of failures) each.hidden = style !== null && each.dataset.style !== data.styles[style];
  if (failures.length) byId("failed").hidden = failures.every((each) => each.hidden);
};
for (const image of document.querySelectorAll("img[data-style]")) {
  const [first] = results.find((each) => each.style === Number(image.dataset.style)).shares;
  const thumb = first && paintings[first[0]].thumb;
  image.onerror = () => image.remove();
  if (thumb) image.src = thumb; else image.remove();
}
