// Times of the server, in UTC, shown in the reader's time zone.

import { language } from "./words.js";

function localise(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    time.textContent = new Date(time.dateTime).toLocaleString(language, { dateStyle: "medium", timeStyle: "short" });
  }
}

document.addEventListener("fresh", ({ target }) => localise(target));
localise(document);
