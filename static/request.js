// The one way in which a script asks the site for something, and shows the part of a page that answers.

// A redirect comes as JSON, {page: its address}: fetch would follow it, and the messages that the next page shows
// once would be used up.
const HEADERS = { Accept: "application/json, text/html;q=0.9" };

// Returns {ok, status, data, part, title, message}.
//   data     the JSON, if the answer is JSON
//   part     the first element of the page that `selector` names, ready to be put into this page, or null
//   title    of the page
//   message  what an error page says, or undefined
// Rejects with a TypeError when the site does not answer, with an AbortError when options.signal ended the request.
export async function ask(address, selector, options = {}) {
  const response = await fetch(address, { headers: HEADERS, cache: "no-store", ...options });
  const { ok, status } = response;
  if (response.headers.get("Content-Type")?.startsWith("application/json")) {
    return { ok, status, data: await response.json(), part: null };
  }
  const page = parse(await response.text());
  const part = selector ? page.querySelector(selector) : null;
  const message = page.querySelector("[data-message]")?.textContent;
  return { ok, status, part: part && document.importNode(part, true), title: page.title, message };
}

export function post(address, selector, body, signal) {
  return ask(address, selector, { method: "POST", body, signal });
}

// The element that a piece of HTML consists of, ready to be put into this page.
export function elementOf(html) {
  return document.importNode(parse(html).body.firstElementChild, true);
}

function parse(html) {
  return new DOMParser().parseFromString(html, "text/html");
}
