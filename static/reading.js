// "Will be read as" follows the text while it is written; a pressed vowel takes the stress, in the text too.

import { showCount } from "./fields.js";
import { post } from "./request.js";

const QUIET_MS = 400; // without a key, before the text is sent
const SLOW_MS = 700; // after which it is shown that the answer takes its time
const AGAIN_MS = 700; // before the site is asked again that was reading another text
const BUSY = 503;
let timer = null;
let isAsking = false; // one request at a time: the answer to an older text would be of no use
let isStale = false;
let pressed = null; // the number of a vowel that was pressed while an answer was awaited

const section = () => document.querySelector("[data-reading]");
const vowels = () => [...document.querySelectorAll("[data-reading] [name=stress]")];

async function fetchPreview(changes) {
  const form = section().closest("form");
  const body = new URLSearchParams(changes);
  for (const name of ["csrf_token", "text", "language"]) {
    if (form.elements[name]) body.set(name, form.elements[name].value);
  }
  return post(section().dataset.reading, "[data-preview]", body);
}

// Shows how the text is read now. changes: {stress: place of a vowel in the text} or {remember: respelling}
async function refresh(changes = {}, isQuiet = false) {
  clearTimeout(timer);
  timer = null;
  if (isAsking) {
    isStale = true;
    return;
  }
  isAsking = true;
  isStale = false;
  const text = document.getElementById("text");
  const written = text.value;
  let isBusy = false; // the site: it reads another text
  const slow = setTimeout(() => section().setAttribute("aria-busy", "true"), SLOW_MS);
  try {
    const { status, part: preview, message } = await fetchPreview(changes);
    isBusy = status === BUSY;
    if (isBusy) await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    // What was typed meanwhile stays, and is read next.
    if (document.getElementById("text").value !== written) isStale = true;
    else if (preview) show(preview, isQuiet);
    else if (!isBusy) complain(message);
  } catch {
    complain();
  }
  clearTimeout(slow);
  section().removeAttribute("aria-busy");
  isAsking = false;
  const next = vowels()[pressed ?? -1];
  pressed = null;
  if (isStale) refresh();
  else if (isBusy) refresh(changes, isQuiet);
  else if (next) refresh({ stress: next.value });
}

function show(preview, isQuiet) {
  const old = section().querySelector("[data-preview]");
  const focused = old.contains(document.activeElement) ? vowels().indexOf(document.activeElement) : null;
  if (!isQuiet) announce(old, preview);
  old.replaceWith(preview);
  if (preview.dataset.text !== undefined) write(preview.dataset.text);
  rove(vowels()[Math.max(focused ?? 0, 0)]);
  if (focused === null) return;
  const next = focused < 0 ? preview.querySelector(".good a") : vowels()[focused];
  (next ?? preview.querySelector(".sentences") ?? document.getElementById("text")).focus({ preventScroll: true });
}

// Reads aloud only the sentences that changed.
function announce(old, preview) {
  const sentences = (root) => [...root.querySelectorAll("[data-words]")].map((sentence) => sentence.dataset.words);
  const before = new Set(sentences(old));
  const changed = sentences(preview).filter((words) => !before.has(words));
  section().querySelector("[data-announce]").textContent = changed.join(" ");
}

function write(value) {
  const text = document.getElementById("text");
  const caret = text.selectionStart;
  text.value = value;
  text.setSelectionRange(caret, caret);
  for (const counter of document.querySelectorAll('[data-counter="text"]')) showCount(counter);
}

function complain(message = section().dataset.noAnswer) {
  const fault = document.createElement("p");
  fault.className = "error";
  fault.textContent = message;
  section().querySelector("[data-preview]").replaceChildren(fault);
}

// ---- One stop for Tab; the arrows go from vowel to vowel

function rove(stop) {
  for (const vowel of vowels()) vowel.tabIndex = vowel === stop ? 0 : -1;
}

document.addEventListener("keydown", (event) => {
  if (!event.target.matches("[data-reading] [name=stress]")) return;
  const all = vowels();
  const at = all.indexOf(event.target);
  const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 };
  if (event.altKey || event.ctrlKey || event.metaKey || to[event.key] === undefined) return;
  event.preventDefault();
  const next = all[Math.min(Math.max(to[event.key], 0), all.length - 1)];
  rove(next);
  next.focus();
});

// ---- When the reading is asked for

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-reading] button");
  if (!button) return;
  event.preventDefault();
  if (timer !== null) return; // these places are those of an older text
  if (isAsking) pressed = button.name === "stress" ? vowels().indexOf(button) : null;
  else refresh({ [button.name]: button.value });
});

document.addEventListener("input", ({ target }) => {
  if (!section() || !["text", "language"].includes(target.id)) return;
  clearTimeout(timer);
  timer = setTimeout(refresh, QUIET_MS);
});

function start() {
  rove(vowels()[0]);
  if (document.getElementById("text").value.trim()) refresh({}, true);
}

document.addEventListener("fresh", start); // a form that came back with messages
addEventListener("pageshow", start); // also after the back button, when the browser has put the text back
