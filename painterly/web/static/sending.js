// Sends an order: each photo in each style, one after the other, as the queue has room for them.
import { ask, newKey } from "./api.js";
import { updateJob } from "./jobs.js";
import { chosenPhotos, forgetSent, markSent } from "./photos.js";
import { ofFile } from "./words.js";

const isChosen = (photo) => chosenPhotos().includes(photo);
// A server that is busy for a moment is tried again some times before the page says that the queue is full.
const BUSY_S = 3, BUSY_TRIES = 3, LONGEST_S = 60; // LONGEST_S is the longest pause between two tries.
// While the queue is full, the server may restart.
const MISSING_SERVER = [0, 502, 503, 504];

let stopped = false, endPause = () => {};
const pause = (seconds) => new Promise((resolve) => { endPause = resolve; setTimeout(resolve, 1000 * seconds); });
export const stopSending = () => { stopped = true; endPause(); };

// Returns the answer once the queue has room. Raises Refusal if the user stops it or removes the photo before that.
const askWithRetries = async (photo, options, onFull) => {
  let full = false;
  for (let tries = 1; ; tries += 1) {
    try { return await ask("/api/jobs", options); } catch (refusal) {
      if (stopped || !(refusal.status === 429 || (full && MISSING_SERVER.includes(refusal.status)))) throw refusal;
      if (!full && (refusal.after > BUSY_S || tries > BUSY_TRIES)) { full = true; onFull(); }
      await pause(Math.min(refusal.after || BUSY_S, LONGEST_S));
      if (stopped || !isChosen(photo)) throw refusal;
    }
  }
};

const sendOne = async (photo, request, onFull) => {
  const { keys, jobs } = photo.sent, order = JSON.stringify(request);
  if (jobs.has(order)) return null;
  if (!keys.has(order)) keys.set(order, newKey());
  // An earlier job of this order has the photo and the mask.
  const earlier = jobs.values().next().value, source = earlier || photo.job, mask = earlier ? null : await photo.mask;
  const body = new FormData();
  body.append("request", JSON.stringify(source ? { again: source, ...request } : request));
  if (!source) body.append("photo", photo.file, photo.name);
  if (mask) body.append("mask", mask, "mask.png");
  const options = { method: "POST", body, headers: { "Idempotency-Key": keys.get(order) } };
  const job = await askWithRetries(photo, options, onFull);
  jobs.set(order, job.id);
  return job;
};

// Sends the chosen photos. Returns the accepted jobs, and the reasons against the others. onSend is called with a picture's number and
// the number of all, and onFull with the number of pictures that wait for room.
export const send = async (requests, onSend, onFull) => {
  const photos = [...chosenPhotos()], refused = [], whole = photos.length * requests.length;
  const accepted = [];
  stopped = false;
  for (const [number, photo] of photos.entries()) {
    if (stopped) break;
    if (!isChosen(photo)) continue; // Removed while another one waited.
    try {
      for (const [at, request] of requests.entries()) {
        onSend(requests.length * number + at + 1, whole);
        const left = () => requests.length * photos.slice(number).filter(isChosen).length - at;
        const job = await sendOne(photo, request, () => onFull(left()));
        if (job) { accepted.push(job); updateJob(job); }
      }
      markSent(photo);
    } catch (refusal) {
      if (refusal.status === undefined) throw refusal;
      if (!isChosen(photo)) continue;
      // An error of one photo does not concern the next; a full queue or a missing server does.
      const isOfPhoto = [413, 415, 422].includes(refusal.status);
      refused.push(isOfPhoto ? ofFile(photo, refusal.message) : refusal.message);
      if (!isOfPhoto) break;
    }
  }
  if (!refused.length) forgetSent();
  return { accepted, refused };
};
