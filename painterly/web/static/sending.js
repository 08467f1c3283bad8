// Sends an order: each photo in each style, one after the other, as the queue has room for them.
import { root } from "./shared/elements.js";
import { text } from "./shared/texts.js";
import { ask, contentOf, formOf, GONE, newKey, Refusal } from "./api.js";
import { jobWith, updateJob } from "./jobs.js";
import { chosenPhotos, forgetSent, isGone, markSent, removePhotos } from "./photos.js";
import { ofFile, refuse } from "./words.js";

const isChosen = (photo) => chosenPhotos().includes(photo);
// A server that is busy for a moment is tried again some times before the page says that the queue is full.
const BUSY_S = 3, BUSY_TRIES = 3, LONGEST_S = 60; // LONGEST_S is the longest pause between two tries.
// While the queue is full, the server may restart.
const MISSING_SERVER = [0, 502, 503, 504];
// These concern the next photo, too; all others are of one photo. CUT_OFF: the server answers, but not to this photo.
const OF_ALL = [...MISSING_SERVER, 401, 403, 429], CUT_OFF = 2;

let stopped = false, endPause = () => {};
const pause = (seconds) => new Promise((resolve) => { endPause = resolve; setTimeout(resolve, 1000 * seconds); });
export const stopSending = () => { stopped = true; endPause(); };

// Returns the answer once the queue has room. onFull is called with whether it has none. Raises Refusal if the user stops it or removes the
// photo before that, or if the connection breaks again and again for this photo alone, as where a proxy limits its size.
const askWithRetries = async (photo, options, onFull) => {
  let full = false, cut = 0;
  for (let tries = 1; ; tries += 1) {
    try {
      const job = await ask(`${root}/api/jobs`, options);
      if (!full) onFull(false);
      return job;
    } catch (refusal) {
      const { status, after } = refusal, isCut = status === 0 && await ask(`${root}/healthz`).catch(() => null) !== null;
      cut = isCut ? cut + 1 : 0;
      if (cut > BUSY_TRIES) throw new Refusal(text("page.cut_off"), CUT_OFF);
      if (stopped || !(isCut || status === 429 || (full && MISSING_SERVER.includes(status)))) throw refusal;
      if (!full && !isCut && (after > BUSY_S || tries > BUSY_TRIES)) { full = true; onFull(true); }
      await pause(Math.min(after || BUSY_S, LONGEST_S));
      if (stopped || !isChosen(photo)) throw refusal;
    }
  }
};

const sendOne = async (photo, request, onFull) => {
  const { keys, jobs } = photo.sent, order = JSON.stringify(request);
  if (jobs.has(order)) return null;
  if (!keys.has(order)) keys.set(order, newKey());
  // An earlier job of this order has the photo and the mask, unless it is deleted.
  const earlier = [...jobs.values()].find(jobWith), source = earlier || photo.job || photo.kept, mask = earlier ? null : await photo.mask;
  const body = source ? formOf({ again: source, ...request }, null, mask) : formOf(request, await contentOf(photo.file), mask);
  try {
    const job = await askWithRetries(photo, { method: "POST", body, headers: { "Idempotency-Key": keys.get(order) } }, onFull);
    jobs.set(order, job.id);
    updateJob(job);
    return job;
  } catch (refusal) {
    if (refusal.status !== 404 || source !== photo.kept || !photo.file) throw refusal;
    isGone(photo); // It was kept for an hour.
    return sendOne(photo, request, onFull);
  }
};

// Orders one picture of a photo that is stored from what is on the stage, unless that was done before.
export const store = async (photo, request) => {
  stopped = false;
  await sendOne(photo, request, () => {});
};
// Sends the chosen photos, and says at once why some are not. Returns the accepted jobs. onSend is called with a picture's number and
// the number of all, and onFull with the number of pictures that wait for room, 0 once there is room.
export const send = async (requests, onSend, onFull) => {
  const photos = [...chosenPhotos()], refused = [], accepted = [], { length } = requests, whole = photos.length * length;
  let unsent = false;
  stopped = false;
  for (const [number, photo] of photos.entries()) {
    if (stopped) break;
    if (!isChosen(photo)) continue; // Removed while another one waited.
    try {
      for (const [at, request] of requests.entries()) {
        onSend(length * number + at + 1, whole);
        const left = () => length * photos.slice(number).filter(isChosen).length - at;
        const job = await sendOne(photo, request, (full) => onFull(full ? left() : 0));
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
  if (!unsent) forgetSent();
  return { accepted, refused };
};
