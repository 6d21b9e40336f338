// Samples play in place, and only one sound at a time.

const sample = new Audio();
let playing = null; // the link whose sample is heard

function stop() {
  sample.pause();
  playing?.classList.remove("playing");
  playing = null;
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("[data-play]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const again = link === playing;
  stop();
  if (again) return;
  playing = link;
  link.classList.add("playing");
  sample.src = link.href;
  sample.play().catch(() => playing === link && stop());
});

sample.addEventListener("ended", stop);

document.addEventListener("play", ({ target }) => {
  stop();
  for (const other of document.querySelectorAll("audio")) if (other !== target) other.pause();
}, true); // "play" does not bubble
