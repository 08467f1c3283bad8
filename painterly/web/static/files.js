// Chosen, dropped or pasted files: pictures, and reasons against the others.
import { byId, matching, on } from "./shared/elements.js";
import { megabytes, text } from "./shared/texts.js";
import { refuse } from "./state.js";

const { uploadBytes, accept, kinds } = byId("order").dataset, endings = accept.split(",");

const hasEnding = ({ name }) => endings.some((each) => name.toLowerCase().endsWith(each));
// A camera's own format may be none that browsers show. One of these that they cannot show is damaged.
export const isShownByBrowsers = ({ name, type }) =>
  /\.(jpe?g|jfif|png|gif|webp|bmp|avif)$/i.test(name) || (!hasEnding({ name }) && type.startsWith("image/"));
// A phone's pictures may have names without an extension.
const saysPicture = ({ name, type }) => !/\.\w{2,5}$/.test(name) && type.startsWith("image/");
const reasonAgainst = (file) => {
  const { name, size } = file, largest = Number(uploadBytes);
  if (!size) return text("page.file_empty", { name });
  if (!hasEnding(file) && !saysPicture(file)) return text("page.file_unsupported", { name, kinds });
  if (largest && size > largest) return text("page.file_too_large", { name, size: megabytes(size), most: megabytes(largest) });
  return null;
};
export const checkedFiles = (files) => ({
  good: files.filter((file) => !reasonAgainst(file)), refused: files.map(reasonAgainst).filter(Boolean),
});

// Pictures from the clipboard all have the same name.
const withName = (file, number) => {
  if (file.name && !/^image\.\w+$/.test(file.name)) return file;
  return new File([file], `pasted-${number}.${(file.type.split("/")[1] || "png").replace("jpeg", "jpg")}`, { type: file.type });
};

const picturesIn = async (folder) => {
  const reader = folder.createReader(), inside = [];
  let some; // It gives a hundred at a time, and none at the end.
  do {
    some = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
    inside.push(...some);
  } while (some.length);
  inside.sort((one, other) => one.name.localeCompare(other.name, "en", { numeric: true }));
  const found = inside.filter(({ name }) => name[0] !== ".").map((each) => {
    if (each.isDirectory) return picturesIn(each);
    return hasEnding(each) ? new Promise((resolve) => { each.file(resolve, () => resolve(new File([], each.name))); }) : [];
  });
  return (await Promise.all(found)).flat();
};
// The dropped files, and those in dropped folders. Browsers tell files from folders only during the event.
const dropped = async ({ items }) => {
  const all = [...items].filter(({ kind }) => kind === "file").map((item) => [item.webkitGetAsEntry(), item.getAsFile()]);
  const found = all.map(async ([entry, file]) => {
    const inside = entry && entry.isDirectory ? await picturesIn(entry).catch(() => []) : [file];
    return inside.length ? inside : new File([], entry.name);
  });
  return (await Promise.all(found)).flat();
};

// A file that is dropped on the styles is a painting, any other a photo.
export const bindFileInputs = (addPhotos, addPaintings) => {
  let pasted = 0;
  const zoneOf = ({ target }) => target.closest("#masters") || byId("studio");
  const mark = (zone) => {
    document.body.classList.toggle("dropping", zone !== null);
    for (const each of [byId("studio"), byId("masters")]) each.classList.toggle("over", each === zone);
  };
  // The browser would leave the page for an address that is dropped on it.
  const onFiles = (kind, act) => on(document, kind, (event) => {
    const kinds = [...event.dataTransfer.types], hasFiles = kinds.includes("Files");
    if (!hasFiles && !kinds.includes("text/uri-list")) return;
    event.preventDefault();
    act(event, hasFiles);
  });
  onFiles("dragover", (event, hasFiles) => {
    event.dataTransfer.dropEffect = "copy";
    if (hasFiles) mark(zoneOf(event));
  });
  on(document, "dragleave", ({ relatedTarget }) => { if (!relatedTarget) mark(null); });
  onFiles("drop", async (event, hasFiles) => {
    mark(null);
    if (!hasFiles) { refuse("files", text("page.drop.address")); return; }
    const add = zoneOf(event).id === "masters" ? addPaintings : addPhotos;
    add(await dropped(event.dataTransfer));
  });
  on(document, "paste", (event) => {
    const { files } = event.clipboardData;
    if (!files.length) return;
    event.preventDefault();
    addPhotos([...files].map((file, at) => withName(file, pasted + at + 1)));
    pasted += files.length;
  });
  for (const input of matching(".pick [type=file]")) {
    on(input, "change", (event) => {
      const files = [...input.files];
      event.stopPropagation(); // A second listener would clear the reasons for a refusal.
      input.value = "";
      (input.id === "painting-files" ? addPaintings : addPhotos)(files);
    });
  }
};
