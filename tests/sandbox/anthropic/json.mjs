// Reading a request body as strictly as the real service does: UTF-8, JSON, no half surrogate pairs.
//
// Integers that a double cannot hold keep their digits: they become strings with a mark in front,
// so that a client that rounds them while echoing a reply is found out by plain comparison.

import { invalid } from "./errors.mjs";

const MARK = "\\u0000#";
const STRING_OR_NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** The parsed body and its text. Throws a 400 as the real service words it. */
export function parseBody(bytes) {
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw invalid("The request body is not valid JSON: invalid utf-8 sequence");
  }
  checkSurrogates(text);
  try {
    return { text, value: parse(text) };
  } catch (e) {
    throw invalid(`The request body is not valid JSON: ${reason(e)}`);
  }
}

/** JSON.parse that keeps the digits of big numbers. */
export function parse(text) {
  return JSON.parse(/\d{16}/.test(text) ? markBigNumbers(text) : text);
}

function markBigNumbers(text) {
  return text.replace(STRING_OR_NUMBER, (token) => {
    if (token[0] === '"' || token.replace(/\D/g, "").length < 16) return token;
    return `"${MARK}${token}"`;
  });
}

function checkSurrogates(text) {
  if (!/\\u[dD][89a-fA-F]/.test(text)) return;
  const escapes = /\\(?:u([0-9a-fA-F]{4})|[^])/g;
  let high = -1;
  for (let m = escapes.exec(text); m; m = escapes.exec(text)) {
    const unit = m[1] ? parseInt(m[1], 16) : 0;
    if (high >= 0) {
      if (m.index !== high + 6 || unit < 0xdc00 || unit > 0xdfff) throw lone(text, high);
      high = -1;
    } else if (unit >= 0xdc00 && unit <= 0xdfff) {
      throw lone(text, m.index);
    } else if (unit >= 0xd800 && unit <= 0xdbff) {
      high = m.index;
    }
  }
  if (high >= 0) throw lone(text, high);
}

function lone(text, at) {
  const line = text.slice(0, at).split("\n");
  return invalid("The request body is not valid JSON: no low surrogate in string: " +
    `line ${line.length} column ${line.at(-1).length + 1} (char ${at})`);
}

function reason(e) {
  return e instanceof SyntaxError ? e.message : "too deeply nested";
}
