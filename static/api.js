// The form that tries the API: it sends what a program would send, and shows that request and its answer.
//
// form[data-try]    the address of the speech resource; hidden where there are no scripts
// [data-request]    shows the request as a command, with its {format} and {body} put in
// [data-answer]     shows what a refusal says

import { sentence } from "./words.js";

const form = document.querySelector("[data-try]");
const request = form.querySelector("[data-request]");
const answer = form.querySelector("[data-answer]");
const player = form.querySelector("audio");

function body() {
  const { input, voice, response_format } = form.elements;
  return { model: form.dataset.model, input: input.value, voice: voice.value, response_format: response_format.value };
}

function showRequest() {
  const quoted = JSON.stringify(body()).replaceAll("'", "'\\''");
  request.textContent = sentence(request, "request", { format: body().response_format, body: quoted });
}

async function speak() {
  const headers = { Authorization: `Bearer ${form.elements.token.value.trim()}`, "Content-Type": "application/json" };
  const given = await fetch(form.dataset.try, { method: "POST", headers, body: JSON.stringify(body()) });
  if (!given.ok) {
    answer.textContent = (await given.json()).error.message;
    return;
  }
  answer.textContent = "";
  URL.revokeObjectURL(player.src);
  player.src = URL.createObjectURL(await given.blob());
  player.hidden = false;
  await player.play().catch(() => {}); // a browser may want the button of the player itself
}

form.addEventListener("input", showRequest);
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (form.ariaBusy === "true") return;
  form.ariaBusy = "true";
  answer.textContent = form.dataset.waiting;
  player.hidden = true;
  try {
    await speak();
  } catch {
    answer.textContent = form.dataset.noAnswer;
  }
  form.ariaBusy = null;
});
form.hidden = false;
showRequest();
