// The texts of the page in the reader's language, and its numbers and times. A page of the web service has the texts of the language
// that it was rendered in; the file of a batch has all languages, and chooses here.

// What this browser keeps for a page, such as the language. Users can forbid it: then it lasts as long as the page.
export const recall = (name, storage = "localStorage") => {
  try { return JSON.parse(window[storage].getItem(name)); } catch { return null; }
};
export const keep = (name, value, storage = "localStorage") => {
  try { window[storage].setItem(name, JSON.stringify(value)); } catch { /* As above. */ }
};

const all = JSON.parse(document.getElementById("texts").textContent), languages = Object.keys(all);
const STORED_AS = "painterly_language", STORED_S = 365 * 24 * 3600, isFile = languages.length > 1;

const storeLanguage = (language) => {
  if (isFile) { keep(STORED_AS, language); return; }
  const path = document.documentElement.dataset.root || "/", secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `${STORED_AS}=${language}; path=${path}; max-age=${STORED_S}; samesite=lax${secure}`;
  void document.cookie; // Chromium stores it in another process: reading it waits for that, so that the next request has it.
};
const preferredLanguages = () => [recall(STORED_AS) || "", ...navigator.languages].map((each) => each.split("-")[0].toLowerCase());
const language = isFile ? preferredLanguages().find((each) => languages.includes(each)) || document.documentElement.lang : languages[0];
const texts = all[language], locale = language === "en" ? "en-GB" : language;

export const text = (key, values = {}) => texts[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
// The title of a style or a painting: the same in all languages, or one for each.
export const inLanguage = (title) => typeof title === "string" ? title : title[language];
const plurals = new Intl.PluralRules(locale), integers = new Intl.NumberFormat(locale);
export const counted = (key, count, values = {}) =>
  text(`${key}.${plurals.select(count) === "one" ? "one" : "other"}`, { count: integers.format(count), ...values });
export const listed = (names) => new Intl.ListFormat(locale).format(names);
const percents = new Intl.NumberFormat(locale, { style: "percent" });
export const percent = (share) => percents.format(share);
export const divided = (at, left, right) => text("gallery.divided", {
  left, left_share: percent(at / 100), right, right_share: percent(1 - at / 100),
});
export const decimal = (number, digits) => number.toLocaleString(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });
export const megabytes = (bytes) => (bytes / 1e6).toLocaleString(locale, {
  style: "unit", unit: "megabyte", maximumFractionDigits: bytes < 1e7 ? 1 : 0,
});
export const dated = (moment) => new Date(moment).toLocaleString(locale, { dateStyle: "long", timeStyle: "short" });
// The day of a moment: today, yesterday, or its date, with the year if that is another one. An unknown one has none.
const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
export const dayOf = (moment) => {
  if (moment === null) return "";
  const day = new Date(moment), now = new Date(), start = (each) => Date.UTC(each.getFullYear(), each.getMonth(), each.getDate());
  const ago = (start(day) - start(now)) / 864e5, isThisYear = day.getFullYear() === now.getFullYear();
  const date = isThisYear ? { weekday: "long", day: "numeric", month: "long" } : { day: "numeric", month: "long", year: "numeric" };
  const words = ago === 0 || ago === -1 ? relative.format(ago, "day") : day.toLocaleDateString(locale, date);
  return words[0].toUpperCase() + words.slice(1);
};
// Seconds as 45 s, 3 min 20 s or 2 h 5 min.
export const duration = (seconds) => {
  const whole = Math.round(seconds), counts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const first = counts.findIndex((each) => each > 0), shown = first < 0 ? [2] : [first, first + 1].filter((at) => counts[at]);
  return shown.map((at) => text(`gallery.${["hours", "minutes", "seconds"][at]}`, { count: counts[at] })).join(" ");
};
// A device or a network as records name it in English: a GPU by its model, or the CPU with its cores; both may have a precision.
export const translated = (name) => String(name)
  .replace(/^the built-in network$/, () => text("gallery.built_in"))
  .replace(/, Keras' weights$/, () => `, ${text("gallery.weights_of_keras")}`)
  .replace(/^the CPU(?:, (\d+) cores?)?/, (_, cores) => cores ? counted("gallery.cpu", Number(cores)) : text("gallery.cpu"))
  .replace(/, fastest in (\w+)$/, (_, precision) => `, ${text("gallery.fastest_in", { precision })}`);

if (language !== document.documentElement.lang) {
  const failures = document.querySelector("#failed ul");
  document.getElementById("page").replaceChildren(document.querySelector(`template[lang=${language}]`).content);
  if (failures) document.querySelector("#failed ul").replaceWith(failures);
  document.documentElement.lang = language;
  document.title = text("gallery.title");
}
const menu = document.getElementById("languages");
menu.hidden = false;
menu.addEventListener("click", ({ target }) => {
  if (!target.dataset.language) return;
  storeLanguage(target.dataset.language);
  // A reload would send the login's form a second time; with something after #, the same address would only scroll.
  if (location.hash) location.reload(); else location.replace(location.pathname + location.search);
});
