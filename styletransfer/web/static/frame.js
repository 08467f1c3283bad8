// What the pages have in common: the way out, and what paints here.
import { by } from "./shared/elements.js";
import { ask } from "./api.js";

export const showSystem = async () => {
  const { device, ready } = await ask("/api/system");
  by("system").textContent = ready ? `Painted here by ${device || "this machine"}.` : "The painter is not ready yet. What you send is painted as soon as it is.";
};
if (by("log-out")) by("log-out").addEventListener("click", async () => {
  await ask("/logout", { method: "POST" });
  location.assign("/login");
});
