// Deletes the pictures of jobs, with an undo. A job that is not finished is painted on until then.
import { byId } from "./shared/elements.js";
import { deleteJobs } from "./deleting.js";
import { keepPhotosOf } from "./photos.js";
import { endedJobs, hideJobs } from "./state.js";

const withSamePhoto = ({ photo_etag: etag }) => endedJobs.value.filter((each) => etag && each.photo_etag === etag);
export const removeJob = (job, withPhoto = false) => {
  const cell = document.querySelector(`[data-of="${job.id}"]`), hadFocus = cell && cell.contains(document.activeElement);
  const next = cell && (cell.nextElementSibling || cell.previousElementSibling);
  const ids = new Set([job, ...(withPhoto ? withSamePhoto(job) : [])].map(({ id }) => id));
  deleteJobs([...ids], hideJobs, withPhoto, async () => { if (!withPhoto) await keepPhotosOf(job); });
  if (hadFocus) (next ? next.querySelector(".cell") : byId("heading")).focus({ preventScroll: true });
};
