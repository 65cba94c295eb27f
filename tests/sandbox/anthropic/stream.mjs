// The stream of a message: its events as the real service sends them, cut into chunks at places
// that are hard on a client, and written to the socket.
//
// Nothing here is random: what looks so follows from `seed`, the number of the reply.

import { pause } from "../faults.mjs";
import { INPUT_TEXT } from "./reply.mjs";

const EOL = { lf: "\n", crlf: "\r\n", cr: "\r" };
const MAX_CHUNK = 700;
const LATENCY_STEPS = 6;

/** A repeatable sequence of numbers below `limit`. */
export function sequence(seed) {
  let state = (seed * 2654435761 + 12345) >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  };
}

/**
 * The events of a message, each as text. With `fast` every block is one delta; otherwise text and
 * calls come in pieces, with pings, an unknown event or a second message_delta now and then.
 */
export function eventsOf(message, { fast = false, eol = "lf", seed = 0 } = {}) {
  const events = [];
  const next = sequence(seed);
  const emit = (name, data) => events.push(eventText(name, data, EOL[eol]));
  emit("message_start", JSON.stringify({ type: "message_start", message: openMessage(message) }));
  if (!fast && seed % 3 === 1) {
    emit("content_hint", '{"type":"content_hint","hint":{"blocks":[1,2]}}');
  }
  message.content.forEach((block, index) => {
    emit("content_block_start", `{"type":"content_block_start","index":${index},` +
      `"content_block":${JSON.stringify(openBlock(block))}}`);
    if (index === 0) emit("ping", '{"type": "ping"}');
    for (const delta of fast ? wholeDeltas(block) : deltas(block, next)) {
      emit("content_block_delta",
        `{"type":"content_block_delta","index":${index},"delta":${delta}}`);
    }
    emit("content_block_stop", `{"type":"content_block_stop","index":${index}}`);
  });
  const { stop_reason: reason, stop_sequence: stop, stop_details: details, usage } = message;
  const delta = (stopReason, tokens) => JSON.stringify({ type: "message_delta",
    delta: { stop_reason: stopReason, stop_sequence: stop, stop_details: details,
      container: null },
    usage: { input_tokens: usage.input_tokens,
      cache_creation_input_tokens: usage.cache_creation_input_tokens,
      cache_read_input_tokens: usage.cache_read_input_tokens, output_tokens: tokens,
      output_tokens_details: usage.output_tokens_details, server_tool_use: null } });
  if (!fast && seed % 4 === 2) emit("message_delta", delta(null, usage.output_tokens >> 1));
  emit("message_delta", delta(reason, usage.output_tokens));
  emit("message_stop", '{"type":"message_stop"}');
  return events;
}

export function eventText(name, data, eol = "\n") {
  return `event: ${name}${eol}data: ${data}${eol}${eol}`;
}

function openMessage(message) {
  return { ...message, content: [], stop_reason: null, stop_sequence: null, stop_details: null,
    usage: { ...message.usage, output_tokens: 1, output_tokens_details: null } };
}

function openBlock(block) {
  switch (block.type) {
  case "text":
    return { ...block, text: "" };
  case "thinking":
    return { ...block, thinking: "", signature: "" };
  case "tool_use":
  case "server_tool_use":
    return { ...block, input: {} };
  default:
    return block;
  }
}

const textDelta = (text) => `{"type":"text_delta","text":${text}}`;
const inputDelta = (text) => `{"type":"input_json_delta","partial_json":${JSON.stringify(text)}}`;
const thinkingDelta = (text) => `{"type":"thinking_delta","thinking":${JSON.stringify(text)}}`;
const signatureDelta = (block) => `{"type":"signature_delta","signature":"${block.signature}"}`;

function wholeDeltas(block) {
  if (block.type === "text") return [textDelta(JSON.stringify(block.text))];
  if (block.type === "thinking") {
    return [...(block.thinking ? [thinkingDelta(block.thinking)] : []), signatureDelta(block)];
  }
  return block[INPUT_TEXT] === undefined ? [] : [inputDelta(block[INPUT_TEXT])];
}

function* deltas(block, next) {
  if (block.type === "text") {
    for (const piece of pieces(block.text, next)) {
      const text = JSON.stringify(piece);
      yield textDelta(next(3) === 0 ? asciiOnly(text) : text);
    }
  } else if (block.type === "thinking") {
    for (const piece of pieces(block.thinking, next)) yield thinkingDelta(piece);
    yield signatureDelta(block);
  } else if (block[INPUT_TEXT] !== undefined) {
    yield inputDelta("");
    const raw = block[INPUT_TEXT];
    const text = next(2) === 0 ? asciiOnly(raw) : raw;
    for (const piece of pieces(text, next)) yield inputDelta(piece);
  }
}

/** Cuts a text anywhere but inside a surrogate pair: also inside its JSON escapes. */
function* pieces(text, next) {
  for (let at = 0; at < text.length;) {
    let end = at + 1 + next(70);
    if (isHigh(text.charCodeAt(end - 1)) && isLow(text.charCodeAt(end))) end++;
    yield text.slice(at, end);
    at = end;
  }
}

const isHigh = (unit) => unit >= 0xd800 && unit <= 0xdbff;
const isLow = (unit) => unit >= 0xdc00 && unit <= 0xdfff;

/** The same JSON text with everything beyond ASCII written as an escape. */
function asciiOnly(json) {
  return json.replace(/[\u0080-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/**
 * Cuts bytes into chunks: between lines, inside lines, inside UTF-8 sequences, several events in
 * one. With `fast` there is one chunk.
 */
export function chunksOf(bytes, { fast = false, seed = 0 } = {}) {
  if (fast) return [bytes];
  const next = sequence(seed + 1);
  const chunks = [];
  for (let at = 0; at < bytes.length;) {
    let end = Math.min(bytes.length, at + 1 + next(next(4) === 0 ? 12 : MAX_CHUNK));
    // Where a character of several bytes is near, end inside it.
    for (let i = end; i < Math.min(end + 40, bytes.length); i++) {
      if ((bytes[i] & 0xc0) === 0x80) {
        end = i;
        break;
      }
    }
    chunks.push(bytes.subarray(at, end));
    at = end;
  }
  return chunks;
}

/** Writes the chunks, spread over `latencyMs`. Resolves when all are written or nobody listens. */
export async function writeChunks(res, chunks, latencyMs = 0) {
  if (!(latencyMs > 0)) {
    // Not res.cork(): it would join the chunks into one.
    for (const chunk of chunks) res.write(chunk);
    return;
  }
  const step = Math.max(1, Math.ceil(chunks.length / LATENCY_STEPS));
  for (let at = 0; at < chunks.length && !res.destroyed; at += step) {
    if (at > 0) await pause(latencyMs / LATENCY_STEPS, res);
    for (const chunk of chunks.slice(at, at + step)) res.write(chunk);
  }
}
