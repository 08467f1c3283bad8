// Sends the orders of the state, one after the other, as the queue has room for them.
import { root } from "./shared/elements.js";
import { askPatiently, AWAY, formOf, newKey } from "./api.js";
import { heard } from "./jobs.js";
import { drawnOn, idOf, isGone } from "./photos.js";
import { acceptOrder, addOrders, batch, orders, photoWith, refuse, refuseOrders, wait, waiting } from "./state.js";
import { ofFile } from "./words.js";

// These concern the next photo, too; all others are of one photo.
const OF_ALL = [...AWAY, 401, 403, 429];

// What is being sent: a controller that ends it, and a promise.
let running = null;
export const stopSending = () => running?.controller.abort();

const sendOne = async (order, signal) => {
  const { key, photo: id, from, mask, request } = order;
  const isOver = () => signal.aborted || !orders.value.some((each) => each.key === key);
  const how = { signal, isOver, onWait: (why) => { wait.value = why; } };
  const again = from || await idOf(id, how), headers = { "Idempotency-Key": key };
  const options = { method: "POST", body: formOf({ again, ...request }, null, await drawnOn(mask)), headers };
  try { return await askPatiently(`${root}/api/jobs`, options, how); } catch (refusal) {
    const { kept, file } = photoWith(id) || {};
    if (refusal.status !== 404 || again !== kept || !file) throw refusal;
    isGone(id); // It was kept for an hour.
    return sendOne(order, signal);
  }
};
const sendAll = async (signal) => {
  for (let order = waiting.value[0]; order; order = waiting.value[0]) {
    const { key, photo, from, name } = order;
    try {
      const job = await sendOne(order, signal);
      batch(() => {
        wait.value = null;
        heard(job);
        acceptOrder(key, job.id);
      });
    } catch (refusal) {
      const { status, message } = refusal, isOfAll = signal.aborted || OF_ALL.includes(status);
      if (status === undefined && refusal.name !== "AbortError") throw refusal;
      if (!orders.value.some((each) => each.key === key)) continue; // Its photo was removed, by its user or for this reason.
      refuseOrders((each) => isOfAll || (each.photo === photo && each.from === from));
      refuse(isOfAll ? "sending" : `photo-${photo || from}`, isOfAll ? message : ofFile({ name }, message));
    }
  }
};
const run = () => {
  const controller = new AbortController();
  const over = () => { running = wait.value = null; refuseOrders(() => true); };
  return { controller, done: sendAll(controller.signal).finally(over) };
};
// Orders pictures of chosen photos or of jobs, unless they are ordered already. Returns those orders that are accepted, with the ids of
// their jobs, and whether they are new.
export const post = async (wanted) => {
  const keys = wanted.map(newKey), places = addOrders(wanted.map((each, at) => ({ ...each, key: keys[at] })));
  const before = new Set(orders.value.filter(({ state }) => state === "accepted").map(({ key }) => key));
  running ||= run();
  await running.done;
  const all = places.map((key) => orders.value.find((each) => each.key === key));
  return all.filter((each) => each?.state === "accepted").map((each) => ({ ...each, isNew: !before.has(each.key) }));
};
