// The dialog that shows one result over the page.
import { by } from "./elements.js";
import { stage } from "./compare.js";

export const dialog = by("one");
export const openDialog = () => {
  if (dialog.open) return;
  dialog.showModal();
  dialog.scrollTop = 0;
  stage.focus({ preventScroll: true });
};
export const closeDialog = () => { if (dialog.open) dialog.close(); };
// step: shows the neighbour at -1 or 1, if there is one. leave: is called for the button and for Esc. closed: is called afterwards.
export const bindDialog = (step, leave, closed) => {
  by("previous").addEventListener("click", () => step(-1));
  by("next").addEventListener("click", () => step(1));
  by("close").addEventListener("click", leave);
  dialog.addEventListener("cancel", (event) => { event.preventDefault(); leave(); });
  // Browsers close a dialog at the second Esc, whatever `cancel` does.
  dialog.addEventListener("close", closed);
};
// The focus would be lost if its button was disabled.
export const keepFocus = () => {
  if (document.activeElement === document.body || document.activeElement.disabled) stage.focus();
};
