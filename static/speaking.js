// Speaking: a form asks for a job; how far it is, is shown until it is over, and what is spoken so far is played; it can
// be cancelled.

import { tooLargeIn } from "./fields.js";
import * as forms from "./forms.js";
import { ask, elementOf, post } from "./request.js";

const FIRST_MS = 100; // until the first look at a job; each later one is LONGER times as long after the one before
const SLOW_MS = 1000; // at most
const LONGER = 1.2;
const FEED_MS = 50; // between two looks for more of what is being spoken
const SILENT_MS = 10_000; // between two things that are read aloud

const place = document.querySelector("[data-jobs]"); // absent on a job's own page, from which nothing is asked
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const part = (panel, name) => panel.querySelector(`[data-${name}]`);

// ---- Asking

function notify(message, kind) {
  place.querySelector(".notice")?.remove();
  if (!message) return;
  const notice = document.createElement("p");
  notice.className = `notice ${kind}`;
  notice.setAttribute("role", kind === "error" ? "alert" : "status");
  place.prepend(notice);
  notice.textContent = message; // read aloud, as what changes is
}

// Says what is wrong at the top of the form, or of the page where the form has no place for it.
function complain(form, message) {
  if (form.querySelector("[data-alert]")) forms.complain(form, message);
  else notify(message, "error");
}

async function send(form) {
  try {
    const answer = await post(form.action, `#${form.id}`, new FormData(form));
    if (answer.ok && answer.data) return begin(form, answer.data);
    if (answer.part) return forms.replace(form, answer);
    complain(form, answer.data?.message ?? forms.failed(form, answer));
  } catch {
    complain(form, form.dataset.noAnswer);
  }
  forms.free(form);
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("form[data-speak]") || event.defaultPrevented) return;
  event.preventDefault();
  if (forms.isBusy(form)) return; // a double click
  const refused = tooLargeIn(form);
  if (refused) return refused.focus();
  forms.occupy(form);
  notify("");
  complain(form, "");
  send(form);
});

function begin(form, job) {
  const panel = elementOf(job.panel);
  const same = place.querySelector(`[data-job="${panel.dataset.job}"]`); // one that was asked for twice at once
  if (same) same.replaceWith(panel);
  else place.append(panel);
  panel.scrollIntoView({ block: "center" });
  panel.querySelector("h2").focus({ preventScroll: true });
  watch(panel, form, form.elements.text?.value);
}

// ---- How far it is

// form: that which asked, on this page; text: what it asked to say, if that can be written on meanwhile
async function watch(panel, form, text) {
  for (let looks = 0; panel.isConnected; looks += 1) {
    await pause(Math.min(FIRST_MS * LONGER ** looks, SLOW_MS));
    if (!panel.isConnected) break;
    const job = await look(panel);
    if (!job) continue;
    show(panel, job);
    hear(panel, job, form);
    if (!["waiting", "speaking"].includes(job.state)) return end(panel, form, text, job);
  }
  if (form) forms.free(form);
}

async function look(panel) {
  try {
    const { ok, status, data } = await ask(panel.dataset.job);
    if (ok) return data;
    return status === 404 ? { state: "gone", words: panel.dataset.gone, fraction: 1 } : null;
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

// ---- Hearing what is spoken so far

// Plays the first sentences while the others are spoken: at once where this page asked for them.
function hear(panel, job, form) {
  const player = part(panel, "player");
  if (!job.audio || player.hasAttribute("src")) return;
  player.addEventListener("error", () => mute(panel));
  if (window.MediaSource?.isTypeSupported(player.dataset.type)) feed(player, job.audio).catch(() => mute(panel));
  else player.src = job.audio; // the browser waits for some seconds of sound before it begins
  player.hidden = false;
  if (form) player.play().catch(() => {}); // a browser may ask for the button to be pressed
}

// Gives a player what is spoken as it comes, so that it begins with the first sentence.
async function feed(player, address) {
  const source = new MediaSource();
  const opened = new Promise((resolve) => source.addEventListener("sourceopen", resolve, { once: true }));
  player.src = URL.createObjectURL(source);
  await opened;
  URL.revokeObjectURL(player.src);
  const buffer = source.addSourceBuffer(player.dataset.type);
  const { ok, body } = await fetch(address, { cache: "no-store" });
  if (!ok) throw new Error("not heard");
  const pieces = [];
  let isWhole = false;
  let isCut = false;
  const reader = body.getReader();
  const collect = async () => { // all of it, so that the site need not wait for who listens
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) pieces.push(piece.value);
  };
  collect().catch(() => (isCut = true)).finally(() => (isWhole = true));
  while (player.isConnected && source.readyState === "open") {
    if (pieces.length) await append(buffer, pieces);
    else if (isWhole) return source.endOfStream(isCut ? "network" : undefined);
    else await pause(FEED_MS);
  }
}

// Appends the first piece; one that does not fit is tried again, once more has been played.
async function append(buffer, pieces) {
  try {
    const appended = new Promise((resolve) => buffer.addEventListener("updateend", resolve, { once: true }));
    buffer.appendBuffer(pieces[0]);
    await appended;
    pieces.shift();
  } catch (fault) {
    if (fault.name !== "QuotaExceededError") throw fault;
    await pause(SLOW_MS);
  }
}

// What cannot be played: a format that this browser does not know, a connection that was cut.
function mute(panel) {
  part(panel, "player").hidden = true;
  part(panel, "unheard-note").textContent = panel.dataset.unheard;
  part(panel, "unheard-note").hidden = false;
}

function isHeard(panel) {
  const player = part(panel, "player");
  return !player.hidden && !player.error && !player.ended && !(player.paused && player.currentTime === 0);
}

// Nobody is interrupted: the page of the speech comes after its last word, unless the form was written in meanwhile.
function hearOut(panel, form, text, job) {
  forms.free(form);
  close(panel, job);
  part(panel, "listen").hidden = true;
  part(panel, "result").hidden = false;
  part(panel, "result").href = job.page;
  const leave = () => {
    const isKept = form.isConnected && form.elements.text?.value === text && !forms.isBusy(form);
    if (isKept && panel.isConnected) location.assign(job.page);
  };
  part(panel, "player").addEventListener("ended", leave);
  part(panel, "player").addEventListener("error", leave);
}

// ---- The end

function end(panel, form, text, job) {
  if (job.state !== "done") silence(panel);
  if (!form?.isConnected) return close(panel, job);
  if (job.state === "done" && isHeard(panel)) return hearOut(panel, form, text, job);
  if (job.state === "done") return location.assign(job.page); // busy until the next page is there
  forms.free(form);
  if (job.state === "cancelled") {
    panel.remove();
    notify(job.words, "done");
    return (form.querySelector(".big") ?? form.querySelector("button")).focus();
  }
  if (job.state !== "failed") return close(panel, job);
  panel.remove();
  return fail(form, text, job);
}

function silence(panel) {
  const player = part(panel, "player");
  player.pause();
  player.hidden = true;
  part(panel, "unheard-note").hidden = true;
}

// A panel that was on the page from its start stays, and tells what became of its job.
function close(panel, job) {
  part(panel, "bar").hidden = true;
  part(panel, "cancel").hidden = true;
  part(panel, "unheard-note").hidden = true;
  part(panel, "listen").hidden = job.state !== "done";
  part(panel, "listen").href = job.page ?? "#";
  part(panel, "back").hidden = !["failed", "cancelled"].includes(job.state);
  part(panel, "words").classList.toggle("error", job.state === "failed");
}

// The message at its field, unless the person has written on meanwhile.
async function fail(form, text, job) {
  if (text === undefined || form.elements.text.value !== text) return complain(form, job.words);
  try {
    const answer = await ask(job.page, `#${form.id}`);
    if (answer.part) forms.replace(form, answer);
    else complain(form, job.words);
  } catch {
    complain(form, job.words);
  }
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-job] form[data-cancel]")) return;
  event.preventDefault();
  const button = form.querySelector("button");
  button.setAttribute("aria-disabled", "true");
  try {
    const { data: job } = await post(form.action, null, new FormData(form));
    show(form.closest("[data-job]"), job); // what watches it ends it
  } catch {
    button.removeAttribute("aria-disabled");
  }
});

// The back button brings a page as it was left: what was asked for there is over, or is looked at again.
addEventListener("pageshow", ({ persisted }) => {
  if (!persisted) return;
  for (const panel of document.querySelectorAll("[data-job]")) {
    if (!["waiting", "speaking"].includes(panel.dataset.state)) panel.remove();
  }
});

for (const panel of document.querySelectorAll("[data-job]")) watch(panel);
