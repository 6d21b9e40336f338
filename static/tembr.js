// Improves the pages; each of them works without it.
"use strict";

document.documentElement.classList.add("js");

const forms = "form[data-slow]";

// ---- What a form shows while it is filled in

function showCount(counter) {
  const limit = Number(counter.dataset.limit);
  const count = [...document.getElementById(counter.dataset.counter).value].length;
  counter.textContent = `${count.toLocaleString("en")} of ${limit.toLocaleString("en")} characters`;
  counter.classList.toggle("counter-over", count > limit);
}

function showValue(output) {
  const value = Number(document.getElementById(output.dataset.valueOf).value);
  output.textContent = `${value.toFixed(2).replace(/0$/, "")}×`;
}

function showFile(input) {
  const zone = input.closest("[data-drop]");
  const chosen = zone.querySelector("[data-chosen]");
  const file = input.files[0];
  const refusal = tooLarge(input);
  chosen.hidden = !file;
  chosen.textContent = refusal ?? (file ? `${file.name}, ${(file.size / 1e6).toFixed(1)} MB` : "");
  chosen.classList.toggle("error", Boolean(refusal));
}

function tooLarge(input) {
  const size = (input.files[0]?.size ?? 0) / 1e6;
  const limit = Number(input.dataset.maxMegabytes);
  return size > limit ? `This recording is too large: ${size.toFixed(1)} MB, and at most ${limit} MB can be given.` : null;
}

function improve(root) {
  root.querySelectorAll("[data-counter]").forEach(showCount);
  root.querySelectorAll("[data-value-of]").forEach(showValue);
  root.querySelectorAll("[data-drop] input").forEach(showFile);
  root.querySelectorAll("time[datetime]").forEach((time) => {
    time.textContent = new Date(time.dateTime).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
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
    label.textContent = seconds < 2 ? form.dataset.slow : `${form.dataset.slow} ${seconds} s`;
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
  const response = await fetch(form.action, { method: "POST", body: new FormData(form) });
  if (response.redirected) {
    location.assign(response.url);
    return new Promise(() => {});  // busy until the next page is there
  }
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  if (page.getElementById(form.id)) return replaceForm(form, page);
  tell(form, page.querySelector("[data-message]")?.textContent ?? `That did not work (${response.status}).`);
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
    tell(form, "Tembr did not answer. What you wrote is still here: try again in a moment.");
  }
  done();
});

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
