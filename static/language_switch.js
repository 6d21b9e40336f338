// A switch of the language keeps what was typed and chosen: it is put into the page in the other language.

const KEPT = "tembr-form";
// Not a search of the bank: the other page shows the first voices and the chosen one.
const KEEPABLE = "form[id] :is(input:not([type=hidden], [type=file], [data-find]), select, textarea)";

function keep() {
  const fields = [...document.querySelectorAll(KEEPABLE)].map(({ form, name, value, checked }) => ({ id: form.id, name, value, checked }));
  sessionStorage.setItem(KEPT, JSON.stringify({ page: location.pathname, fields }));
}

// The chosen voice may be one that the page would not offer by itself.
function askForVoice(next) {
  const voice = document.querySelector("[data-choices] :checked")?.value;
  if (!voice) return;
  const address = new URL(next.value, location);
  address.searchParams.set("voice", voice);
  next.value = address.pathname + address.search;
}

function bringBack() {
  const { page, fields } = JSON.parse(sessionStorage.getItem(KEPT)) ?? {};
  sessionStorage.removeItem(KEPT);
  if (page !== location.pathname) return;
  for (const { id, name, value, checked } of fields) {
    for (const field of document.getElementById(id)?.querySelectorAll(`[name="${CSS.escape(name)}"]`) ?? []) {
      if (!["radio", "checkbox"].includes(field.type)) field.value = value;
      else if (field.value === value) field.checked = checked;
    }
  }
}

const form = document.querySelector("[data-switch]");
for (const button of form?.querySelectorAll("button") ?? []) {
  button.removeAttribute("form"); // without scripts it sends the page's form along
  button.removeAttribute("formaction");
}
form?.addEventListener("submit", () => {
  keep();
  askForVoice(form.elements.next);
});
bringBack();
