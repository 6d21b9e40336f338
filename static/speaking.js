// Speaking: a form asks for a job; how far it is, is shown until it is over; it can be cancelled.

const ASK = { headers: { Accept: "application/json" }, cache: "no-store" };
const QUICK_MS = 400; // between two looks at a job that began just now
const SLOW_MS = 1000;
const QUICK_LOOKS = 10;
const SILENT_MS = 10000; // between two things that are read aloud

const place = document.querySelector("[data-jobs]");
const main = () => document.getElementById("speak");
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const parse = (html) => new DOMParser().parseFromString(html, "text/html");
const part = (panel, name) => panel.querySelector(`[data-${name}]`);

// ---- Asking

function free(form) {
  form?.removeAttribute("aria-busy");
  const label = form?.querySelector("[data-label]");
  if (label?.dataset.before) label.textContent = label.dataset.before;
}

function occupy(form) {
  form.setAttribute("aria-busy", "true");
  const label = form.querySelector("[data-label]");
  label.dataset.before ??= label.textContent;
  label.textContent = place.dataset.speaking;
}

function notify(message, kind) {
  place.querySelector(".notice")?.remove();
  if (!message) return;
  const notice = document.createElement("p");
  notice.className = `notice ${kind}`;
  notice.setAttribute("role", kind === "error" ? "alert" : "status");
  place.prepend(notice);
  notice.textContent = message;
}

// Says what is wrong at the top of the form, or of the page where the form has no place for it.
function complain(form, message) {
  if (form.querySelector("[data-alert]")) tell(form, message);
  else notify(message, "error");
}

async function ask(form) {
  const response = await fetch(form.action, { method: "POST", body: new FormData(form), ...ASK });
  if (response.headers.get("Content-Type")?.startsWith("application/json")) {
    const answer = await response.json();
    if (response.ok) return begin(form, answer);
    return refuse(form, answer.message);
  }
  const page = parse(await response.text());
  if (page.getElementById(form.id)) return replaceForm(form, page);
  refuse(form, page.querySelector("[data-message]")?.textContent);
}

function refuse(form, message) {
  free(form);
  complain(form, message ?? place.dataset.refused);
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("form[data-speak]") || event.defaultPrevented) return;
  event.preventDefault();
  if (form.hasAttribute("aria-busy")) return; // a double click
  const refused = [...form.querySelectorAll("[type=file]")].find(tooLarge);
  if (refused) return refused.focus();
  occupy(form);
  notify("");
  complain(form, "");
  try {
    await ask(form);
  } catch {
    refuse(form, place.dataset.fault);
  }
});

function begin(form, job) {
  const panel = document.importNode(parse(job.panel).querySelector("[data-job]"), true);
  const same = place.querySelector(`[data-job="${panel.dataset.job}"]`); // one that was asked for twice at once
  if (same) same.replaceWith(panel);
  else place.append(panel);
  panel.scrollIntoView({ block: "center" });
  panel.querySelector("h2").focus({ preventScroll: true });
  watch(panel, form, form.id === "speak" ? form.elements.text.value : null);
}

// ---- How far it is

// form: that which asked, on this page; text: what it asked to say
async function watch(panel, form = null, text = null) {
  for (let looks = 0; panel.isConnected; looks += 1) {
    await pause(looks < QUICK_LOOKS ? QUICK_MS : SLOW_MS);
    if (!panel.isConnected) break;
    const job = await look(panel);
    if (!job) continue;
    show(panel, job);
    if (!["waiting", "speaking"].includes(job.state)) return end(panel, form, text, job);
  }
  free(form);
}

async function look(panel) {
  try {
    const response = await fetch(panel.dataset.job, ASK);
    if (response.ok) return await response.json();
    return response.status === 404 ? { state: "gone", words: panel.dataset.gone, fraction: 1 } : null;
  } catch {
    part(panel, "words").textContent = panel.dataset.lost;
    return null;
  }
}

function show(panel, job) {
  part(panel, "bar").value = job.fraction;
  part(panel, "words").textContent = job.words;
  const now = Date.now();
  if (job.state === panel.dataset.state && now - (panel.dataset.told ?? 0) < SILENT_MS) return;
  panel.dataset.state = job.state;
  panel.dataset.told = now;
  part(panel, "announce").textContent = job.words;
}

async function end(panel, form, text, job) {
  const isHere = form?.isConnected;
  if (job.state === "done" && isHere) return location.assign(job.page); // busy until the next page is there
  free(form);
  if (job.state === "cancelled" && isHere) {
    panel.remove();
    notify(job.words, "done");
    return (form.querySelector(".big") ?? form.querySelector("button")).focus();
  }
  if (job.state === "failed" && isHere) {
    panel.remove();
    return fail(form, text, job);
  }
  close(panel, job);
}

// A panel that was on the page from its start stays, and tells what became of its job.
function close(panel, job) {
  part(panel, "bar").hidden = true;
  part(panel, "cancel").hidden = true;
  part(panel, "listen").hidden = job.state !== "done";
  part(panel, "listen").href = job.page ?? "#";
  part(panel, "back").hidden = !["failed", "cancelled"].includes(job.state);
  part(panel, "words").classList.toggle("error", job.state === "failed");
}

// The message at its field, unless the person has written on meanwhile.
async function fail(form, text, job) {
  if (text === null || form.elements.text.value !== text) return complain(form, job.words);
  try {
    const response = await fetch(job.page, { cache: "no-store" });
    const page = parse(await response.text());
    replaceForm(form, page);
  } catch {
    complain(form, job.words);
  }
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-job] form[data-cancel]")) return;
  event.preventDefault();
  form.querySelector("button").setAttribute("aria-disabled", "true");
  try {
    const response = await fetch(form.action, { method: "POST", body: new FormData(form), ...ASK });
    const job = await response.json();
    show(form.closest("[data-job]"), job); // what watches it ends it
  } catch {
    form.querySelector("button").removeAttribute("aria-disabled");
  }
});

// The back button brings a page as it was left: what was asked for there is over, or is looked at again.
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  free(main());
  free(document.getElementById("again"));
  for (const panel of document.querySelectorAll("[data-job]")) {
    if (panel.dataset.state !== "waiting" && panel.dataset.state !== "speaking") panel.remove();
  }
});

for (const panel of document.querySelectorAll("[data-job]")) watch(panel);
