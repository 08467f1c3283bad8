// The page that takes orders and shows the queue.
import { by } from "./shared/elements.js";
import { dated, deviceName, duration, percent, text } from "./shared/texts.js";
import { ask } from "./api.js";
import { connect } from "./connection.js";
import { receive } from "./files.js";
import { bindJobs, fetchJobs, finishedJobs, updateJob } from "./jobs.js";
import { addPaintings, loadStyles, thumbOf } from "./styles.js";
import { bindMask } from "./mask.js";
import { bindOrder, loadEstimates, orderAgain } from "./order.js";
import { addPhotos } from "./photos.js";
import { bindPreviews } from "./previews.js";
import { bindResults, openResult } from "./result.js";
import { styleOf, paintingName, titleOf } from "./words.js";

const seconds = (job) => job.started && job.finished ? (Date.parse(job.finished) - Date.parse(job.started)) / 1000 : null;
const resultOf = (job) => ({
  id: job.id,
  title: job.photo,
  subtitle: styleOf(job),
  alt: titleOf(job),
  photo: { preview: `${job.links.photo}?small=1`, href: job.links.photo },
  preview: `${job.links.result}?small=1`,
  href: job.links.result,
  size: job.width && job.height ? [job.height, job.width] : null,
  download: `${job.links.result}?download=1`,
  timelapse: job.links.timelapse,
  onAgain: () => orderAgain(job),
  paintings: job.paintings.map(({ name, share }) => ({ name: paintingName(name), thumb: thumbOf(name), share: job.paintings.length > 1 ? percent(share) : "" })),
  facts: [
    [text("gallery.size"), job.width && job.height && `${job.width} × ${job.height} px`],
    [text("page.preset"), job.preset && text(`page.preset.${job.preset}`)],
    [text("gallery.time_taken"), seconds(job) && duration(seconds(job))],
    [text("gallery.finished"), job.finished && dated(job.finished)],
    [text("gallery.network"), job.network],
  ],
});
// The same object as long as the job is the same: the dialog shows it once.
const shown = new WeakMap();
const results = () => finishedJobs().map((job) => {
  if (!shown.has(job)) shown.set(job, resultOf(job));
  return shown.get(job);
});

const LOOK_AGAIN_MS = 5000;
// Shows the device that paints, once it is ready.
const showSystem = async () => {
  let device = null, ready = false;
  try { ({ device, ready } = await ask("/api/system")); } catch { /* Another message says that the server does not answer. */ }
  if (!ready) setTimeout(showSystem, LOOK_AGAIN_MS);
  if (!ready) by("system").textContent = text("page.service_starting");
  else by("system").textContent = device ? text("page.ready_on", { device: deviceName(device.split(", fastest in")[0]) }) : text("page.ready");
};
let lookingAgain = 0;
// Loads styles and paintings, and tries again after a failure.
const showStyles = async () => {
  clearTimeout(lookingAgain);
  try {
    await loadStyles();
    by("styles-away").textContent = "";
  } catch (refusal) {
    if (!by("styles").childElementCount) by("styles-away").textContent = refusal.message;
    lookingAgain = setTimeout(showStyles, LOOK_AGAIN_MS);
  }
};

const start = async () => {
  receive(addPhotos, addPaintings);
  bindOrder(updateJob);
  bindPreviews();
  bindMask();
  bindJobs({ again: orderAgain, open: openResult, ended: () => { loadEstimates(); } });
  loadEstimates();
  showSystem();
  await Promise.all([showStyles(), connect(updateJob, fetchJobs)]);
  // In another tab, paintings may have been added or deleted.
  document.addEventListener("visibilitychange", () => { if (!document.hidden) showStyles(); });
  bindResults(results);
  const again = new URLSearchParams(location.search).get("again");
  if (again) {
    history.replaceState(null, "", "/");
    try { orderAgain(await ask(`/api/jobs/${encodeURIComponent(again)}`)); } catch (refusal) { by("refused").textContent = refusal.message; }
  }
};
start();
