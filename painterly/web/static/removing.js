// Deletes the pictures of jobs, with an undo.
import { byId } from "./shared/elements.js";
import { deleteJobs } from "./deleting.js";
import { dropJob, updateJob } from "./jobs.js";

const hide = (ids, isGone, there = []) => {
  if (isGone) for (const id of ids) dropJob(id);
  for (const job of there) updateJob(job);
};
// The page keeps the job until the service says that it is back, or could not be deleted.
export const removeJob = (job, withPhoto = false) => {
  const cell = document.querySelector(`[data-of="${job.id}"]`), hadFocus = cell && cell.contains(document.activeElement);
  const next = cell && (cell.nextElementSibling || cell.previousElementSibling);
  deleteJobs([job.id], (ids, isGone, there) => hide(ids, isGone, isGone || there ? there : [job]), withPhoto);
  if (hadFocus) (next ? next.querySelector(".cell") : byId("heading")).focus({ preventScroll: true });
};
