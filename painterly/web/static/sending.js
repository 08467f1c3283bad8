// Sends an order: each photo in each style, one after the other, as the queue has room for them.
import { root } from "./shared/elements.js";
import { askPatiently, AWAY, contentOf, formOf, GONE, newKey } from "./api.js";
import { jobWith, updateJob } from "./jobs.js";
import { forgetSent, isChosen, isGone, markSent, removePhotos } from "./photos.js";
import { ofFile, refuse } from "./words.js";

// These concern the next photo, too; all others are of one photo.
const OF_ALL = [...AWAY, 401, 403, 429];

let stopping = null;
export const stopSending = () => stopping.abort();

// onWait is called with the reason for a wait, and with null once the next picture needs none. signal: ends a wait.
const sendOne = async (photo, request, onWait, signal) => {
  const { keys, jobs } = photo.sent, order = JSON.stringify(request);
  if (jobs.has(order)) return null;
  if (!keys.has(order)) keys.set(order, newKey());
  // An earlier job of this order has the photo and the mask, unless it is deleted.
  const earlier = [...jobs.values()].find(jobWith), source = earlier || photo.job || photo.kept, mask = earlier ? null : await photo.mask;
  const body = source ? formOf({ again: source, ...request }, null, mask) : formOf(request, await contentOf(photo.file), mask);
  const isOver = () => signal?.aborted || !isChosen(photo);
  let waits = false;
  const how = { signal, isOver, onWait: (why) => { waits = true; onWait(why); } };
  try {
    const job = await askPatiently(`${root}/api/jobs`, { method: "POST", body, headers: { "Idempotency-Key": keys.get(order) } }, how);
    if (!waits) onWait(null);
    jobs.set(order, job.id);
    updateJob(job);
    return job;
  } catch (refusal) {
    if (refusal.status !== 404 || source !== photo.kept || !photo.file) throw refusal;
    isGone(photo); // It was kept for an hour.
    return sendOne(photo, request, onWait, signal);
  }
};

// Orders one picture of a photo that is stored from what is on the stage, unless that was done before.
export const store = (photo, request) => sendOne(photo, request, () => {});
// Sends chosen photos, and says at once why some are not. Returns the accepted jobs. onSend is called with a picture's number and
// the number of all, and onWait with the number of pictures that wait, and why, or null.
export const send = async (photos, requests, onSend, onWait) => {
  const refused = [], accepted = [], { length } = requests, whole = photos.length * length;
  const { signal } = stopping = new AbortController();
  let unsent = false;
  for (const [number, photo] of photos.entries()) {
    if (signal.aborted) break;
    if (!isChosen(photo)) continue; // Removed while another one waited.
    try {
      for (const [at, request] of requests.entries()) {
        onSend(length * number + at + 1, whole);
        const left = () => length * photos.slice(number).filter(isChosen).length - at;
        const job = await sendOne(photo, request, (why) => onWait(left(), why), signal);
        if (job) accepted.push(job);
      }
      markSent(photo);
    } catch (refusal) {
      const { status, message } = refusal, isOfAll = OF_ALL.includes(status);
      if (status === undefined) throw refusal;
      if (!isChosen(photo)) continue;
      if (status === GONE) removePhotos([photo]); else unsent = true;
      refused.push(isOfAll ? message : ofFile(photo, message));
      refuse(...refused);
      if (isOfAll) break;
    }
  }
  if (!unsent) forgetSent(photos);
  return { accepted, refused };
};
