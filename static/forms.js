// Forms that take their time: the button says so, and nothing typed or chosen is lost, whatever the answer is.
//
// form[data-slow]              the button shows these words and the seconds while the form is under way
// form[data-slow][data-stay]   is sent by this script: a refusal comes back into its place on the page
// form[data-slow][data-speak]  is sent by speaking.js
//
// A form that came back dispatches "fresh", so that what belongs to its fields is shown again.

import { tooLargeIn } from "./fields.js";
import { post } from "./request.js";
import { figure, sentence } from "./words.js";

const underWay = new WeakMap(); // form -> what frees it

export function isBusy(form) {
  return underWay.has(form);
}

// Shows that a form is under way.  counts: the seconds as well
export function occupy(form, { counts = false } = {}) {
  const words = form.dataset.slow;
  const label = form.querySelector("[data-label]");
  const before = label.textContent;
  const started = Date.now();
  const show = () => {
    const seconds = Math.floor((Date.now() - started) / 1000);
    label.textContent = counts && seconds >= 2 ? `${words} ${sentence(form, "seconds", { seconds: figure(seconds) })}` : words;
  };
  show();
  form.setAttribute("aria-busy", "true");
  const timer = setInterval(show, 1000);
  underWay.set(form, () => {
    clearInterval(timer);
    form.removeAttribute("aria-busy");
    label.textContent = before;
  });
}

export function free(form) {
  underWay.get(form)?.();
  underWay.delete(form);
}

export function complain(form, message) {
  const alert = form.querySelector("[data-alert]");
  alert.textContent = message;
  alert.hidden = !message;
  if (message) alert.scrollIntoView({ block: "center" });
}

// Puts a form that came back, with its messages, into the place of the one that was sent; the chosen files stay.
export function replace(form, { part: fresh, title }) {
  free(form);
  for (const input of form.querySelectorAll("[type=file]")) {
    fresh.querySelector(`[name="${input.name}"]`).files = input.files;
  }
  form.replaceWith(fresh);
  document.title = title;
  fresh.dispatchEvent(new Event("fresh", { bubbles: true }));
  const faulty = fresh.querySelector("[aria-invalid], [role=alert]:not([hidden])");
  faulty?.scrollIntoView({ block: "center" });
  faulty?.focus({ preventScroll: true });
}

// What is said when the answer has no place for the form.
export function failed(form, { status, message }) {
  return message ?? sentence(form, "failed", { status });
}

async function send(form) {
  complain(form, "");
  try {
    const answer = await post(form.action, `#${form.id}`, new FormData(form));
    if (answer.data) return location.assign(answer.data.page); // busy until the next page is there
    if (answer.part) return replace(form, answer);
    complain(form, failed(form, answer));
  } catch {
    complain(form, form.dataset.noAnswer);
  }
  free(form);
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("form[data-slow]:not([data-speak])")) return;
  const stays = form.matches("[data-stay]");
  if (stays || isBusy(form)) event.preventDefault();
  if (isBusy(form)) return; // a double click
  const refused = stays && tooLargeIn(form);
  if (refused) return refused.focus();
  occupy(form, { counts: true });
  if (stays) send(form);
});

// The back button brings a page as it was left.
addEventListener("pageshow", ({ persisted }) => {
  if (persisted) document.querySelectorAll("form").forEach(free);
});
