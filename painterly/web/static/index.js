// The page that takes orders, and shows them as they are painted.
import { byId, on, root, say } from "./shared/elements.js";
import { text, translated } from "./shared/texts.js";
import { ask, fetchFile } from "./api.js";
import { bindFileInputs } from "./files.js";
import { bindJobs, connect } from "./jobs.js";
import { addPaintings, loadStyles } from "./styles.js";
import { describe, follow, loadEstimates, orderAgain } from "./order.js";
import { addPhotos, restorePhotos } from "./photos.js";
import { updateLater } from "./previews.js";
import { sample } from "./stage.js";
import { jobWith, photos, refuse } from "./state.js";
import "./strip.js";

const RETRY_MS = 5000, SLOWER = 1.2, SLOWEST_MS = 30000;
let pause = RETRY_MS, retryTimer = 0, workerTimer = 0;
// Shows the device that paints, and how long it takes: the worker takes some seconds to start, and some minutes to measure that if it has
// other work.
const showWorker = async () => {
  clearTimeout(workerTimer);
  let complete = false, system = { ready: false };
  try {
    complete = await loadEstimates();
    system = await ask(`${root}/api/system`);
  } catch { /* Another message says that the server does not answer. */ }
  const { device, ready } = system, name = device && translated(device.split(", fastest in")[0]);
  if (!ready) say("system", text("page.service_starting"));
  else say("system", device ? text("page.ready_on", { device: name }) : text("page.ready"));
  if (ready && complete) return;
  workerTimer = setTimeout(showWorker, pause);
  pause = Math.min(SLOWEST_MS, SLOWER * pause);
};
// Loads styles and paintings, and tries again after a failure.
const showStyles = async () => {
  clearTimeout(retryTimer);
  try {
    await loadStyles();
    say("styles-away", "");
  } catch (refusal) {
    if (!byId("styles").childElementCount) say("styles-away", refusal.message);
    retryTimer = setTimeout(showStyles, RETRY_MS);
  }
};

bindFileInputs(addPhotos, addPaintings);
const showSample = async () => {
  if (photos.value.some(({ name }) => sample.photo.endsWith(`/${name}`))) return; // Before a reload, too.
  try { addPhotos([await fetchFile(sample.photo)]); } catch (refusal) { refuse("page", refusal.message); }
};
on("sample-photo", "click", showSample);
// After a restart of the server, everything is asked for again.
const returned = () => { pause = RETRY_MS; showWorker(); showStyles(); updateLater(); };
bindJobs({ ended: () => loadEstimates().catch(() => {}), returned });
showWorker();
await showStyles(); // They name the jobs.
await connect();
// In another tab, paintings may have been added or deleted.
on(document, "visibilitychange", () => { if (!document.hidden) showStyles(); });
if (location.hash) (await import("./result.js")).follow();
await restorePhotos(jobWith, describe, follow);
const asked = new URLSearchParams(location.search), again = asked.get("again");
if (asked.size) history.replaceState(null, "", `${root}/`);
if (asked.has("sample")) showSample();
if (again) {
  try { orderAgain(await ask(`${root}/api/jobs/${encodeURIComponent(again)}`)); } catch (refusal) { refuse("page", refusal.message); }
}
