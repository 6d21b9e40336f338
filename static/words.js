// Sentences and numbers in the page's language.

const { lang } = document.documentElement;
export const language = navigator.languages.find((own) => own.split("-")[0] === lang) ?? lang; // en-GB for en

// The sentence that an element keeps for a script, translated by the server, with its {values} put in.
export function sentence({ dataset }, name, values) {
  return dataset[name].replace(/{(\w+)}/g, (_whole, key) => values[key]);
}

export function figure(value, digits = 0, least = digits) {
  return value.toLocaleString(language, { minimumFractionDigits: least, maximumFractionDigits: digits });
}
