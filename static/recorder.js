// A recording made in the browser: read a sentence, listen, keep it as if it were a chosen file.

// What the recording may be, the best first: Chromium and Firefox write WebM or Ogg, Safari MP4.
const KINDS = [
  ["audio/webm;codecs=opus", "webm"],
  ["audio/ogg;codecs=opus", "ogg"],
  ["audio/mp4;codecs=mp4a.40.2", "m4a"],
  ["audio/mp4", "m4a"],
];
const AS_IT_SOUNDS = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };
const KBITS = 96;
const FAULTS = { NotAllowedError: "denied", SecurityError: "denied", NotFoundError: "absent", OverconstrainedError: "absent" };

let current = null; // {root, before, stream, recorder, context, timer, file, url}: what is recorded or listened to
// now; before: the voice that was chosen until then

const part = (root, name) => root.querySelector(`[data-${name}]`);
const inputOf = (root) => root.closest("form").querySelector("[data-drop] input[type=file]");

// The choice of the recording among the voices of a form, and the voice that is chosen there: none where there is no choice.
const ownVoice = (root) => root.closest("[data-own]")?.querySelector("[type=radio]");
const chosenVoice = (root) => root.closest("form").querySelector("[name=voice]:checked");

function tell(root, what) {
  part(root, "told").textContent = root.dataset[what] ?? "";
  part(root, "told").classList.toggle("error", !["waiting", "speak", "listen", "kept", ""].includes(what));
}

function show(root, stage) {
  part(root, "record").hidden = stage !== "idle";
  part(root, "studio").hidden = stage === "idle";
  part(root, "live").hidden = stage !== "live";
  part(root, "review").hidden = stage !== "review";
}

function clock(seconds) {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
}

// ---- Sentences to read aloud: `read` are those of this take, the last of which is shown

const offered = (root) => part(root, "prompts").selectedOptions[0].dataset.sentences.split("\n");

// The sentence after the last one that was shown, and of those again after all of them.
function showNext(mine) {
  const { root } = mine;
  const sentences = offered(root);
  const place = Number(root.dataset.place ?? 0) % sentences.length;
  root.dataset.place = place + 1;
  mine.read.push(sentences[place]);
  part(root, "prompt").lang = part(root, "prompts").value;
  part(root, "prompt").textContent = sentences[place];
}

// Notes in the form what was read in the recording that it sends; nothing where that is not known.
function noteText(form, text, language) {
  if (!form.elements.text_language) return;
  form.elements.text.value = text;
  form.elements.text_language.value = language;
}

// ---- The microphone

async function record(root) {
  const before = current?.before;
  discard();
  if (!navigator.mediaDevices?.getUserMedia) return tell(root, window.isSecureContext ? "absent" : "insecure");
  const mine = { root, before, read: [] };
  current = mine;
  tell(root, "waiting");
  part(root, "record").disabled = true;
  try {
    mine.stream = await navigator.mediaDevices.getUserMedia({ audio: AS_IT_SOUNDS });
    if (current === mine) start(mine);
    else release(mine);
  } catch (error) {
    release(mine);
    if (current === mine) current = null;
    tell(root, FAULTS[error.name] ?? "taken");
  }
  part(root, "record").disabled = false;
}

function start(mine) {
  const { root, stream } = mine;
  const [type, ending] = KINDS.find(([kind]) => MediaRecorder.isTypeSupported(kind)) ?? ["", "webm"];
  mine.recorder = new MediaRecorder(stream, { mimeType: type, audioBitsPerSecond: KBITS * 1000 });
  const blocks = [];
  mine.recorder.addEventListener("dataavailable", ({ data }) => blocks.push(data));
  mine.recorder.addEventListener("stop", () => review(mine, blocks, type, ending));
  stream.getTracks()[0].addEventListener("ended", () => stop(mine)); // the microphone was unplugged
  mine.recorder.start(1000);
  const [own, chosen] = [ownVoice(root), chosenVoice(root)];
  if (chosen !== own) mine.before = chosen;
  if (own) own.checked = true;
  if (part(root, "prompts")) {
    part(root, "prompts").disabled = true; // a take is in one language
    showNext(mine);
  }
  watch(mine);
  show(root, "live");
  tell(root, "speak");
  part(root, "stop").focus();
}

function stop(mine) {
  if (mine?.recorder && mine.recorder.state !== "inactive") mine.recorder.stop();
}

function release(mine) {
  clearInterval(mine.timer);
  mine.stream?.getTracks().forEach((track) => track.stop());
  mine.context?.close();
  mine.context = mine.stream = null;
}

// Shows how loud it is, and for how long, and ends what is forgotten.
function watch(mine) {
  const { root } = mine;
  mine.context = new AudioContext();
  const analyser = mine.context.createAnalyser();
  mine.context.createMediaStreamSource(mine.stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const started = Date.now();
  const look = () => {
    analyser.getFloatTimeDomainData(samples);
    const peak = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 1e-6);
    const seconds = (Date.now() - started) / 1000;
    part(root, "level").value = Math.max(-60, 20 * Math.log10(peak));
    part(root, "clock").textContent = clock(seconds);
    if (seconds >= Number(root.dataset.maxSeconds)) stop(mine);
  };
  look(); // an earlier recording may have left its time
  mine.timer = setInterval(look, 100);
}

// ---- Listening to it, and what becomes of it

function review(mine, blocks, type, ending) {
  const { root } = mine;
  release(mine);
  if (mine !== current) return;
  const whole = new Blob(blocks, { type: type.split(";")[0] });
  if (!whole.size) {
    discard();
    return tell(root, "empty");
  }
  mine.file = new File([whole], `${root.dataset.fileName}.${ending}`, { type: whole.type });
  mine.url = URL.createObjectURL(whole);
  part(root, "take").src = mine.url;
  show(root, "review");
  tell(root, "listen");
  part(root, "keep").focus();
  root.dispatchEvent(new CustomEvent("recorded", { bubbles: true, detail: mine.file }));
}

function keep() {
  const { root, file, read } = current;
  const chosen = new DataTransfer();
  chosen.items.add(file);
  const input = inputOf(root);
  input.files = chosen.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
  noteText(input.form, read.join(" "), part(root, "prompts")?.value);
  discard();
  tell(root, "kept");
  part(root, "record").focus();
}

// Leaves the recording that is made or reviewed; what was chosen before stays.
function discard() {
  if (!current) return;
  const { root, recorder, url } = current;
  const left = current;
  current = null;
  if (recorder && recorder.state !== "inactive") recorder.stop();
  release(left);
  if (part(root, "prompts")) part(root, "prompts").disabled = false;
  part(root, "take").removeAttribute("src");
  if (url) URL.revokeObjectURL(url);
  show(root, "idle");
  tell(root, "");
}

function dropTake(root) {
  const input = inputOf(root);
  const { before } = current;
  discard();
  if (before && !input.files.length && ownVoice(root).checked) before.checked = true;
  input.dispatchEvent(new Event("change", { bubbles: true })); // the findings are again those of the chosen file
  part(root, "record").focus();
}

document.addEventListener("click", ({ target }) => {
  const root = target.closest?.("[data-recorder]");
  if (!root) return;
  if (target.closest("[data-record], [data-again]")) record(root);
  else if (target.closest("[data-next]")) showNext(current);
  else if (target.closest("[data-stop]")) stop(current);
  else if (target.closest("[data-keep]")) keep();
  else if (target.closest("[data-drop-take]")) dropTake(root);
});

// A file that is chosen instead: nobody knows what is read in it.
document.addEventListener("change", ({ target }) => {
  if (target.matches?.("[data-drop] input[type=file]")) noteText(target.form, "", "");
});

// ---- Where it is shown

function reveal(scope) {
  if (!window.MediaRecorder || !window.DataTransfer) return;
  for (const root of scope.querySelectorAll("[data-recorder]")) root.hidden = false;
}

document.addEventListener("fresh", ({ target }) => {
  if (current && !current.root.isConnected) discard(); // its form came back, and not another one of the page
  reveal(target);
});

// A form that is sent while a recording is not kept yet: one that is made is shown first, one that is there goes along,
// to be there still when the form comes back; the voice stays the one that was chosen last.
document.addEventListener("submit", (event) => {
  if (!current || current.root.closest("form") !== event.target) return;
  if (current.recorder?.state === "recording") {
    event.preventDefault();
    event.stopImmediatePropagation();
    stop(current);
  } else if (current.file && !inputOf(current.root).files.length) {
    const voice = chosenVoice(current.root);
    keep();
    if (voice) voice.checked = true;
  }
}, true);
addEventListener("pagehide", discard);
reveal(document);
