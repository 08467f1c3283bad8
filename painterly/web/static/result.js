// One result in the dialog: compared with its photo, zoomed, downloaded. The address names it, so that "back" closes it. The preview on
// the stage can be looked at in the same way.
import { addressHash, pushAddress } from "./shared/address.js";
import { byId } from "./shared/elements.js";
import { dated, duration, percent, text } from "./shared/texts.js";
import { compare, photoSide, resultSide, setView } from "./shared/compare.js";
import { current, follow, navigate, showDetails } from "./shared/dialog.js";
import { fitPictures } from "./shared/zoom.js";
import { finishedJobs } from "./jobs.js";
import { currentPhoto } from "./photos.js";
import { paintedIn, shownPreview } from "./stage.js";
import { chosenTiles, inStyle, namesOf, namesOfTiles, thumbOf, tilesOf, titleOf, titleOfPainting } from "./styles.js";
import { capital } from "./words.js";

const PREVIEW = { id: "preview" };

const neighbour = (steps) => {
  const list = finishedJobs(), at = list.findIndex(({ id }) => id === current.id);
  return at < 0 ? undefined : list[at + steps];
};
const showResult = (job) => {
  const { photo, result, timelapse } = job.links, { width, height } = job;
  showDetails({
    title: job.photo,
    subtitle: capital(inStyle(tilesOf(job), namesOf(job), job.poster)),
    download: `${result}?download=1`,
    file: "",
    timelapse,
    job: job.id,
    paintings: job.paintings.map(({ name, share }) => ({
      name: titleOfPainting(name),
      thumb: thumbOf(name),
      share: job.paintings.length > 1 ? percent(share) : "",
    })),
    facts: [
      ["gallery.size", width && height && `${width} × ${height} px`],
      ["page.preset", job.preset && text(`page.preset.${job.preset}`)],
      ["gallery.time_taken", paintedIn(job) && duration(paintedIn(job))],
      ["gallery.finished", job.finished && dated(job.finished)],
      ["gallery.network", job.network],
    ],
  });
  const right = { alt: titleOf(job), preview: `${result}?small=1`, href: result, size: width && height ? [height, width] : null };
  compare(photoSide({ title: job.photo, preview: `${photo}?small=1`, href: photo }), resultSide(right));
};
const showPreview = () => {
  const photo = currentPhoto(), subtitle = capital(inStyle(chosenTiles(), namesOfTiles(chosenTiles())));
  showDetails({ title: photo.name, subtitle, file: "", paintings: [], facts: [["page.preset", text("page.preview")]] });
  compare(
    photoSide({ title: photo.name, preview: photo.thumb, href: null }),
    resultSide({ alt: `${photo.name} ${subtitle}`, preview: shownPreview(), href: null, size: null }),
  );
};
const addressOf = (job) => `${location.pathname}${location.search}${job ? `#${job.id}` : ""}`;
const wanted = () => {
  const id = addressHash();
  return id === PREVIEW.id ? shownPreview() && currentPhoto() && PREVIEW : finishedJobs().find((each) => each.id === id);
};
export { follow };
// Opens a job's result, or without one the preview.
export const openResult = (job) => {
  pushAddress(addressOf(job || PREVIEW));
  follow();
};

const showWanted = (job, another) => { if (another && job === PREVIEW) showPreview(); else if (another) showResult(job); };
navigate({ neighbour, addressOf, wanted, show: showWanted, closed: () => {} });
byId("views").addEventListener("change", ({ target }) => { setView(target.value); fitPictures(); });
