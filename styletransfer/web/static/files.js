// Files that are chosen, dropped or pasted: those that can be pictures, and words for the others.
import { by } from "./shared/elements.js";
import { megabytes } from "./words.js";

const { uploadBytes, accept } = by("order").dataset;
const endings = accept.split(",").map((each) => each.trim().toLowerCase());
const kinds = endings.map((each) => each.slice(1).toUpperCase()).filter((each) => !["JPEG", "JFIF", "TIF", "HEIF", "HIF"].includes(each)).join(", ");

const reasonAgainst = (file) => {
  const name = file.name.toLowerCase();
  if (!file.size) return `${file.name} is empty, or a folder: choose the pictures in it.`;
  if (!endings.some((each) => name.endsWith(each))) return `${file.name} cannot be read here; these can: ${kinds}.`;
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
    (target(event) === zones.painting ? addPaintings : addPhotos)([...event.dataTransfer.files]);
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
