// A long bank is searched while one types; without scripts a button does it.

import { ask } from "./request.js";

const QUIET_MS = 200; // without a key, before the bank is searched

let waiting = null; // for the end of typing
let search = null; // the one under way; another one ends it

async function show(field) {
  waiting = null;
  const form = field.form;
  search?.abort();
  search = new AbortController();
  const wanted = new URLSearchParams({ find: field.value, chosen: chosenIn(form) });
  const { part } = await ask(`${field.dataset.find}?${wanted}`, "[data-choices]", { signal: search.signal });
  if (!part) return;
  const chosen = chosenIn(form); // perhaps another one than before the answer came
  form.querySelector("[data-choices]").replaceWith(part);
  const same = form.querySelector(`[name="voice"][value="${CSS.escape(chosen)}"]`);
  if (same) same.checked = true;
  form.querySelector("[data-found]").textContent = part.dataset.said;
}

function chosenIn(form) {
  return new FormData(form).get("voice") ?? "";
}

function showOrKeep(field) {
  show(field).catch(() => {}); // without an answer the list stays as it was
}

document.addEventListener("input", ({ target }) => {
  if (!target.matches("[data-find]")) return;
  target.form.elements.found.value = target.value;
  clearTimeout(waiting);
  waiting = setTimeout(showOrKeep, QUIET_MS, target);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !event.target.matches("[data-find]")) return;
  event.preventDefault(); // it would press Speak
  if (waiting === null) return; // it is shown already, or asked for
  clearTimeout(waiting);
  showOrKeep(event.target);
});
