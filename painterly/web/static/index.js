// The page that takes orders, and shows them as they are painted.
import { byId, on, root, say } from "./shared/elements.js";
import { text, translated } from "./shared/texts.js";
import { ask, fetchFile } from "./api.js";
import { bindFileInputs } from "./files.js";
import { bindJobs, connect } from "./jobs.js";
import { addPaintings, loadStyles, sample } from "./styles.js";
import { orderAgain } from "./order.js";
import { restorePhotos } from "./memory.js";
import { addPhotos } from "./photos.js";
import { updateLater } from "./previews.js";
import { loadTimes } from "./settings.js";
import { photos, refuse } from "./state.js";
import "./stage.js";
import "./strip.js";

const RETRY_MS = 5000;
// Returns a function that acts now, and again after a pause until the act returns that it is done.
const repeating = (act) => {
  let timer = 0;
  const again = async () => {
    clearTimeout(timer);
    const isDone = await act();
    clearTimeout(timer);
    if (!isDone) timer = setTimeout(again, RETRY_MS);
  };
  return again;
};
// Shows the device that paints, and how long it takes: the worker takes some seconds to start, and some minutes to measure that if it has
// other work.
const showWorker = repeating(async () => {
  let complete = false, system = { ready: false };
  try {
    complete = await loadTimes();
    system = await ask(`${root}/api/system`);
  } catch { /* Another message says that the server does not answer. */ }
  const { device, ready } = system, name = device && translated(device.split(", fastest in")[0]);
  if (!ready) say("system", text("page.service_starting"));
  else say("system", device ? text("page.ready_on", { device: name }) : text("page.ready"));
  return ready && complete;
});
const showStyles = repeating(async () => {
  try {
    await loadStyles();
    say("styles-away", "");
    return true;
  } catch (refusal) {
    if (!byId("styles").childElementCount) say("styles-away", refusal.message);
    return false;
  }
});

bindFileInputs(addPhotos, addPaintings);
const showSample = async () => {
  if (photos.value.some(({ name }) => sample.photo.endsWith(`/${name}`))) return; // Before a reload, too.
  try { addPhotos([await fetchFile(sample.photo)]); } catch (refusal) { refuse("page", refusal.message); }
};
on("sample-photo", "click", showSample);
// After a restart of the server, everything is asked for again.
const returned = () => { showWorker(); showStyles(); updateLater(); };
bindJobs({ ended: () => loadTimes().catch(() => {}), returned });
showWorker();
await showStyles(); // They name the jobs.
await connect();
// In another tab, paintings may have been added or deleted.
on(document, "visibilitychange", () => { if (!document.hidden) showStyles(); });
if (location.hash) (await import("./result.js")).follow();
await restorePhotos();
const asked = new URLSearchParams(location.search), again = asked.get("again");
if (asked.size) history.replaceState(null, "", `${root}/`);
if (asked.has("sample")) showSample();
if (again) {
  try { orderAgain(await ask(`${root}/api/jobs/${encodeURIComponent(again)}`)); } catch (refusal) { refuse("page", refusal.message); }
}
