// Results in full screen. The address names the one that is shown, so that "back" closes it. The preview on the stage can be looked at in
// the same way.
import { addressHash, pushAddress } from "./shared/address.js";
import { byId, on, root } from "./shared/elements.js";
import { dated, duration, percent, text } from "./shared/texts.js";
import { bindViewer, follow } from "./shared/viewer.js";
import { linkOf } from "./acts.js";
import { styled } from "./api.js";
import { finishedJobs } from "./jobs.js";
import { defaults, keepResult } from "./order.js";
import { removeJob } from "./removing.js";
import { currentPhoto } from "./photos.js";
import { paintedIn, shownPreview, shownResult } from "./stage.js";
import { chosenStyles, chosenTiles, inStyle, namesOf, namesOfTiles, thumbOf, tilesOf, titleOf, titleOfPainting } from "./styles.js";
import { capital } from "./words.js";

await styled("shared/view.css");
const PREVIEW = "preview";
const strengthOf = ({ strength }, [tile]) => percent(strength ?? tile?.settings.strength ?? defaults.strength);
// The command paints without a mask.
const commandOf = (style, paintings, preset, settings, isMasked) =>
  !isMasked && { style, paintings, given: Object.entries({ preset, ...settings }) };

const photoOf = (name, address, href) => ({
  short: text("gallery.photo"), alt: text("gallery.the_photo", { photo: name }), preview: address, href,
});
// The fields of a picture, as viewer.js describes them; a preview lacks most.
const pictureOf = (photo, tiles, names, about) => ({
  photo, title: capital(inStyle(tiles, names)), short: names, alt: `${photo} ${inStyle(tiles, names)}`,
  href: null, download: null, file: "", timelapse: null, size: null, star: null, command: null, paintings: [], facts: [], again: null,
  ...about,
});
const pictureOfJob = (job) => {
  const { id, width, height, sheet, frames, photo, preset, settings, links, finished } = job;
  const { result, timelapse } = links;
  return pictureOf(photo, tilesOf(job), namesOf(job), {
    id, content: job.photo_etag || id, alt: titleOf(job), ...(sheet && { title: capital(inStyle([], "", job)) }),
    preview: `${result}?small=1`, href: result, download: `${result}?download=1`, timelapse, size: width && height ? [height, width] : null,
    star: job.result_key,
    clip: job.media_type === "video/mp4", before: sheet || frames ? null : photoOf(photo, `${links.photo}?small=1`, links.photo),
    paintings: job.paintings.map(({ name, share }) => ({
      name: titleOfPainting(name), thumb: thumbOf(name), share: job.paintings.length > 1 ? percent(share) : "",
    })),
    facts: [
      ["page.preset", text(`page.preset.${preset}`)],
      ["gallery.time_taken", paintedIn(job) && duration(paintedIn(job))],
      ["gallery.strength", !sheet && strengthOf(settings, tilesOf(job))],
      ["gallery.photo", photo],
      ["gallery.finished", finished && dated(finished)],
    ],
    command: !sheet && commandOf(job.style, job.paintings.map(({ name, share }) => [name, share]), preset, settings, links.mask),
    again: `${root}/?again=${id}`, remove: (withPhoto) => removeJob(job, withPhoto),
  });
};
const previewNow = () => {
  const { name, thumb, masked } = currentPhoto(), made = shownResult(), tiles = chosenTiles(), settings = made?.request.settings || {};
  const { naturalWidth: width, naturalHeight: height } = byId("painting-side");
  const [{ style, paintings } = {}] = chosenStyles(), shares = Object.entries(paintings || tiles[0]?.shares || {});
  const names = namesOfTiles(tiles), { href: download, download: file } = made ? linkOf(made, names) : {};
  return pictureOf(name, tiles, names, {
    id: PREVIEW, preview: shownPreview(), before: photoOf(name, thumb, null), size: made && [height, width],
    result: made, made: made?.file, download, file,
    facts: [["page.preset", text("page.preview")], ["gallery.strength", strengthOf(settings, tiles)], ["gallery.photo", name]],
    command: made && commandOf(style, shares, "instant", settings, masked),
  });
};
// The same picture for the same state of a job.
const pictures = new WeakMap();
const list = () => finishedJobs().map((job) => {
  if (!pictures.has(job)) pictures.set(job, pictureOfJob(job));
  return pictures.get(job);
});
let preview = null;
const wanted = () => {
  const id = addressHash();
  if (id !== PREVIEW) preview = null;
  else if (!preview && shownPreview() && currentPhoto()) preview = previewNow();
  return preview || list().find((each) => each.id === id);
};
// As on the stage, what is saved is kept among the results, too.
on("download", "click", () => { if (preview?.result) keepResult(preview.result); });
// A rough preview makes room for the one that can be saved.
on("painting-side", "load", () => {
  if (!preview || preview.result || !shownResult()) return;
  preview = null;
  follow();
});
const addressOf = (picture) => `${location.pathname}${location.search}${picture ? `#${picture.id}` : ""}`;
export { follow };
// Opens a job's result, or without one the preview.
export const openResult = (job) => {
  byId("played").pause();
  pushAddress(addressOf(job || { id: PREVIEW }));
  follow();
};
bindViewer({
  wanted, addressOf, list,
  others: (picture) => (picture.id === PREVIEW ? [] : list().filter(({ content }) => content === picture.content)),
  starred: () => {},
  closed: () => { (byId("full-screen").getClientRects().length ? byId("full-screen") : byId("heading")).focus({ preventScroll: true }); },
});
