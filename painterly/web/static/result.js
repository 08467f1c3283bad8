// Results in full screen. The address names the one that is shown, so that "back" closes it. The preview on the stage can be looked at in
// the same way.
import { addressHash, pushAddress } from "./shared/address.js";
import { byId, root } from "./shared/elements.js";
import { dated, duration, percent, text } from "./shared/texts.js";
import { bindViewer, follow } from "./shared/viewer.js";
import { finishedJobs } from "./jobs.js";
import { removeJob } from "./removing.js";
import { currentPhoto } from "./photos.js";
import { paintedIn, shownPreview } from "./stage.js";
import { chosenTiles, inStyle, namesOf, namesOfTiles, thumbOf, tilesOf, titleOf, titleOfPainting } from "./styles.js";
import { capital } from "./words.js";

const PREVIEW = "preview";

// The pictures by their jobs: the same one for the same state of a job.
const pictures = new WeakMap();
const photoOf = (name, address, href = address) => ({
  short: text("gallery.photo"), alt: text("gallery.the_photo", { photo: name }), preview: address, href,
});
const pictureOf = (job) => {
  const { result, timelapse } = job.links, { id, width, height, poster, photo, preset, settings } = job, { strength } = settings;
  return {
    id, photo, title: capital(inStyle(tilesOf(job), namesOf(job), poster)), short: namesOf(job), alt: titleOf(job),
    content: job.photo_etag || id,
    preview: `${result}?small=1`, href: result, download: `${result}?download=1`, file: "", timelapse,
    size: width && height ? [height, width] : null, star: null, command: "",
    before: poster ? null : photoOf(photo, `${job.links.photo}?small=1`, job.links.photo),
    paintings: job.paintings.map(({ name, share }) => ({
      name: titleOfPainting(name), thumb: thumbOf(name), share: job.paintings.length > 1 ? percent(share) : "",
    })),
    facts: [
      ["page.preset", text(`page.preset.${preset}`)],
      ["gallery.time_taken", paintedIn(job) && duration(paintedIn(job))],
      ["gallery.strength", strength !== undefined && percent(strength)],
      ["gallery.photo", photo],
      ["gallery.finished", job.finished && dated(job.finished)],
    ],
    again: `${root}/?again=${id}`, remove: (withPhoto) => removeJob(job, withPhoto),
  };
};
const pictureOfJob = (job) => {
  if (!pictures.has(job)) pictures.set(job, pictureOf(job));
  return pictures.get(job);
};
const previewNow = () => {
  const photo = currentPhoto(), names = namesOfTiles(chosenTiles()), title = capital(inStyle(chosenTiles(), names));
  return {
    id: PREVIEW, photo: photo.name, title, short: names, alt: `${photo.name} ${title}`, preview: shownPreview(), href: null, download: null,
    file: "", timelapse: null, size: null, star: null, command: "", before: photoOf(photo.name, photo.thumb, null), paintings: [],
    facts: [["page.preset", text("page.preview")]], again: null,
  };
};
let preview = null;
const addressOf = (picture) => `${location.pathname}${location.search}${picture ? `#${picture.id}` : ""}`;
const wanted = () => {
  const id = addressHash();
  if (id !== PREVIEW) preview = null;
  else if (!preview && shownPreview() && currentPhoto()) preview = previewNow();
  if (preview) return preview;
  const job = finishedJobs().find((each) => each.id === id);
  return job && pictureOfJob(job);
};
export { follow };
// Opens a job's result, or without one the preview.
export const openResult = (job) => {
  pushAddress(addressOf(job || { id: PREVIEW }));
  follow();
};
const list = () => finishedJobs().map(pictureOfJob);
bindViewer({
  wanted, addressOf, list,
  others: (picture) => (picture.id === PREVIEW ? [] : list().filter(({ content }) => content === picture.content)),
  starred: () => {},
  closed: () => { (byId("full-screen").getClientRects().length ? byId("full-screen") : byId("heading")).focus({ preventScroll: true }); },
});
