// How far learning a voice is: shown anew until it is over.

import { ask } from "./request.js";

const LOOK_MS = 2000;

async function look() {
  const shown = document.querySelector("[data-lesson]");
  if (!shown) return;
  try {
    const { ok, part } = await ask(shown.dataset.lesson, "#lesson");
    if (ok && part && shown.isConnected && !shown.contains(document.activeElement)) shown.replaceWith(part);
    else if (ok && part) update(shown, part);
  } catch {
    // the server is away, and may be back
  }
  setTimeout(look, LOOK_MS);
}

// Leaves the button that has the focus where it is, but for a lesson that is over.
function update(shown, part) {
  if (!part.dataset.lesson) return shown.replaceWith(part);
  for (const name of ["[data-words]", "progress"]) {
    shown.querySelector(name).replaceWith(part.querySelector(name));
  }
}

setTimeout(look, LOOK_MS);
