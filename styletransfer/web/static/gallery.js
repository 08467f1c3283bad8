// Everything that was painted, a page at a time.
import { by, make, picture } from "./shared/elements.js";
import { ask } from "./api.js";
import "./frame.js";
import { asked, bindResults, openResult } from "./result.js";
import { say } from "./said.js";
import { counted, dated, titleOf } from "./words.js";

const results = [];
let next = "/api/gallery?page=1&per_page=48";

const resultOf = (item) => ({
  id: item.result,
  title: item.photo,
  subtitle: item.look,
  alt: titleOf(item),
  photo: item.original && { thumb: null, preview: item.original },
  thumb: item.thumbnail,
  preview: `${item.result}?small=1`,
  href: item.result,
  size: item.width && item.height ? [item.height, item.width] : null,
  download: `${item.result}?download=1`,
  again: item.job ? `/?again=${encodeURIComponent(item.job)}` : null,
  paintings: [],
  facts: [
    ["Size", item.width && item.height && `${item.width} × ${item.height} px`],
    ["Finished", item.made && dated(item.made)],
    ["Network", item.network],
  ],
});
const cardOf = (result) => {
  const card = make("li", "", "card"), link = make("a");
  link.href = `#${encodeURIComponent(result.id)}`;
  link.append(result.thumb ? picture(result.thumb, "", result.size) : make("span", "no preview", "blank"));
  const caption = make("span", result.title, "caption");
  caption.append(" ", make("span", `in ${result.subtitle}`, "quiet"));
  link.append(caption);
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    openResult(result.id);
  });
  card.append(link);
  return card;
};
const load = async () => {
  by("more").disabled = true;
  by("refused").textContent = "";
  try {
    const answer = await ask(next);
    // Where a picture was finished meanwhile, all others have moved on by one.
    const added = answer.items.map(resultOf).filter(({ id }) => !results.some((each) => each.id === id));
    results.push(...added);
    by("results").append(...added.map(cardOf));
    ({ next } = answer);
    by("more").hidden = !next;
    by("empty").hidden = results.length > 0;
    by("count").textContent = results.length ? `${counted(results.length, "painting")}${next ? " shown" : ""}` : "";
    return added.length;
  } catch (refusal) {
    by("refused").textContent = refusal.message;
    by("more").hidden = false;
    return 0;
  } finally { by("more").disabled = false; }
};
by("more").addEventListener("click", async () => {
  const before = results.length, added = await load();
  if (added) {
    say(`${added} more`);
    by("results").children[before].firstElementChild.focus();
  }
});
const start = async () => {
  await load();
  // An address may name a result that comes later.
  while (next && asked() && !results.some((each) => each.id === asked()) && await load());
  bindResults(() => results, () => next && !by("more").disabled && load());
};
start();
