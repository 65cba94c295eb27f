// The prompt as a sequence of positions: tools, system blocks, message blocks. Prompt caching and
// the binding of thinking blocks both ask "is everything up to here the same as it was?"; each
// position's hash covers itself and all before it. Cache markers are no part of it.

import { createHash } from "node:crypto";

const MEMO_ENTRIES = 64;

/**
 * Positions in order: {kind, hash, bytes, marker, markable, m, block}; `bytes` is cumulative,
 * `marker` the ttl of an explicit cache marker or null, `m` the message's index.
 */
export function createPrefixes() {
  const memo = new Map();

  /** Tools and system are the same in many requests: their positions are kept. */
  function head(tools, system) {
    const key = JSON.stringify([tools, system]);
    const known = memo.get(key);
    if (known) return known;
    const list = [];
    for (const tool of tools ?? []) push(list, "tools", "t", plain(tool), tool);
    const blocks = typeof system === "string" ? [{ type: "text", text: system }] : system ?? [];
    for (const block of blocks) push(list, "system", "s", plain(block), block);
    if (memo.size >= MEMO_ENTRIES) memo.delete(memo.keys().next().value);
    memo.set(key, list);
    return list;
  }

  return function positions({ tools, system, messages }) {
    const list = head(tools, system).slice();
    messages.forEach(({ role, content }, m) => {
      const blocks = typeof content === "string" ? [{ type: "text", text: content }] : content;
      for (const block of blocks) {
        const position = push(list, "messages", role, meaning(block), block);
        position.m = m;
        position.role = role;
      }
    });
    return list;
  };
}

function push(list, kind, label, text, block) {
  const before = list.at(-1);
  const position = {
    kind,
    hash: chained(before?.hash ?? "", label, text),
    bytes: (before?.bytes ?? 0) + Buffer.byteLength(text),
    marker: innerMarker(block),
    markable: block.type !== "thinking" && block.type !== "redacted_thinking",
    block,
    text,
  };
  list.push(position);
  return position;
}

function chained(before, label, text) {
  return createHash("sha256").update(`${before}\n${label}\n`).update(text).digest("base64");
}

/** The position's marker: its own, or one on a block inside a tool result. */
function innerMarker(block) {
  const own = block.cache_control;
  if (own) return own.ttl ?? "5m";
  if (block.type !== "tool_result" || !Array.isArray(block.content)) return null;
  const inner = block.content.filter((b) => b.cache_control).at(-1);
  return inner ? inner.cache_control.ttl ?? "5m" : null;
}

/**
 * What a content block says, as text: equal for two blocks exactly when the model sees the same.
 * The order of keys inside a call's input counts, and so do the digits of its numbers. A thinking
 * block's signature does not: it cannot cover itself.
 */
export function meaning(block) {
  switch (block.type) {
  case "text":
    return `text ${JSON.stringify(block.text)}`;
  case "tool_use":
  case "server_tool_use":
    return `${block.type} ${block.id} ${block.name} ${JSON.stringify(block.input)}`;
  case "thinking":
    return `thinking ${JSON.stringify(block.thinking)}`;
  case "redacted_thinking":
    return "redacted_thinking";
  default:
    return plain(block);
  }
}

function plain(block) {
  return JSON.stringify(block, (key, value) => (key === "cache_control" ? undefined : value));
}

/** Tokens of a stretch of the prompt: nobody knows exactly, four bytes each will do. */
export function tokensOf(bytes) {
  return Math.ceil(bytes / 4);
}

export function shortHash(text) {
  return createHash("sha256").update(text).digest();
}
