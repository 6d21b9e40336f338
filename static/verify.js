// A file that was chosen or dropped is looked up at once, and the answer is read aloud.

import "./forms.js";

document.addEventListener("change", ({ target }) => {
  if (target.matches("#verify [type=file]") && target.files.length) target.form.requestSubmit();
});

document.addEventListener("fresh", ({ target }) => target.querySelector("#finding-title")?.focus());
