// Parts of this page as the server writes them now: the page is read again, and what differs takes the place of the old.

import { localTimes } from "/static/times.js";

const written = new Map(); // selector: the part as it came from the server

const find = (root, selector) => root.querySelector(selector);
const html = (part) => part?.outerHTML ?? "";

/** To be called before anything changes these parts. */
export function remember(...selectors) {
  for (const selector of selectors) written.set(selector, html(find(document, selector)));
}

/** The page at this address as a document. Throws {status} when the server has something else to say, or is not there. */
export async function read(address) {
  const answer = await fetch(address, { credentials: "same-origin", headers: { accept: "text/html" } });
  if (!answer.ok) throw Object.assign(new Error(`The service answered with ${answer.status}.`), { status: answer.status });
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

/** True when the part was replaced. What a person has the focus in stays. */
export function renew(fresh, selector) {
  const part = find(fresh, selector);
  const old = find(document, selector);
  if (!part || !old || html(part) === written.get(selector) || old.contains(document.activeElement)) return false;
  written.set(selector, html(part));
  localTimes(part);
  old.replaceWith(document.adoptNode(part));
  return true;
}
