// Requests to the server, and sentences that explain its refusals. The server explains in English.
import { make, on, root } from "./shared/elements.js";
import { text } from "./shared/texts.js";
import { isUnsent, photos } from "./state.js";
import { capital, rounded } from "./words.js";

// message: a sentence for people. status: the HTTP status, 0 without an answer, or GONE. after: seconds before the next try.
export const GONE = 1, CUT_OFF = 2; // A chosen file can no longer be read; the server answers, but not to this file.
class Refusal extends Error {
  constructor(message, status, after = null) {
    super(message);
    Object.assign(this, { status, after });
  }
}

const EXPLAINED = [403, 404, 413, 415, 422, 429, 503];
// A file name keeps its first letter.
const sentence = (reason) =>
  (/^[a-z]+\b(?![.\d])/.test(reason) ? capital(reason) : reason) + (/[.!?…]$/.test(reason) ? "" : ".");
const refusalOf = async (answer) => {
  const { detail } = await answer.json().catch(() => ({})), { status } = answer; // A proxy answers in HTML.
  const after = Number.parseInt(answer.headers.get("Retry-After"), 10) || null;
  const reason = typeof detail === "string" && detail ? sentence(detail) : EXPLAINED.includes(status) && text(`page.refused.${status}`);
  const words = (reason || text("page.refused")).replace(/^([^:]{1,120}): is /, "$1 is ");
  const isTold = !after || /\b(again|wait \d)/i.test(words);
  return new Refusal(isTold ? words : `${words} ${text("page.try_again_in", { time: rounded(after) })}`, status, after);
};

// As fetch, which does not say what part of a body has been sent: onSent is called with that.
const upload = (address, { method, headers, body, onSent }) => new Promise((resolve, reject) => {
  const request = new XMLHttpRequest();
  request.open(method, address);
  for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
  on(request.upload, "progress", ({ loaded, total }) => onSent(loaded / total));
  on(request, "error", reject);
  on(request, "load", () => {
    const after = request.getResponseHeader("Retry-After"), { status, response } = request;
    resolve(new Response(response || null, { status, headers: after ? { "Retry-After": after } : {} }));
  });
  request.send(body);
});
// Returns the answer. Raises Refusal. Without a session it opens the login page, unless chosen photos would be lost.
const answerTo = async (address, options = {}) => {
  const headers = { Accept: "application/json", ...options.headers };
  const answer = await (options.onSent ? upload : fetch)(address, { ...options, headers, cache: "no-store" }).catch(() => null);
  if (!answer) throw new Refusal(text("page.unreachable"), 0);
  if (answer.ok) return answer;
  if (answer.status !== 401) throw await refusalOf(answer);
  if (photos.peek().some(isUnsent)) throw new Refusal(text("page.logged_out"), 401);
  location.assign(`${root}/login?next=${encodeURIComponent(location.pathname + location.search)}${location.hash}`);
  return new Promise(() => {}); // The page is about to go.
};

export const formOf = (request, photo = null, mask = null) => {
  const body = new FormData();
  if (request) body.append("request", JSON.stringify(request));
  if (photo) body.append("photo", photo, photo.name || "photo.jpg");
  if (mask) body.append("mask", mask, "mask.png");
  return body;
};
export const ask = async (address, options) => {
  const answer = await answerTo(address, options);
  return answer.status === 204 ? null : answer.json();
};
// A server that is busy for a moment is tried again some times before a wait is shown. LONGEST_S: the longest pause between two tries.
export const AWAY = [0, 502, 503, 504];
const BUSY_S = 3, BUSY_TRIES = 3, LONGEST_S = 60;
export const pause = (seconds, signal) => new Promise((resolve) => {
  setTimeout(resolve, 1000 * seconds);
  signal?.addEventListener("abort", resolve);
});
// As `ask`, once the server answers and has room. onWait: is called with the reason for each longer wait. signal: ends a wait. isOver:
// whether the answer is no longer wanted. Raises Refusal then, or if the connection breaks again and again for this request alone, as
// where a proxy limits its size.
export const askPatiently = async (address, options, { onWait = () => {}, signal = null, isOver = () => false } = {}) => {
  for (let tries = 1, cut = 0, waits = false; ; tries += 1) {
    try { return await ask(address, options); } catch (refusal) {
      const { status, after, message } = refusal, isCut = status === 0 && await ask(`${root}/healthz`).catch(() => null) !== null;
      cut = isCut ? cut + 1 : 0;
      if (cut > BUSY_TRIES) throw new Refusal(text("page.cut_off"), CUT_OFF);
      if (isOver() || !(status === 429 || AWAY.includes(status))) throw refusal;
      waits ||= !isCut && (status !== 429 || after > BUSY_S || tries > BUSY_TRIES);
      if (waits) onWait({ 429: text("page.queue_full"), 503: message }[status] || text("page.away"));
      await pause(Math.min(after || BUSY_S, LONGEST_S), signal);
      if (isOver()) throw refusal;
    }
  }
};
export const askForPage = async (address) => (await answerTo(address)).text();
// Returns the picture that a form asks for, or null if there is none now.
export const askForPicture = async (address, body, signal) => {
  const answer = await answerTo(address, { method: "POST", body, signal });
  return answer.status === 204 ? null : answer.blob();
};
// Returns a chosen file's content: what the browser reads while it sends fails as if the server could not be reached.
export const contentOf = (file, name = file.name) => file.arrayBuffer().then(
  (bytes) => new File([bytes], name, { type: file.type }),
  () => { throw new Refusal(text("page.file_gone", { name: file.name }), GONE); },
);
export const fetchFile = async (address) => {
  const content = await (await answerTo(address)).blob();
  return new File([content], address.split("/").at(-1), { type: content.type });
};

// crypto.randomUUID needs https.
export const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((each) => each.toString(16).padStart(2, "0")).join("");
export const styled = (name) => new Promise((resolve) => {
  const sheet = { rel: "stylesheet", href: `${root}/static/${name}`, onload: resolve, onerror: resolve };
  document.head.append(Object.assign(make("link"), sheet));
});
