// The password can be seen while it is typed. The message about a wrong one goes with the first letter of the next.
import "./shared/texts.js";
import { byId, mark, on } from "./shared/elements.js";

const field = byId("password"), eye = byId("eye");
eye.hidden = false;
on(eye, "click", () => {
  const seen = field.type === "password";
  field.type = seen ? "text" : "password";
  eye.ariaPressed = seen;
  field.focus();
});
on(field, "input", () => {
  if (byId("refused")) byId("refused").remove();
  mark(field, "aria-invalid", false);
  field.removeAttribute("aria-describedby");
});
