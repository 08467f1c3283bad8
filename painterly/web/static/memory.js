// What outlasts the page: the chosen photos for a reload of this tab, as the server has them, and the user's choice for tomorrow.
import { loaded, root } from "./shared/elements.js";
import { keep, recall } from "./shared/texts.js";
import { addPhotoOf, keptAt } from "./photos.js";
import { possible } from "./settings.js";
import {
  addPhoto, batch, choice, effect, jobWith, orders, photo as current, photos, restoreChoice, restoreOrders, showPhoto,
} from "./state.js";

const PHOTOS_AS = "painterly_photos", CHOICE_AS = `painterly_choice:${root}`, MOST_STORED = 20;

// Another tab may have chosen otherwise meanwhile.
restoreChoice(possible(recall(CHOICE_AS, "sessionStorage") || recall(CHOICE_AS) || {}));
effect(() => { for (const storage of ["sessionStorage", "localStorage"]) keep(CHOICE_AS, choice.value, storage); });

const remember = () => {
  const there = photos.value.filter(({ kept, job }) => kept || job).slice(-MOST_STORED);
  const stored = there.map(({ id, kept, job, name, frames, care, mask, masked }) => (
    { id, kept, job, name, frames, care, mask, masked, isShown: id === current.value?.id }
  ));
  const accepted = orders.value.filter(({ state }) => state === "accepted");
  keep(PHOTOS_AS, { photos: stored, orders: accepted }, "sessionStorage");
};
export const restorePhotos = async () => {
  const stored = recall(PHOTOS_AS, "sessionStorage"), wanted = (!photos.value.length && stored?.photos) || [];
  const there = await Promise.all(wanted.map(({ job, kept }) => job ? jobWith(job) : loaded(keptAt(kept))));
  // Photos that the user has chosen during the load take their place.
  if (!photos.value.length) batch(() => {
    for (const [at, { id, job, kept, name, frames, care, mask, masked }] of wanted.entries()) {
      if (!there[at]) continue;
      const about = { id, care, mask, masked }; // Its strokes become one.
      if (job) addPhotoOf(there[at], about); else addPhoto({ name, thumb: keptAt(kept), kept, frames, ...about });
    }
    const shown = wanted.find(({ id, isShown }) => isShown && photos.value.some((each) => each.id === id));
    if (shown) showPhoto(shown.id);
    restoreOrders(stored?.orders || []);
  });
  effect(remember);
};
