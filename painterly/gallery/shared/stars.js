// Stars, which this browser keeps for the pictures of this page's address: their keys.
const STARS_AT = `painterly_stars:${location.pathname.replace(/(\/gallery)?\/[^/]*$/, "")}`;

const storedStars = () => { try { return JSON.parse(localStorage.getItem(STARS_AT)); } catch { return null; } }; // Users can forbid it.
const stars = new Set(storedStars() || []);
export const hasStar = (key) => stars.has(key);
export const setStar = (key, isSet) => {
  if (isSet) stars.add(key); else stars.delete(key);
  try { localStorage.setItem(STARS_AT, JSON.stringify([...stars])); } catch { /* They last as long as the page. */ }
};
