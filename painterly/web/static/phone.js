// The dialog for phones in the local network.
import { byId, on } from "./shared/elements.js";

const dialog = byId("phone"), copy = byId("phone-copy");
on("phone-open", "click", () => dialog.showModal());
on(dialog, "click", ({ target }) => { if (target === dialog) dialog.close(); }); // Beside it.
copy.hidden = !navigator.clipboard; // Browsers copy only over https, and on the machine itself.
on(copy, "click", () => navigator.clipboard.writeText(copy.dataset.address));
