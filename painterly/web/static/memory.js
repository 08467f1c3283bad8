// What outlasts the page: the chosen photos for a reload of this tab, as the server has them, and the user's choice for tomorrow.
import { loaded, root } from "./shared/elements.js";
import { addPhotoOf, keptAt } from "./photos.js";
import { possible } from "./settings.js";
import {
  addPhoto, batch, choice, effect, jobWith, orders, photo as current, photos, restoreChoice, restoreOrders, showPhoto,
} from "./state.js";

const PHOTOS_AS = "painterly_photos", CHOICE_AS = `painterly_choice:${root}`, MOST_STORED = 20;
// Users can forbid both.
const read = (storage, name) => { try { return JSON.parse(window[storage].getItem(name)); } catch { return null; } };
const write = (storage, name, value) => {
  try { window[storage].setItem(name, JSON.stringify(value)); } catch { /* It lasts as long as the page. */ }
};

// Another tab may have chosen otherwise meanwhile.
restoreChoice(possible(read("sessionStorage", CHOICE_AS) || read("localStorage", CHOICE_AS) || {}));
effect(() => { for (const storage of ["sessionStorage", "localStorage"]) write(storage, CHOICE_AS, choice.value); });

const fileOf = (drawn) => (
  new File([Uint8Array.from(atob(drawn.split(",")[1]), (each) => each.charCodeAt(0))], "mask.png", { type: "image/png" })
);
// The mask that was drawn on a photo. Its strokes become one.
const maskOf = ({ drawn, masked }) => {
  if (!drawn) return {};
  const mask = fileOf(drawn);
  return { mask, drawn, masked, maskAddress: URL.createObjectURL(mask) };
};
const remember = () => {
  const there = photos.value.filter(({ kept, job }) => kept || job).slice(-MOST_STORED);
  const stored = there.map(({ id, kept, job, name, frames, care, drawn, masked }) => (
    { id, kept, job, name, frames, care, drawn, masked, isShown: id === current.value?.id }
  ));
  const accepted = orders.value.filter(({ state }) => state === "accepted");
  write("sessionStorage", PHOTOS_AS, { photos: stored, orders: accepted });
};
export const restorePhotos = async () => {
  const stored = read("sessionStorage", PHOTOS_AS), wanted = (!photos.value.length && stored?.photos) || [];
  const there = await Promise.all(wanted.map(({ job, kept }) => job ? jobWith(job) : loaded(keptAt(kept))));
  // Photos that the user has chosen during the load take their place.
  if (!photos.value.length) batch(() => {
    for (const [at, { id, job, kept, name, frames, care, ...mask }] of wanted.entries()) {
      if (!there[at]) continue;
      const about = { id, care, ...maskOf(mask) };
      if (job) addPhotoOf(there[at], about); else addPhoto({ name, thumb: keptAt(kept), kept, frames, ...about });
    }
    const shown = wanted.find(({ id, isShown }) => isShown && photos.value.some((each) => each.id === id));
    if (shown) showPhoto(shown.id);
    restoreOrders(stored?.orders || []);
  });
  effect(remember);
};
