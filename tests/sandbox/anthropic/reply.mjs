// From what a script wants to say to a finished message: thinking, ids, signatures, the limit on
// tokens, usage.
//
// A script's reply is {blocks, stop_reason?, stop_sequence?, stop_details?, thinking?: false}. Its
// blocks are those of the API without ids and signatures; a call may carry `inputText`, the raw JSON
// of its input, where a JavaScript value could not say it (big integers, broken JSON).

import { isThought, signReply } from "./binding.mjs";
import { idOf } from "./ids.mjs";
import { parse } from "./json.mjs";
import { tokensOf } from "./prefix.mjs";

const THINKING_TOKENS = 48;
const SUMMARY = "I look at what is known so far and decide on the next step.";

/** The message for a reply. `before` is the hash of the whole prompt, `salt` makes ids differ. */
export function finish(reply, { body, model, before, salt, usage }) {
  let blocks = reply.blocks.map((block) => ({ ...block }));
  if (body.tool_choice?.disable_parallel_tool_use) blocks = onlyOneCall(blocks);
  const thinks = reply.thinking !== false && blocks.length > 0 && isThinking(body, model);
  if (thinks && !blocks.some(isThought)) blocks.unshift({ type: "thinking" });
  const cut = reply.stop_reason === undefined && body.max_tokens !== undefined &&
    cutAt(blocks, body.max_tokens - (thinks ? THINKING_TOKENS : 0));
  const hasThoughts = blocks.some(isThought);
  const made = blocks.map((block, i) => complete(block, {
    model, body, id: `${before}${salt}${i}`, flag: hasThoughts ? "T" : "N" }));
  signReply(made, before, model);
  const thinkingTokens = hasThoughts ? THINKING_TOKENS : 0;
  return {
    id: idOf("msg_01", `${before}${salt}`),
    type: "message",
    role: "assistant",
    model: model.id,
    content: made,
    stop_reason: reply.stop_reason ?? (cut ? "max_tokens" : naturalEnd(made)),
    stop_sequence: reply.stop_sequence ?? null,
    stop_details: reply.stop_details ?? null,
    container: null,
    diagnostics: null,
    usage: {
      ...usage,
      output_tokens: thinkingTokens + Math.max(2, made.reduce((n, b) => n + sizeOf(b), 0)),
      output_tokens_details: { thinking_tokens: thinkingTokens },
      server_tool_use: null,
      service_tier: "standard",
      inference_geo: "global",
      speed: "standard",
    },
  };
}

function isThinking(body, model) {
  const type = body.thinking?.type;
  return type === undefined ? model.thinks : type !== "disabled";
}

function naturalEnd(blocks) {
  return blocks.some((block) => block.type === "tool_use") ? "tool_use" : "end_turn";
}

function onlyOneCall(blocks) {
  const first = blocks.findIndex((block) => block.type === "tool_use");
  return first < 0 ? blocks : blocks.slice(0, first + 1);
}

function complete(block, { model, body, id, flag }) {
  switch (block.type) {
  case "thinking": {
    const shown = (body.thinking?.display ?? model.display) === "summarized";
    return { type: "thinking", thinking: block.thinking ?? (shown ? SUMMARY : ""), signature: "" };
  }
  case "redacted_thinking":
    return { type: "redacted_thinking", data: "" };
  case "text":
    return { type: "text", text: block.text, citations: null };
  case "tool_use":
    return { type: "tool_use", id: block.id ?? idOf(`toolu_01${flag}`, id), name: block.name,
      ...inputOf(block), caller: { type: "direct" } };
  case "server_tool_use":
    return { type: "server_tool_use", id: block.id ?? idOf("srvtoolu_01", id), name: block.name,
      ...inputOf(block), caller: { type: "direct" } };
  default:
    return block;
  }
}

function inputOf(block) {
  if (block.inputText === undefined) {
    const text = JSON.stringify(block.input);
    return { input: /\d{16}/.test(text) ? parse(text) : block.input, [INPUT_TEXT]: text };
  }
  let input = {};
  try {
    input = parse(block.inputText);
  } catch {
    // A call that was cut off or is not JSON has no input that anyone could use.
  }
  return { input, [INPUT_TEXT]: block.inputText };
}

/** The raw JSON of a call's input, beside its parsed value. */
export const INPUT_TEXT = Symbol("input text");

function sizeOf(block) {
  if (block.type === "text") return tokensOf(Buffer.byteLength(block.text));
  return block[INPUT_TEXT] === undefined ? 0 : tokensOf(Buffer.byteLength(block[INPUT_TEXT])) + 12;
}

/** Cuts the blocks where the tokens end, in place. True if something was cut. */
function cutAt(blocks, tokens) {
  let left = Math.max(1, tokens) * 4;
  for (let i = 0; i < blocks.length; i++) {
    const text = blocks[i].text ?? blocks[i].inputText ??
      (blocks[i].input && JSON.stringify(blocks[i].input));
    if (text === undefined) continue;
    if (text.length <= left) {
      left -= text.length;
      continue;
    }
    const kept = text.slice(0, left).replace(/[\ud800-\udbff]$/, "");
    if (blocks[i].type === "text") blocks[i].text = kept || text.slice(0, 1);
    else blocks[i].inputText = kept;
    blocks.length = i + 1;
    return true;
  }
  return false;
}

/** The message as JSON text, for a reply that is not streamed. */
export function messageText(message) {
  const content = message.content.map(blockText).join(",");
  return JSON.stringify({ ...message, content: [] })
    .replace('"content":[]', () => `"content":[${content}]`);
}

function blockText(block) {
  const raw = block[INPUT_TEXT];
  if (raw === undefined) return JSON.stringify(block);
  return JSON.stringify({ ...block, input: 0 })
    .replace('"input":0', () => `"input":${isJson(raw) ? raw : "{}"}`);
}

function isJson(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
