// One result in the dialog: compared with its photo, zoomed, downloaded. The address names it, so that "back" closes it.
import { addressHash, pushAddress } from "./shared/address.js";
import { byId } from "./shared/elements.js";
import { dated, duration, percent, text } from "./shared/texts.js";
import { compare, dialog, photoSide, resultSide, setView } from "./shared/compare.js";
import { navigate, openDialog, showDetails } from "./shared/dialog.js";
import { fitPictures } from "./shared/zoom.js";
import { finishedJobs } from "./jobs.js";
import { thumbOf } from "./styles.js";
import { paintingName, titleOf } from "./words.js";

let current = null;

const seconds = ({ started, finished }) => started && finished ? (Date.parse(finished) - Date.parse(started)) / 1000 : 0;
const neighbour = (steps) => {
  const list = finishedJobs(), at = list.findIndex(({ id }) => id === current.id);
  return at < 0 ? undefined : list[at + steps];
};
const showResult = (job) => {
  const { photo, result, timelapse } = job.links, { width, height } = job;
  current = job;
  showDetails({
    title: job.photo,
    subtitle: job.style,
    download: `${result}?download=1`,
    file: "",
    timelapse,
    job: job.id,
    paintings: job.paintings.map(({ name, share }) => ({ name: paintingName(name), thumb: thumbOf(name), share: job.paintings.length > 1 ? percent(share) : "" })),
    facts: [
      ["gallery.size", width && height && `${width} × ${height} px`],
      ["page.preset", job.preset && text(`page.preset.${job.preset}`)],
      ["gallery.time_taken", seconds(job) && duration(seconds(job))],
      ["gallery.finished", job.finished && dated(job.finished)],
      ["gallery.network", job.network],
    ],
  });
  const right = { alt: titleOf(job), preview: `${result}?small=1`, href: result, size: width && height ? [height, width] : null };
  compare(photoSide({ title: job.photo, preview: `${photo}?small=1`, href: photo }), resultSide(right));
  fitPictures();
};
const addressOf = (job) => `${location.pathname}${location.search}${job ? `#${job.id}` : ""}`;
// Opens the result that the address names.
export const follow = () => {
  const id = addressHash(), job = finishedJobs().find((each) => each.id === id);
  if (!job) { dialog.close(); return; }
  if (!dialog.open || current.id !== job.id) showResult(job);
  openDialog();
};
export const openResult = (job) => {
  pushAddress(addressOf(job));
  follow();
};

navigate({ neighbour, addressOf, isOpen: () => location.hash !== "", follow, closed: () => {} });
byId("views").addEventListener("change", ({ target }) => { setView(target.value); fitPictures(); });
