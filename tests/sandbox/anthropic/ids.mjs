// Identifiers in the shapes the real service uses. They are made from a text, so that equal runs of
// the sandbox make equal ids.

import { createHash } from "node:crypto";

const DIGITS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const LENGTH = 20;

export function idOf(prefix, text) {
  const bytes = createHash("sha256").update(text).digest();
  let id = prefix;
  for (let i = 0; i < LENGTH; i++) id += DIGITS[bytes[i] % DIGITS.length];
  return id;
}
