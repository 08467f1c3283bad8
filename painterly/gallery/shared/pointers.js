// Fingers, pens and the mouse on an element, and the limits of what they move.
import { on } from "./elements.js";

// How far something's middle may be from that of its room: its edge does not leave the room's.
export const inRoom = (value, length, room) => {
  const most = Math.max(0, (length - room) / 2);
  return Math.min(most, Math.max(-most, value));
};
// began may refuse a pointer by false. moved gets the event and the one before, or null while nothing is pressed; ended, whether it was
// interrupted, as by a second finger. pinched gets by what factor two fingers went apart, the point between them, and how far it moved.
export const followPointers = (element, { began, moved, ended, pinched }) => {
  const pressed = new Map();
  let isPinch = false;
  const pair = () => {
    const [one, other] = [...pressed.values()], [right, down] = [other.clientX - one.clientX, other.clientY - one.clientY];
    return { apart: Math.hypot(right, down) || 1, clientX: one.clientX + right / 2, clientY: one.clientY + down / 2 };
  };
  on(element, "pointerdown", (event) => {
    if (event.button || pressed.size > 1 || (!pressed.size && began(event) === false)) return;
    if (pressed.size) ended(event, true);
    isPinch = pressed.size > 0;
    pressed.set(event.pointerId, event);
    event.preventDefault();
    element.setPointerCapture(event.pointerId);
  });
  on(element, "pointermove", (event) => {
    const before = pressed.get(event.pointerId), apart = pressed.size > 1 && pair();
    if (before) pressed.set(event.pointerId, event);
    if (before && apart) {
      const now = pair();
      pinched(now.apart / apart.apart, now, [now.clientX - apart.clientX, now.clientY - apart.clientY]);
    } else if (!isPinch || !pressed.size) moved(event, before || null);
  });
  on(element, ["pointerup", "pointercancel"], (event) => {
    if (pressed.delete(event.pointerId) && !pressed.size && !isPinch) ended(event, event.type === "pointercancel");
  });
};
