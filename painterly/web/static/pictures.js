// Pictures that change in place, such as the previews of a job.
import { loaded } from "./shared/elements.js";

const PREVIEW_EVERY_MS = 1000, LONGEST_RETRY_MS = 30000;

// Returns a function that shows an address once it has loaded, so that nothing flickers, and nothing for null. The next preview of the
// same job follows after a pause, and a picture that could not be loaded is tried again later: the server or its storage may be
// unavailable. shown: is called with the picture, or null.
export const steady = (image, shown = () => {}) => {
  let wanted = null, at = null, loading = null, failures = 0;
  const show = async (address) => {
    wanted = address;
    const path = address && address.split("?")[0];
    if (loading ? loading === path : at === address) return;
    loading = path;
    const picture = address && await loaded(address);
    if (loading !== path) return; // Another one is wanted.
    if (picture || !address) {
      at = address;
      image.hidden = !picture;
      if (picture) image.src = address;
      shown(picture);
    }
    if (!address) return;
    failures = picture ? 0 : failures + 1;
    const pause = picture ? path.endsWith("/preview") && PREVIEW_EVERY_MS : Math.min(LONGEST_RETRY_MS, PREVIEW_EVERY_MS * 2 ** failures);
    setTimeout(() => {
      if (loading !== path) return;
      loading = null;
      if (image.isConnected) show(wanted);
    }, pause);
  };
  return show;
};
