// Sentences and numbers in the page's language.

const { lang } = document.documentElement;
export const language = navigator.languages.find((own) => own.split("-")[0] === lang) ?? lang; // en-GB for en

// A sentence of the page's body, where the server translated it, with its {values} put in.
export function sentence(name, values = {}) {
  return document.body.dataset[name].replace(/{(\w+)}/g, (_whole, key) => values[key]);
}

export function figure(value, digits = 0, least = digits) {
  return value.toLocaleString(language, { minimumFractionDigits: least, maximumFractionDigits: digits });
}
