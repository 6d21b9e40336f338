// A long bank is searched as one types; without scripts a button does it.

let waiting = null; // for the end of typing
let asking = null; // the request under way; another one ends it

async function show(field) {
  waiting = null;
  const form = field.form;
  const list = form.querySelector("[data-choices]");
  const chosen = new FormData(form).get("voice") ?? "";
  asking?.abort();
  asking = new AbortController();
  try {
    const address = `${field.dataset.find}?${new URLSearchParams({ find: field.value, chosen })}`;
    const response = await fetch(address, { signal: asking.signal });
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html").querySelector("[data-choices]");
    if (!response.ok || !fresh) return;
    const now = new FormData(form).get("voice"); // chosen while it was asked for
    list.replaceWith(document.importNode(fresh, true));
    const same = form.querySelector(`[name="voice"][value="${CSS.escape(now ?? "")}"]`);
    if (same) same.checked = true;
    form.querySelector("[data-found]").textContent = fresh.dataset.said;
  } catch {
    // the list stays as it was
  }
}

document.addEventListener("input", ({ target }) => {
  if (!target.matches("[data-find]")) return;
  target.form.elements.found.value = target.value;
  clearTimeout(waiting);
  waiting = setTimeout(show, 200, target);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !event.target.matches("[data-find]")) return;
  event.preventDefault(); // it would press Speak
  if (waiting === null) return; // it is shown already, or asked for
  clearTimeout(waiting);
  show(event.target);
});
