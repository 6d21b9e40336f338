// What a field shows while it is filled in: how long a text is, where a slider stands, which file was chosen.

import { figure, sentence } from "./words.js";

export function showCount(counter) {
  const limit = Number(counter.dataset.limit);
  const count = [...document.getElementById(counter.dataset.counter).value].length;
  counter.textContent = sentence(counter, "counted", { count: figure(count), limit: figure(limit) });
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
  chosen.textContent = refusal ?? (file ? sentence(zone, "file", { name: file.name, size: figure(file.size / 1e6, 1) }) : "");
  chosen.classList.toggle("error", Boolean(refusal));
}

function tooLarge(input) {
  const size = (input.files[0]?.size ?? 0) / 1e6;
  const limit = Number(input.dataset.maxMegabytes);
  return size > limit ? sentence(input.closest("[data-drop]"), "tooLarge", { size: figure(size, 1), limit: figure(limit) }) : null;
}

// The first file field of a form whose file is not even worth sending.
export function tooLargeIn(form) {
  return [...form.querySelectorAll("[type=file]")].find(tooLarge);
}

function showAll(root) {
  root.querySelectorAll("[data-counter]").forEach(showCount);
  root.querySelectorAll("[data-value-of]").forEach(showValue);
  root.querySelectorAll("[data-drop] input").forEach(showFile);
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

for (const [type, isOver] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
  document.addEventListener(type, ({ target }) => {
    target.closest?.("[data-drop]")?.classList.toggle("over", isOver);
  });
}

document.addEventListener("fresh", ({ target }) => showAll(target));
showAll(document);
