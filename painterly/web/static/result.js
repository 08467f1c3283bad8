// Results in full screen. The address names the one that is shown, so that "back" closes it. The preview on the stage can be looked at in
// the same way.
import { addressHash, pushAddress } from "./shared/address.js";
import { byId, keyed, on, root } from "./shared/elements.js";
import { dated, duration, percent, text } from "./shared/texts.js";
import { bindViewer, follow } from "./shared/viewer.js";
import { linkOf } from "./acts.js";
import { styled } from "./api.js";
import { keepResult } from "./order.js";
import { removeJob } from "./removing.js";
import { defaults } from "./settings.js";
import { paintedIn } from "./stage.js";
import { chosen, chosenStyles, finishedJobs, photo as current, preview as ofOrder, shownResult } from "./state.js";
import { inStyle, namesOf, namesOfStyles, stylesOf, thumbOf, titleOf, titleOfPainting } from "./styles.js";
import { capital } from "./words.js";

await styled("shared/view.css");
const PREVIEW = "preview";
const strengthOf = ({ strength }, [style]) => percent(strength ?? style?.settings.strength ?? defaults.strength);
// The command paints without a mask.
const commandOf = (style, paintings, preset, settings, isMasked) =>
  !isMasked && { style, paintings, given: Object.entries({ preset, ...settings }) };

const photoOf = (name, address, href) => ({
  short: text("gallery.photo"), alt: text("gallery.the_photo", { photo: name }), preview: address, href,
});
// The fields of a picture, as viewer.js describes them; a preview lacks most.
const pictureOf = (photo, styles, names, about) => ({
  photo, title: capital(inStyle(styles, names)), short: names, alt: `${photo} ${inStyle(styles, names)}`,
  file: "", paintings: [], facts: [], ...about,
});
const pictureOfJob = (job) => {
  const { id, width, height, sheet, frames, photo, preset, settings, links, finished } = job;
  const { result, timelapse } = links;
  return pictureOf(photo, stylesOf(job), namesOf(job), {
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
      ["gallery.strength", !sheet && strengthOf(settings, stylesOf(job))],
      ["gallery.photo", photo],
      ["gallery.finished", finished && dated(finished)],
    ],
    command: !sheet && commandOf(job.style, job.paintings.map(({ name, share }) => [name, share]), preset, settings, links.mask),
    again: `${root}/?again=${id}`, remove: (withPhoto) => removeJob(job, withPhoto),
  });
};
const previewNow = () => {
  const { name, thumb, masked } = current.value, made = shownResult.value, styles = chosen.value, settings = made?.request.settings || {};
  const { naturalWidth: width, naturalHeight: height } = byId("painting-side");
  const [{ style, paintings } = {}] = chosenStyles.value, shares = Object.entries(paintings || styles[0]?.shares || {});
  const names = namesOfStyles(styles), { href: download, download: file } = made ? linkOf(made, names) : {};
  return pictureOf(name, styles, names, {
    id: PREVIEW, preview: ofOrder.value?.address, before: photoOf(name, thumb, null), size: made && [height, width],
    made: made?.file, download, file,
    facts: [["page.preset", text("page.preset.instant")], ["gallery.strength", strengthOf(settings, styles)], ["gallery.photo", name]],
    command: made && commandOf(style, shares, "instant", settings, masked),
  });
};
// The same picture for the same state of a job. A rough preview makes room for the one that can be saved.
const pictures = keyed(pictureOfJob, (job) => job), list = () => pictures(finishedJobs.value);
const previews = keyed(previewNow, ({ address }) => `${address} ${shownResult.value !== null}`);
const isPreview = () => addressHash() === PREVIEW;
const wanted = () => {
  if (isPreview()) return ofOrder.value && current.value ? previews([ofOrder.value])[0] : undefined;
  return list().find(({ id }) => id === addressHash());
};
// As on the stage, what is saved is kept among the results, too.
on("download", "click", () => { if (isPreview() && shownResult.value) keepResult(shownResult.value); });
on("painting-side", "load", () => { if (isPreview()) follow(); });
const addressOf = (picture) => `${location.pathname}${location.search}${picture ? `#${picture.id}` : ""}`;
export { follow };
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
