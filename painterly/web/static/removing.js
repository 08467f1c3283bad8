// Deletes the pictures of jobs, with an undo. A job that is not finished is painted on until then.
import { byId } from "./shared/elements.js";
import { deleteJobs } from "./deleting.js";
import { endedJobs, hideJobs } from "./jobs.js";
import { keepPhotosOf } from "./photos.js";
import { refuse } from "./words.js";

const withSamePhoto = ({ photo_etag: etag }) => endedJobs().filter((each) => etag && each.photo_etag === etag);
export const removeJob = (job, withPhoto = false) => {
  const cell = document.querySelector(`[data-of="${job.id}"]`), hadFocus = cell && cell.contains(document.activeElement);
  const next = cell && (cell.nextElementSibling || cell.previousElementSibling);
  const ids = new Set([job, ...(withPhoto ? withSamePhoto(job) : [])].map(({ id }) => id));
  let keep = () => {};
  const kept = new Promise((resolve, reject) => { keep = () => keepPhotosOf(job).then(resolve, reject); });
  deleteJobs([...ids], hideJobs, withPhoto, withPhoto ? undefined : kept);
  if (!withPhoto) keep();
  kept.catch(({ status, message }) => { if (status !== 404) { hideJobs([...ids], false); refuse(message); } });
  if (hadFocus) (next ? next.querySelector(".cell") : byId("heading")).focus({ preventScroll: true });
};
