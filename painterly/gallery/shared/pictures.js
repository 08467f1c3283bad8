// The pictures of the page, newest first, from the rows that the page holds.
import { byId } from "./elements.js";
import { dated, duration, inLanguage, percent, text, translated } from "./texts.js";

export const data = JSON.parse(byId("data").textContent);

const path = (key) => key.split("/").map(encodeURIComponent).join("/");
// The address of a stored picture; `addresses` has its name if that does not follow from the key.
const storedAddress = (kind, key, addresses) => {
  const name = addresses ? addresses.stored : `./${path(key)}.jpg`;
  return name && `./_gallery/${kind}/${name.slice(2)}`;
};
const storedAt = (kind, name, thumb, addresses) => ({
  thumb: thumb === 1 ? storedAddress(`thumbs/${kind}`, name, addresses) : thumb, preview: storedAddress(kind, name, addresses),
});
// Photos that were sent to the web service have their job in front of their names.
const OF_JOB = /^([0-9a-f]{20})\/(?=[^/]+$)/;
const photos = data.photos.map(([key, thumb, addresses, content]) => {
  const [, job] = OF_JOB.exec(key) || [], name = key.replace(OF_JOB, ""), short = text("gallery.photo");
  const alt = text("gallery.the_photo", { photo: name });
  return { key, job, name, short, content, alt, ...storedAt("photos", key, thumb, addresses) };
});
const paintings = data.paintings.map(([key, thumb, addresses, title]) => ({
  key, name: inLanguage(title || key), ...storedAt("paintings", key, thumb, addresses),
}));
const pictureOf = (row, number) => {
  const is = Object.fromEntries(data.columns.map((name, at) => [name, row[at]]));
  const photo = photos[is.photo], [style, shares] = data.blends[is.blend], { addresses } = is;
  const key = is.key || `${data.styles[style]}/${photo.key}`, work = inLanguage(data.titles[style]), artist = data.artists[style];
  const after = artist ? text("gallery.after", { name: artist }) : text("gallery.after_painting", { title: work });
  const title = shares.length ? after : work;
  const given = data.given[is.given];
  const href = addresses ? addresses.href : `./${path(key)}`;
  return {
    number, place: is.photo * data.styles.length + style, key, star: key, master: artist || data.styles[style], title, work,
    short: artist || work, photo: photo.name, job: photo.job, href, download: href,
    alt: text("gallery.of_photo", { title, photo: photo.name }), size: data.sizes[is.size], timelapse: is.timelapse, bytes: is.bytes,
    content: photo.content, before: shares.length ? photo : null, ...storedAt("results", key, is.thumb, addresses),
    anchor: addresses ? addresses.anchor : path(key), file: addresses ? addresses.file : key.split("/").at(-1),
    time: Number.isFinite(is.finished) ? 1000 * is.finished : null,
    paintings: shares.map(([at, share]) => ({ ...paintings[at], share: share === null ? "" : percent(share / 100) })),
    // Only when they are shown: dates in words take long.
    get facts() { return [
      ["gallery.time_taken", is.time !== null && duration(is.time)],
      ["gallery.strength", is.strength !== null && percent(is.strength)],
      ["gallery.photo", photo.name],
      ["gallery.finished", Number.isFinite(is.finished) ? dated(1000 * is.finished) : is.finished],
      ...data.origins[is.origin].map(([name, value]) => [name, translated(value)]),
    ]; },
    command: given && shares.length > 0 && {
      style: data.styles[style], paintings: shares.map(([at, share]) => [paintings[at].key, share ?? 1]), given,
    },
  };
};
export const pictures = data.rows.map(pictureOf);
const byName = [...pictures].sort((one, other) => one.place - other.place), ofContent = new Map();
export const ordered = (isByName) => isByName ? byName : pictures;
for (const each of pictures) {
  if (ofContent.has(each.content)) ofContent.get(each.content).push(each); else ofContent.set(each.content, [each]);
}
export const othersOf = ({ content }) => ofContent.get(content).filter(({ gone }) => !gone);

export const plain = (words) => words.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
// A picture's names without case and accents, in which a search looks.
export const namesOf = (each) => each.names ??= plain(`${each.photo} ${each.title} ${each.work}`);

const decoded = (address) => { try { return decodeURIComponent(address); } catch { return address; } };
const byAnchor = new Map(pictures.map((each) => [decoded(each.anchor), each]));
export const pictureAt = (anchor) => byAnchor.get(decoded(anchor));
export const paintingOf = (master) => {
  const by = pictures.find((each) => each.master === master);
  return by && by.paintings[0] && by.paintings[0].thumb;
};
