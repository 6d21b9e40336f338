// The text of a speech under its player: the word that is being said is marked, a click on a word plays from there.

import { ask } from "./request.js";

for (const place of document.querySelectorAll("[data-segments]")) follow(place, place.parentElement.querySelector("audio"));

async function follow(place, player) {
  const segments = await load(place.dataset.segments);
  if (!segments) return; // the player is there all the same
  const words = write(place, segments);
  place.hidden = false;
  if (place.scrollHeight > place.clientHeight) makeReachable(place);

  let marked = null;
  const show = () => {
    const word = player.ended ? null : saidAt(words, player.currentTime);
    if (word === marked) return;
    marked?.element.classList.remove("now");
    word?.element.classList.add("now");
    if (word) keepInSight(place, word.element);
    marked = word;
  };
  const run = () => {
    show();
    if (!player.paused) requestAnimationFrame(run);
  };
  player.addEventListener("play", run);
  for (const event of ["seeked", "ended", "emptied"]) player.addEventListener(event, show);
  place.addEventListener("click", ({ target }) => {
    const word = words.find(({ element }) => element === target);
    if (!word || !getSelection().isCollapsed) return;
    player.currentTime = word.start;
    player.play();
  });
  if (!player.paused) run();
}

async function load(address) {
  try {
    return (await ask(address)).data?.segments;
  } catch {
    return null;
  }
}

// Plain text but for a span around each word.  segments: see segments() in app/subtitles.py
function write(place, segments) {
  const words = [];
  for (const [before, text, start, end] of segments) {
    place.append(before);
    if (text === undefined) continue;
    const element = document.createElement("span");
    element.textContent = text;
    place.append(element);
    words.push({ element, start, end });
  }
  return words;
}

// The word at that time; in a pause that which was said last, so that nothing flickers.
function saidAt(words, seconds) {
  let low = 0;
  let high = words.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (words[middle].start <= seconds) low = middle + 1;
    else high = middle;
  }
  return words[low - 1] ?? null;
}

// A long text scrolls in its place: the keyboard reaches it, too.
function makeReachable(place) {
  place.tabIndex = 0;
  place.setAttribute("role", "group");
  place.setAttribute("aria-label", place.dataset.label);
}

function keepInSight(place, { offsetTop, offsetHeight }) {
  const isSeen = offsetTop >= place.scrollTop && offsetTop + offsetHeight <= place.scrollTop + place.clientHeight;
  if (!isSeen) place.scrollTop = offsetTop - offsetHeight;
}
