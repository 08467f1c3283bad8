// What the page knows: each fact once, in a signal, and what follows from it. Other modules change it by the functions below, and show it
// in effects, which run again once something that they read has changed. Nothing here touches the document or the server.
import { batch, computed, effect, signal, untracked } from "./signals.js";
export { batch, computed, effect, untracked };

// The chosen photos. Each has an id, a name, the address of a thumb, and where it is: its file, or the id under which the server has kept
// it, or the id of a job that has it; way: a promise while it is sent. mask: the address of its mask, which is data: if it was drawn here;
// masked: whether that leaves anything out; drawing: its strokes. unshown: whether the browser cannot show it. frames: the number of frames
// of a clip, and care: its preset. suits: what it shows, and the styles that are kind to that. They are replaced, never changed, so that a
// photo that was read before an answer came says how it was then.
export const photos = signal([]);
const NEW = {
  file: null, kept: null, job: null, way: null, mask: null, drawing: null, frames: null, care: "instant", unshown: false,
  suits: null,
};
const currentId = signal(null);
// What part of a photo has been sent, by the photo's id.
export const parts = signal(new Map());
export const photoWith = (id) => photos.value.find((each) => each.id === id);
export const photo = computed(() => photoWith(currentId.value) || null);
export const isUnsent = ({ file, kept, job }) => file !== null && !(kept || job);

// The jobs that the server knows, by their ids, and the one on the stage; without one, the stage has the photo. leaving: the ids of those
// whose deletion can still be undone. They are listed nowhere. printing: the one that is printed once it is done.
export const jobs = signal(new Map()), printing = signal(null);
const shownId = signal(null), leaving = signal(new Set());
export const jobWith = (id) => jobs.value.get(id);
export const isLeaving = ({ id }) => leaving.value.has(id);
export const hideJobs = (ids, isGone) => {
  leaving.value = new Set(isGone ? [...leaving.value, ...ids] : [...leaving.value].filter((each) => !ids.includes(each)));
};
export const shownJob = computed(() => jobWith(shownId.value));
export const isActive = ({ state }) => ["queued", "painting"].includes(state);
export const isGoing = (job) => job.state === "cancelled" || isLeaving(job);
const newest = (first, second) => String(second.finished || second.created).localeCompare(String(first.finished || first.created));
const earliest = (first, second) => first.place - second.place || -newest(first, second); // The queue, in its order.
const listed = computed(() => [...jobs.value.values()].filter((each) => !isLeaving(each)));
export const activeJobs = computed(() => listed.value.filter(isActive).sort(earliest));
export const endedJobs = computed(() => listed.value.filter((each) => !isActive(each)).sort(newest));
export const finishedJobs = computed(() => endedJobs.value.filter(({ state }) => state === "done"));
export const keepJob = (job) => { jobs.value = new Map(jobs.value).set(job.id, job); };
export const dropJobs = (ids) => { jobs.value = new Map([...jobs.value].filter(([id]) => !ids.includes(id))); };

// What is on the stage. lineAt: where the user left the line. isSheetOpen: whether the settings are shown.
export const lineAt = signal(null), isSheetOpen = signal(false);
export const showJob = (id) => batch(() => {
  if (shownId.peek() !== id) lineAt.value = null;
  shownId.value = id;
});
export const showOrder = () => showJob(null);
export const showPhoto = (id) => batch(() => { currentId.value = id; showOrder(); });

export const addPhoto = (about, at = photos.value.length) => batch(() => {
  const added = { ...NEW, id: crypto.getRandomValues(new Uint32Array(2)).join("-"), masked: Boolean(about.mask), ...about };
  photos.value = photos.value.toSpliced(at, 0, added);
  showPhoto(added.id);
  return added;
});
export const changePhoto = (id, about) => {
  photos.value = photos.value.map((each) => each.id === id ? { ...each, ...about } : each);
};
// Their orders go with them. The last one takes the place of the one on the stage.
export const dropPhotos = (ids) => batch(() => {
  photos.value = photos.value.filter(({ id }) => !ids.includes(id));
  orders.value = orders.value.filter((each) => !ids.includes(each.photo));
  if (ids.includes(currentId.peek())) currentId.value = photos.value.at(-1)?.id ?? null;
});

// The styles in the order of the server's list, as it describes them: an id, a name, a title, perhaps an artist, a short name, a year and
// a medium, a thumb, the `order` that chooses it, the shares of its paintings, its own settings, and the place of the sample photo in it on
// a picture of all. taken: the paintings whose deletion can still be undone.
export const styles = signal([]), taken = signal(new Set());
// What the user has chosen, and is chosen tomorrow as well. ids: of the styles, or null. several: whether there may be more than one.
// isBlend: whether these are blended, in shares that `weights` has. changes: the settings that differ from those of the styles or the
// service. extent and paper: the size. preset: the quality of photos; a clip has its own.
export const choice = signal({
  ids: null, several: false, isBlend: true, weights: {}, changes: {}, extent: "screen", paper: null, preset: "instant",
});
// The choices before, the latest last. group: the gesture that made a choice. The steps of one gesture are undone at once.
const past = signal([]);
export const choose = (about, group = null) => batch(() => {
  const before = choice.peek();
  if (group === null || past.peek().at(-1)?.group !== group) past.value = [...past.peek(), { before, group }];
  choice.value = { ...before, ...about };
});
export const isGesture = computed(() => Boolean(past.value.at(-1)?.group));
export const endGesture = () => { past.value = past.peek().map(({ before }) => ({ before, group: null })); };
export const chooseAgain = () => batch(() => {
  const last = past.peek().at(-1);
  if (!last) return false;
  past.value = past.peek().slice(0, -1);
  choice.value = last.before;
  showOrder();
  return true;
});
export const restoreChoice = (about) => { choice.value = { ...choice.peek(), ...about }; };

// The wall: the styles that suit the photo come first.
export const wall = computed(() => {
  const { subject = null, styles: kind = [] } = photo.value?.suits || {};
  const rankOf = ({ order }) => (kind.includes(order.style) ? kind.indexOf(order.style) : kind.length);
  const there = styles.value.filter(({ shares }) => !Object.keys(shares).some((name) => taken.value.has(name)));
  return there.map((each) => ({ ...each, suits: rankOf(each) < kind.length ? subject : null }))
    .sort((one, other) => rankOf(one) - rankOf(other));
});
// Until the user chooses, it is the first one that suits the photo, or else that of the sample; a photo is always shown in one.
export const sampleStyle = signal("");
export const chosen = computed(() => {
  const { ids, several } = choice.value, [first] = wall.value;
  const there = wall.value.filter(({ id }) => ids?.includes(id));
  if (ids && (there.length || several)) return there;
  const ofSample = ids ? [] : wall.value.filter(({ order }) => order.style === sampleStyle.value);
  return first?.suits ? [first] : ofSample.length ? ofSample : photo.value && first ? [first] : [];
});
export const isBlended = computed(() => chosen.value.length > 1 && choice.value.isBlend);
export const WHOLE = 100; // percent of a blend
export const weightOf = ({ id }) => choice.value.weights[id] ?? WHOLE / Math.max(2, chosen.value.length);
// The parts of an order that choose the style: one for each style, or one for the blend.
export const chosenStyles = computed(() => {
  if (!isBlended.value) return chosen.value.map(({ order }) => order);
  const paintings = {};
  for (const each of chosen.value) {
    for (const [name, share] of Object.entries(each.shares)) paintings[name] = (paintings[name] || 0) + weightOf(each) * share;
  }
  // The server refuses a share of 0.
  return [{ paintings: Object.fromEntries(Object.entries(paintings).filter(([, share]) => share > 0)) }];
});
// The settings that all chosen styles share; a blend has none.
export const stylesSettings = computed(() => {
  const [first = { settings: {} }, ...others] = isBlended.value ? [] : chosen.value;
  const common = ([name, value]) => others.every((each) => each.settings[name] === value);
  return Object.fromEntries(Object.entries(first.settings).filter(common));
});
// Clips have a quality of their own, and no paper.
export const careOf = (photo) => (photo?.frames ? photo.care : choice.value.preset);
export const extentOf = (photo) => (photo?.frames && choice.value.extent === "paper" ? "screen" : choice.value.extent);
export const chooseCare = (preset) => {
  if (photo.peek()?.frames) changePhoto(photo.peek().id, { care: preset }); else choose({ preset });
};

// How long pictures take. own: for each preset at its own size. ofQuery: for the size or the clip that `query` names, once it is known.
export const times = signal({ own: {}, query: "", ofQuery: null });

// The preview of the order: an address and, if it is the result that a job by preset instant has, its file, request and photo; or null.
// work: whether it is being painted. isLater: whether previews wait for the queue. refined: the pictures that jobs paint more finely, by
// their ids. sketches: what each tile of the wall shows of the photo, by its id: an address, or the reason why there is none; until then,
// it waits.
export const preview = signal(null), work = signal(false), isLater = signal(false);
export const refined = signal(new Map()), sketches = signal(new Map());
export const refine = (id, picture) => { refined.value = new Map(refined.value).set(id, picture); };
export const shownResult = computed(() => {
  if (shownJob.value) return (isActive(shownJob.value) && refined.value.get(shownJob.value.id)) || null;
  // The one before stays until the new one's is painted. A clip's is only its first frame.
  const { id, frames } = photo.value || {}, isOfPhoto = id !== undefined && preview.value?.photo === id && !frames;
  return isOfPhoto && preview.value.file && !work.value ? preview.value : null;
});

// The orders of this page. Each has the id of a chosen photo, or that of a job whose photo is painted (`from`); the photo's name, the
// request and mask, a key, so that nothing is painted twice, and a state: waiting, refused, or accepted as a job. run: the number of the
// time when it was ordered. A refused one is sent again with its key if it is ordered again.
export const orders = signal([]), wait = signal(null); // Why they wait, or null.
export const waiting = computed(() => orders.value.filter(({ state }) => state === "waiting"));
export const isSending = computed(() => waiting.value.length > 0);
// The order that wants the same, unless its picture has failed, was cancelled, or is deleted.
const sameAs = (wanted) => orders.value.findLast((each) => {
  const job = each.job && jobWith(each.job), isLost = each.job && (!job || isGoing(job) || job.state === "failed");
  const isSame = ["photo", "from", "mask"].every((name) => each[name] === wanted[name]);
  return isSame && !isLost && JSON.stringify(each.request) === JSON.stringify(wanted.request);
});
export const jobOfOrder = (wanted) => jobWith(sameAs(wanted)?.job);
// Returns the keys of what is wanted. What is queued or done exactly so is not ordered again.
export const addOrders = (wanted) => batch(() => {
  const run = isSending.value ? orders.value.at(-1).run : (orders.value.at(-1)?.run ?? 0) + 1;
  return wanted.map((each) => {
    const same = sameAs(each);
    if (same?.state === "refused") setOrder(same.key, { state: "waiting", run });
    if (!same) orders.value = [...orders.value, { ...each, state: "waiting", job: null, run }];
    return (same || each).key;
  });
});
const setOrder = (key, about) => { orders.value = orders.value.map((each) => each.key === key ? { ...each, ...about } : each); };
export const acceptOrder = (key, job) => setOrder(key, { state: "accepted", job });
// Those of the waiting orders that are meant can be ordered again.
export const refuseOrders = (isMeant) => {
  orders.value = orders.value.map((each) => each.state === "waiting" && isMeant(each) ? { ...each, state: "refused" } : each);
};
// The mask of a photo is at another address now.
export const moveMask = (id, from, to) => {
  changePhoto(id, { mask: to });
  orders.value = orders.value.map((each) => each.photo === id && each.mask === from ? { ...each, mask: to } : each);
};
// The number of those that are being sent, and the place of the one that is on its way.
export const sent = computed(() => {
  const all = orders.value.filter(({ run }) => run === orders.value.at(-1).run), whole = all.length;
  return { at: whole - waiting.value.length + 1, whole };
});
export const restoreOrders = (before) => { orders.value = [...before, ...orders.value]; };

// Reasons why something was not done, by the act that they concern: each act says and takes back only its own. asked: what an order that
// lacks something asked for.
export const notices = signal(new Map()), asked = signal(null);
export const refuse = (act, ...reasons) => {
  const said = reasons.filter(Boolean), others = [...notices.peek()].filter(([each]) => each !== act);
  if (said.length || others.length < notices.peek().size) notices.value = new Map(said.length ? [...others, [act, said]] : others);
};
// The user has seen them.
export const clearNotices = () => batch(() => { asked.value = null; if (notices.peek().size) notices.value = new Map(); });
