// Deletes the pictures of jobs, with an undo.
import { byId } from "./shared/elements.js";
import { deleteJobs } from "./deleting.js";
import { dropJobs, updateJob } from "./jobs.js";
import { keepPhotosOf } from "./photos.js";

// The page keeps the job until the service says that it is back, or could not be deleted.
export const removeJob = async (job, withPhoto = false) => {
  if (!withPhoto) await keepPhotosOf(job).catch(() => {}); // Without an answer, the job is not deleted either.
  const cell = document.querySelector(`[data-of="${job.id}"]`), hadFocus = cell && cell.contains(document.activeElement);
  const next = cell && (cell.nextElementSibling || cell.previousElementSibling);
  const hide = (ids, isGone, there = [job]) => { if (isGone) dropJobs(ids); else there.forEach(updateJob); };
  deleteJobs([job.id], hide, withPhoto);
  if (hadFocus) (next ? next.querySelector(".cell") : byId("heading")).focus({ preventScroll: true });
};
