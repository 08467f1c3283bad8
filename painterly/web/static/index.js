// The page that takes orders and shows the queue.
import { by } from "./shared/elements.js";
import { text, translated } from "./shared/texts.js";
import { ask } from "./api.js";
import { connect } from "./connection.js";
import { receive } from "./files.js";
import { bindJobs } from "./jobs.js";
import { addPaintings, loadStyles } from "./styles.js";
import { loadEstimates, orderAgain } from "./order.js";
import { addPhotos } from "./photos.js";
import "./previews.js";
import { follow, openResult } from "./result.js";

const LOOK_AGAIN_MS = 5000, MOST_LOOKS = 24;
let looks = 0, lookingAgain = 0;
// Shows the device that paints, and how long it takes: the worker takes some seconds to start, and some more to measure that.
const showWorker = async () => {
  let complete = false, system = { ready: false };
  try {
    complete = await loadEstimates();
    system = await ask("/api/system");
  } catch { /* Another message says that the server does not answer. */ }
  const { device, ready } = system, name = device && translated(device.split(", fastest in")[0]);
  if (!ready) by("system").textContent = text("page.service_starting");
  else by("system").textContent = device ? text("page.ready_on", { device: name }) : text("page.ready");
  looks += 1;
  if (!ready || (!complete && looks < MOST_LOOKS)) setTimeout(showWorker, LOOK_AGAIN_MS);
};
// Loads styles and paintings, and tries again after a failure.
const showStyles = async () => {
  clearTimeout(lookingAgain);
  try {
    await loadStyles();
    by("styles-away").textContent = "";
  } catch (refusal) {
    if (!by("styles").childElementCount) by("styles-away").textContent = refusal.message;
    lookingAgain = setTimeout(showStyles, LOOK_AGAIN_MS);
  }
};

receive(addPhotos, addPaintings);
bindJobs({ again: orderAgain, open: openResult, ended: () => loadEstimates().catch(() => {}) });
showWorker();
await Promise.all([showStyles(), connect()]);
// In another tab, paintings may have been added or deleted.
document.addEventListener("visibilitychange", () => { if (!document.hidden) showStyles(); });
follow();
const again = new URLSearchParams(location.search).get("again");
if (again) {
  history.replaceState(null, "", "/");
  try { orderAgain(await ask(`/api/jobs/${encodeURIComponent(again)}`)); } catch (refusal) { by("refused").textContent = refusal.message; }
}
