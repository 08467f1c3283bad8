// The dialog for phones in the local network.
import { byId } from "./shared/elements.js";

const dialog = byId("phone"), copy = byId("phone-copy");
byId("phone-open").addEventListener("click", () => dialog.showModal());
dialog.addEventListener("click", ({ target }) => { if (target === dialog) dialog.close(); }); // Beside it.
copy.hidden = !navigator.clipboard; // Browsers copy only over https, and on the machine itself.
copy.addEventListener("click", () => navigator.clipboard.writeText(copy.dataset.address));
