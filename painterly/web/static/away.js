// The page of a service that does not answer: in the reader's language, and open until it answers. It stands in the page itself.
const pages = [...document.querySelectorAll("main")], wished = navigator.languages.map((each) => each.split("-")[0].toLowerCase());
const language = wished.find((each) => pages.some(({ lang }) => lang === each)) || pages[0].lang;
for (const each of pages) each.hidden = each.lang !== language;
document.documentElement.lang = language;
document.title = document.querySelector("main:not([hidden]) h1").textContent;
let left = 5; // seconds
const count = () => {
  if (!left) location.reload();
  for (const each of document.querySelectorAll("small")) each.textContent = `${left}\u00a0s`;
  left = Math.max(0, left - 1);
};
count();
setInterval(count, 1000);
