// What this browser keeps for a page, by its name. Users can forbid it: then it lasts as long as the page.
export const recall = (name, storage = "localStorage") => {
  try { return JSON.parse(window[storage].getItem(name)); } catch { return null; }
};
export const keep = (name, value, storage = "localStorage") => {
  try { window[storage].setItem(name, JSON.stringify(value)); } catch { /* As above. */ }
};
