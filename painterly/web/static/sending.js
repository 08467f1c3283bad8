// Sends the orders of the state, one after the other, as the queue has room for them.
import { root } from "./shared/elements.js";
import { askPatiently, AWAY, formOf, newKey } from "./api.js";
import { heard } from "./jobs.js";
import { idOf, isGone } from "./photos.js";
import { addOrders, batch, changePhoto, orders, photoWith, refuse, settle, wait, waiting } from "./state.js";
import { ofFile } from "./words.js";

// These concern the next photo, too; all others are of one photo.
const OF_ALL = [...AWAY, 401, 403, 429];

let stopping = null, running = null;
export const stopSending = () => stopping?.abort();

// Returns the job that an order became.
const sendOne = async ({ key, photo: id, job: from, request }, signal) => {
  const isOver = () => signal.aborted || !orders.value.some((each) => each.key === key);
  const how = { signal, isOver, onWait: (why) => { wait.value = why; } };
  const again = from || await idOf(id, how), mask = from ? null : await photoWith(id)?.mask;
  const headers = { "Idempotency-Key": key }, options = { method: "POST", body: formOf({ again, ...request }, null, mask), headers };
  try { return await askPatiently(`${root}/api/jobs`, options, how); } catch (refusal) {
    const { kept, file } = photoWith(id) || {};
    if (refusal.status !== 404 || again !== kept || !file) throw refusal;
    isGone(id); // It was kept for an hour.
    return sendOne({ key, photo: id, request }, signal);
  }
};
// Returns the accepted jobs by the keys of their orders.
const sendAll = async () => {
  const accepted = new Map(), { signal } = stopping = new AbortController();
  for (let order = waiting.value[0]; order; order = waiting.value[0]) {
    const { key, photo, job: from, name } = order;
    try {
      const job = await sendOne(order, signal);
      accepted.set(key, job);
      batch(() => {
        wait.value = null;
        if (photo) changePhoto(photo, { isSent: true });
        heard(job);
        settle((each) => each.key === key, "accepted");
      });
    } catch (refusal) {
      const { status, message } = refusal, isOfAll = signal.aborted || OF_ALL.includes(status);
      if (status === undefined && refusal.name !== "AbortError") throw refusal;
      if (!orders.value.some((each) => each.key === key)) continue; // Its photo was removed, by its user or for this reason.
      settle((each) => isOfAll || (each.photo === photo && each.job === from), "refused");
      refuse(isOfAll ? "sending" : `photo ${photo || from}`, isOfAll ? message : ofFile({ name }, message));
    }
  }
  return accepted;
};
// Orders pictures of chosen photos or of jobs, unless they are ordered already. Returns the accepted jobs.
export const post = async (wanted) => {
  const keys = addOrders(wanted.map((each) => ({ photo: null, job: null, key: newKey(), ...each })));
  running ||= sendAll().finally(() => {
    running = wait.value = null;
    settle(() => true, "refused");
  });
  const accepted = await running;
  return keys.map((key) => accepted.get(key)).filter(Boolean);
};
