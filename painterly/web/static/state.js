// What the page knows: each fact once, in a signal, and what follows from it. Other modules change it by the functions below, and show it
// in effects, which run again whenever something that they read has changed. Nothing here touches the document or the server, except that
// `effect` is where others do.
import { batch, computed, effect, signal, untracked } from "./signals.js";
export { batch, computed, effect, signal, untracked };

// The chosen photos. Each has an id, a name, the address of a thumb, and where it is: its file, or the id under which the server has kept
// it, or the id of a job that has it. mask: the file that is sent, in a promise; maskAddress: where a job has it; masked: whether there is
// one; drawing: its strokes. unshown: whether the browser cannot show it. frames: the number of frames of a clip. They are replaced, never
// changed, so that a photo that was read before an answer came says how it was then.
export const photos = signal([]);
const NEW = {
  file: null, kept: null, job: null, isSent: false, mask: null, maskAddress: null, drawing: null, frames: null, unshown: false,
};
const currentId = signal(null);
export const photoWith = (id) => photos.value.find((each) => each.id === id);
export const photo = computed(() => photoWith(currentId.value) || null);
// Whether it would be lost with the page.
export const isUnsent = ({ file, kept, job, isSent }) => file !== null && !(kept || job || isSent);

// The jobs that the server knows, by their ids, and the one on the stage; without one, the stage has the photo.
export const jobs = signal(new Map());
const shownId = signal(null);
export const jobWith = (id) => jobs.value.get(id);
// The ids of jobs whose deletion can still be undone. They are listed nowhere.
const leaving = signal(new Set());
export const isLeaving = ({ id }) => leaving.value.has(id);
export const hideJobs = (ids, isGone) => { leaving.value = isGone ? leaving.value.union(new Set(ids)) : leaving.value.difference(new Set(ids)); };
export const shownJob = computed(() => jobWith(shownId.value));
export const isActive = ({ state }) => ["queued", "painting"].includes(state);
const newest = (first, second) => String(second.finished || second.created).localeCompare(String(first.finished || first.created));
const earliest = (first, second) => first.place - second.place || -newest(first, second); // The queue, in its order.
const listed = computed(() => [...jobs.value.values()].filter((each) => !isLeaving(each)));
export const activeJobs = computed(() => listed.value.filter(isActive).sort(earliest));
export const endedJobs = computed(() => listed.value.filter((each) => !isActive(each)).sort(newest));
export const finishedJobs = computed(() => endedJobs.value.filter(({ state }) => state === "done"));
export const keepJob = (job) => { jobs.value = new Map(jobs.value).set(job.id, job); };
export const dropJobs = (ids) => { jobs.value = new Map([...jobs.value].filter(([id]) => !ids.includes(id))); };

// What is on the stage. lineAt: where the user left the line.
export const lineAt = signal(null);
export const showJob = (id) => batch(() => {
  if (shownId.peek() !== id) lineAt.value = null;
  shownId.value = id;
});
export const showOrder = () => showJob(null);
export const showPhoto = (id) => batch(() => { currentId.value = id; showOrder(); });

export const addPhoto = (about, at = photos.value.length) => batch(() => {
  const added = { ...NEW, id: crypto.getRandomValues(new Uint32Array(2)).join("-"), masked: Boolean(about.maskAddress), ...about };
  photos.value = photos.value.toSpliced(at, 0, added);
  showPhoto(added.id);
  return added;
});
export const changePhoto = (id, about) => batch(() => {
  photos.value = photos.value.map((each) => each.id === id ? { ...each, ...about } : each);
  if ("drawing" in about) setOrders(orders.value.filter((each) => each.photo !== id)); // With another mask, they are others.
});
// Their orders go with them. The last one takes the place of the one on the stage.
export const dropPhotos = (ids) => batch(() => {
  photos.value = photos.value.filter(({ id }) => !ids.includes(id));
  setOrders(orders.value.filter((each) => !ids.includes(each.photo)));
  if (ids.includes(currentId.peek())) showPhoto(photos.value.at(-1)?.id ?? null);
});

// The preview of the order: an address and, if it is the result that a job by preset instant has, its file, request and photo; or null.
// work: whether it is being painted, "later" if only after the queue. refined: the pictures that jobs paint more finely, by their ids.
export const preview = signal(null), work = signal(false), refined = signal(new Map());
// The picture on the stage that can be saved at once: the order's, or the one that a job paints more finely.
export const shownResult = computed(() => {
  if (shownJob.value) return (isActive(shownJob.value) && refined.value.get(shownJob.value.id)) || null;
  // The one before stays until the new one's is painted. A clip's is only its first frame.
  const { id, frames } = photo.value || {}, isOfPhoto = id !== undefined && preview.value?.photo === id && !frames;
  return isOfPhoto && preview.value.file && !work.value ? preview.value : null;
});

// The orders that are still to be accepted, and those of the same time that were. Each has the id of a chosen photo, or that of a job whose
// photo is painted; the photo's name, the request, a key, so that nothing is painted twice, and a state: waiting, refused or accepted.
// A refused one is sent again with its key if it is ordered again.
export const orders = signal([]), wait = signal(null); // Why they wait, or null.
export const waiting = computed(() => orders.value.filter(({ state }) => state === "waiting"));
export const isSending = computed(() => waiting.value.length > 0);
const isSame = (one, other) => (
  one.photo === other.photo && one.job === other.job && JSON.stringify(one.request) === JSON.stringify(other.request)
);
// Once all were accepted, the same order may come again.
const setOrders = (all) => { orders.value = all.some(({ state }) => state !== "accepted") ? all : []; };
// Returns the keys of what is wanted.
export const addOrders = (wanted) => {
  const before = orders.value, again = (each) => each.state === "refused" && wanted.some((other) => isSame(each, other));
  const added = wanted.filter((each) => !before.some((other) => isSame(each, other))).map((each) => ({ ...each, state: "waiting" }));
  orders.value = [...before.map((each) => again(each) ? { ...each, state: "waiting" } : each), ...added];
  return wanted.map((each) => orders.value.find((other) => isSame(each, other)).key);
};
// Settles those of the waiting orders that are meant.
export const settle = (isMeant, state) => {
  setOrders(orders.value.map((each) => each.state === "waiting" && isMeant(each) ? { ...each, state } : each));
};

// Reasons why something was not done, by the act that they concern: each act says and takes back only its own.
export const notices = signal(new Map());
export const refuse = (act, ...reasons) => {
  if (!reasons.join("") && !notices.peek().has(act)) return;
  const others = [...notices.peek()].filter(([each]) => each !== act), words = reasons.filter(Boolean).join(" ");
  notices.value = new Map(words ? [...others, [act, words]] : others);
};
// The user has seen them.
export const clearNotices = () => { if (notices.peek().size) notices.value = new Map(); };

// Counts the changes of the form: which styles, settings and size are chosen is kept by its fields.
export const form = signal(0);
