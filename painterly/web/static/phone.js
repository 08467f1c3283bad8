// The dialog for phones in the local network. Its code lets one phone in, so it has a new one each time.
import { byId, on, root } from "./shared/elements.js";
import { ask } from "./api.js";

const dialog = byId("phone"), copy = byId("phone-copy"), code = byId("phone-code");
on("phone-open", "click", () => {
  code.removeAttribute("src");
  dialog.showModal();
  ask(`${root}/phone`, { method: "POST" }).then((made) => { code.src = made.code; }).catch(() => {}); // The address is there as well.
});
on(dialog, "click", ({ target }) => { if (target === dialog) dialog.close(); }); // Beside it.
copy.hidden = !navigator.clipboard; // Browsers copy only over https, and on the machine itself.
on(copy, "click", () => navigator.clipboard.writeText(copy.dataset.address));
