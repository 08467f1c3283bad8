// Files that are chosen, dropped or pasted: those that can be pictures, and words for the others.
import { by } from "./shared/elements.js";
import { megabytes } from "./words.js";

const { uploadBytes, accept } = by("order").dataset;
const endings = accept.split(",").map((each) => each.trim().toLowerCase());
const kinds = endings.map((each) => each.slice(1).toUpperCase()).filter((each) => !["JPEG", "JFIF", "TIF", "HEIF", "HIF"].includes(each)).join(", ");

const hasEnding = ({ name }) => endings.some((each) => name.toLowerCase().endsWith(each));
// A telephone's pictures may have names without an ending.
const saysPicture = ({ name, type }) => !/\.\w{2,5}$/.test(name) && type.startsWith("image/");
const reasonAgainst = (file) => {
  if (!file.size) return `${file.name} is empty, or a folder without pictures.`;
  if (!hasEnding(file) && !saysPicture(file)) return `${file.name} cannot be read here; these can: ${kinds}.`;
  const most = Number(uploadBytes);
  if (most && file.size > most) return `${file.name} has ${megabytes(file.size)}; at most ${megabytes(most)} can be sent.`;
  return null;
};
export const sorted = (files) => {
  const refused = [], good = [];
  for (const file of files) {
    const reason = reasonAgainst(file);
    if (reason) refused.push(reason); else good.push(file);
  }
  return { good, refused };
};

// A picture from the clipboard has no name that would distinguish it.
let pasted = 0;
const named = (file) => {
  if (file.name && !/^image\.\w+$/.test(file.name)) return file;
  pasted += 1;
  return new File([file], `pasted-${pasted}.${(file.type.split("/")[1] || "png").replace("jpeg", "jpg")}`, { type: file.type });
};

// The pictures in a folder and in those within it, in the order of their names; what else is there is left out.
const picturesIn = async (folder) => {
  const reader = folder.createReader(), inside = [];
  let some; // It gives a hundred at a time, and none at the end.
  do {
    some = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
    inside.push(...some);
  } while (some.length);
  inside.sort((first, second) => first.name.localeCompare(second.name, "en", { numeric: true }));
  const found = await Promise.all(inside.filter(({ name }) => name[0] !== ".").map(async (each) => {
    if (each.isDirectory) return picturesIn(each);
    return hasEnding(each) ? [await new Promise((resolve, reject) => { each.file(resolve, reject); })] : [];
  }));
  return found.flat();
};
// The files that are dropped, and those in folders, which browsers tell apart only during the event.
const dropped = ({ items }, add) => {
  const folders = [], files = [];
  for (const item of items) {
    const entry = item.webkitGetAsEntry();
    if (entry && entry.isDirectory) folders.push(entry); else if (item.kind === "file") files.push(item.getAsFile());
  }
  if (!folders.length) { add(files); return; }
  const inside = folders.map(async (folder) => {
    const found = await picturesIn(folder).catch(() => []);
    return found.length ? found : [new File([], folder.name)];
  });
  Promise.all(inside).then((found) => add([...files, ...found.flat()]));
};

// What is dropped outside the paintings is a photo, wherever it falls.
export const receive = (addPhotos, addPaintings) => {
  const zones = { photo: by("photo-zone"), painting: by("painting-zone") };
  const target = (event) => zones.painting.contains(event.target) ? zones.painting : zones.photo;
  const mark = (zone) => { for (const each of Object.values(zones)) each.classList.toggle("over", each === zone); };
  const hasFiles = (event) => [...event.dataTransfer.types].includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    mark(target(event));
  });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) mark(null); });
  document.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    mark(null);
    dropped(event.dataTransfer, target(event) === zones.painting ? addPaintings : addPhotos);
  });
  document.addEventListener("paste", (event) => {
    const files = [...event.clipboardData.files].map(named);
    if (!files.length) return;
    event.preventDefault();
    addPhotos(files);
  });
  const take = (input, add) => by(input).addEventListener("change", () => {
    const files = [...by(input).files];
    by(input).value = "";
    add(files);
  });
  take("photo-files", addPhotos);
  take("photo-camera", addPhotos);
  take("painting-files", addPaintings);
};
