// Page tokens: opaque to clients, an offset inside.

import { invalidField } from "./errors.mjs";

const token = (offset) => Buffer.from(JSON.stringify({ offset })).toString("base64");

function offsetOf(text) {
  if (!text) return 0;
  try {
    const { offset } = JSON.parse(Buffer.from(text, "base64").toString());
    if (Number.isInteger(offset) && offset >= 0) return offset;
  } catch {
    // not one of ours
  }
  throw invalidField("page_token", "is not a token of this list");
}

/** Cuts one page out of `items`: {items, next_page_token, prev_page_token, total_size}. */
export function page(items, { page_size: size, page_token: from }, usual) {
  const step = size || usual;
  const offset = offsetOf(from);
  return {
    items: items.slice(offset, offset + step),
    next_page_token: offset + step < items.length ? token(offset + step) : "",
    prev_page_token: offset > 0 ? token(Math.max(0, offset - step)) : "",
    total_size: items.length,
  };
}
