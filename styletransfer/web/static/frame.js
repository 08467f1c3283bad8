// The way out, and what paints here.
import { by } from "./shared/elements.js";
import { ask } from "./api.js";

const LOOK_AGAIN_MS = 5000;
// Until the painter is ready, which takes it some seconds.
const showSystem = async () => {
  let device = null, ready = false;
  try { ({ device, ready } = await ask("/api/system")); } catch { /* The queue says it when the server is away. */ }
  if (!ready) setTimeout(showSystem, LOOK_AGAIN_MS);
  by("system").textContent = ready ? `Painted here by ${device || "this machine"}.` : "The painter is not ready yet. What you send is painted as soon as it is.";
};
if (by("log-out")) by("log-out").addEventListener("click", async () => {
  try { await ask("/logout", { method: "POST" }); } catch (refusal) {
    by("away").textContent = refusal.message;
    return;
  }
  location.assign("/login");
});
showSystem();
