// Says what is wrong with a recording as soon as there is one, before the form is sent.

import { post } from "./request.js";

let heard = null; // {file, findings}: what was last said, and of which recording
let asking = null; // the request under way; another recording ends it

function show(place, findings) {
  place.replaceChildren(...(findings ? [findings] : []));
  place.removeAttribute("aria-busy");
}

function showWaiting(place) {
  const waiting = document.createElement("p");
  waiting.className = "hint";
  waiting.textContent = place.dataset.waiting;
  place.replaceChildren(waiting);
  place.setAttribute("aria-busy", "true");
}

async function check(form, file) {
  const place = form?.querySelector("[data-check]");
  if (!place) return;
  asking?.abort();
  const limit = Number(form.querySelector("[data-max-megabytes]").dataset.maxMegabytes);
  if (!file || file.size > limit * 1e6) return show(place, null);
  if (heard?.file === file) return show(place, heard.findings);
  asking = new AbortController();
  const { signal } = asking;
  showWaiting(place);
  const body = new FormData();
  body.set("csrf_token", form.elements.csrf_token?.value ?? "");
  body.set("recording", file);
  try {
    const { part: findings } = await post(place.dataset.check, "[data-findings]", body, signal);
    heard = { file, findings };
    show(place, findings);
  } catch {
    if (!signal.aborted) show(place, null); // the form is checked again when it is sent
  }
}

document.addEventListener("change", ({ target }) => {
  if (target.matches("[data-drop] input[type=file]")) check(target.form, target.files[0]);
});

document.addEventListener("recorded", ({ target, detail }) => check(target.closest("form"), detail));

// A form that came back with messages holds the same file: what was said of it stays, unless it is said at the field.
document.addEventListener("fresh", ({ target }) => {
  const input = target.querySelector("[data-drop] input[type=file]");
  if (heard && input?.files[0] === heard.file && !input.matches("[aria-invalid]")) check(target, heard.file);
});
