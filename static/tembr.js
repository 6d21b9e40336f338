// Improves the pages; each of them works without it.
"use strict";

document.documentElement.classList.add("js");

const forms = "form[data-slow]";
const pageLanguage = document.documentElement.lang;
const language = navigator.languages.find((own) => own.split("-")[0] === pageLanguage) ?? pageLanguage; // en-GB for en

// A sentence in the page's language, from the body's data, with its {values} put in.
function sentence(name, values = {}) {
  return document.body.dataset[name].replace(/{(\w+)}/g, (_whole, key) => values[key]);
}

function figure(value, digits = 0, least = digits) {
  return value.toLocaleString(language, { minimumFractionDigits: least, maximumFractionDigits: digits });
}

// ---- What a form shows while it is filled in

function showCount(counter) {
  const limit = Number(counter.dataset.limit);
  const count = [...document.getElementById(counter.dataset.counter).value].length;
  counter.textContent = sentence("counted", { count: figure(count), limit: figure(limit) });
  counter.classList.toggle("counter-over", count > limit);
}

function showValue(output) {
  const value = Number(document.getElementById(output.dataset.valueOf).value);
  const unit = output.dataset.unit; // none: times as much as usual
  output.textContent = unit ? `${value > 0 ? "+" : ""}${figure(value, 1, 0)} ${unit}` : `${figure(value, 2, 1)}×`;
}

function showFile(input) {
  const zone = input.closest("[data-drop]");
  const chosen = zone.querySelector("[data-chosen]");
  const file = input.files[0];
  const refusal = tooLarge(input);
  chosen.hidden = !file;
  chosen.textContent = refusal ?? (file ? sentence("file", { name: file.name, size: figure(file.size / 1e6, 1) }) : "");
  chosen.classList.toggle("error", Boolean(refusal));
}

function tooLarge(input) {
  const size = (input.files[0]?.size ?? 0) / 1e6;
  const limit = Number(input.dataset.maxMegabytes);
  return size > limit ? sentence("tooLarge", { size: figure(size, 1), limit: figure(limit) }) : null;
}

function improve(root) {
  root.querySelectorAll("[data-counter]").forEach(showCount);
  root.querySelectorAll("[data-value-of]").forEach(showValue);
  root.querySelectorAll("[data-drop] input").forEach(showFile);
  root.querySelectorAll("time[datetime]").forEach((time) => {
    time.textContent = new Date(time.dateTime).toLocaleString(language, { dateStyle: "medium", timeStyle: "short" });
  });
}

document.addEventListener("input", ({ target }) => {
  document.querySelectorAll(`[data-counter="${target.id}"]`).forEach(showCount);
  document.querySelectorAll(`[data-value-of="${target.id}"]`).forEach(showValue);
});

document.addEventListener("change", ({ target }) => {
  if (!target.matches("[data-drop] input")) return;
  showFile(target);
  const own = target.closest("[data-own]")?.querySelector("[type=radio]");
  if (own && target.files.length) own.checked = true;
});

for (const [type, over] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
  document.addEventListener(type, ({ target }) => {
    target.closest?.("[data-drop]")?.classList.toggle("over", over);
  });
}

// ---- Sending a form that takes its time: nothing typed or chosen is lost, whatever comes back

function tell(form, message) {
  const alert = form.querySelector("[data-alert]");
  alert.textContent = message;
  alert.hidden = !message;
  if (message) alert.scrollIntoView({ block: "center" });
}

function busy(form) {
  const label = form.querySelector("[data-label]");
  const before = label.textContent;
  const started = Date.now();
  const show = () => {
    const seconds = Math.floor((Date.now() - started) / 1000);
    label.textContent = seconds < 2 ? form.dataset.slow : `${form.dataset.slow} ${sentence("seconds", { seconds })}`;
  };
  show();
  form.setAttribute("aria-busy", "true");
  const timer = setInterval(show, 1000);
  return () => {
    clearInterval(timer);
    form.removeAttribute("aria-busy");
    label.textContent = before;
  };
}

function replaceForm(form, page) {
  const fresh = document.importNode(page.getElementById(form.id), true);
  form.querySelectorAll("[type=file]").forEach((input) => {
    fresh.querySelector(`[name="${input.name}"]`).files = input.files;
  });
  form.replaceWith(fresh);
  document.title = page.title;
  improve(fresh);
  fresh.dispatchEvent(new Event("fresh", { bubbles: true }));
  const faulty = fresh.querySelector("[aria-invalid], [role=alert]:not([hidden])");
  faulty?.scrollIntoView({ block: "center" });
  faulty?.focus({ preventScroll: true });
}

async function send(form) {
  const headers = { "X-Tembr-Script": "1" };  // asks for the address of the next page: it shows its messages once
  const response = await fetch(form.action, { method: "POST", body: new FormData(form), headers });
  const next = response.headers.get("X-Tembr-Next");
  if (next) {
    location.assign(next);
    return new Promise(() => {});  // busy until the next page is there
  }
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  if (page.getElementById(form.id)) return replaceForm(form, page);
  tell(form, page.querySelector("[data-message]")?.textContent ?? sentence("failed", { status: response.status }));
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches(forms)) return;
  const stays = form.matches("[data-stay]");
  const isBusy = form.hasAttribute("aria-busy");
  if (stays || isBusy) event.preventDefault();
  if (isBusy) return;
  const refused = [...form.querySelectorAll("[type=file]")].find(tooLarge);
  if (stays && refused) return refused.focus();
  const done = busy(form);
  addEventListener("pageshow", done, { once: true });  // the back button brings the page as it was left
  if (!stays) return;
  tell(form, "");
  try {
    await send(form);
  } catch {
    tell(form, sentence("noAnswer"));
  }
  done();
});

// ---- Another language: what was typed and chosen is there again on the page in it

const KEPT = "tembr-form";
// Not what was searched for: the page in the other language shows the first voices, and the chosen one.
const keepable = "form[id] :is(input:not([type=hidden], [type=file], [data-find]), select, textarea)";

function keepForm() {
  const fields = [...document.querySelectorAll(keepable)].map(({ form, name, value, checked }) => ({ id: form.id, name, value, checked }));
  sessionStorage.setItem(KEPT, JSON.stringify({ page: location.pathname, fields }));
  askForVoice(document.querySelector("[data-switch] [name=next]"));
}

// The chosen voice may be one that the next page would not offer.
function askForVoice(next) {
  const voice = document.querySelector("[data-choices] :checked")?.value;
  const address = new URL(next.value, location);
  if (voice) address.searchParams.set("voice", voice);
  next.value = address.pathname + address.search;
}

function bringFormBack() {
  const { page, fields } = JSON.parse(sessionStorage.getItem(KEPT)) ?? {};
  sessionStorage.removeItem(KEPT);
  if (page !== location.pathname) return;
  for (const { id, name, value, checked } of fields) {
    for (const field of document.getElementById(id)?.querySelectorAll(`[name="${CSS.escape(name)}"]`) ?? []) {
      if (!["radio", "checkbox"].includes(field.type)) field.value = value;
      else if (field.value === value) field.checked = checked;
    }
  }
}

document.querySelector("[data-switch]")?.addEventListener("submit", keepForm);
bringFormBack();

// ---- Listening: samples play in place, one sound at a time

const sample = new Audio();
let playing = null;

function stopSample() {
  sample.pause();
  playing?.classList.remove("playing");
  playing = null;
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("[data-play]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const again = link === playing;
  stopSample();
  if (again) return;
  playing = link;
  link.classList.add("playing");
  sample.src = link.href;
  sample.play().catch(() => { if (playing === link) stopSample(); });
});

sample.addEventListener("ended", stopSample);

document.addEventListener("play", ({ target }) => {
  stopSample();
  document.querySelectorAll("audio").forEach((other) => { if (other !== target) other.pause(); });
}, true);

improve(document);
