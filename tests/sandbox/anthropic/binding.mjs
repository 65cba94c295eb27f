// Thinking blocks and what they are bound to.
//
// A signature carries everything the server must remember about a reply: hashes of the prompt
// before it, of the reply's content and of its thinking, under a key of the server. So nothing is
// stored, and a sandbox that was restarted still knows its own blocks. A reply's tool ids tell
// whether it had thinking ("toolu_01T…"), so that a block left out is noticed as well.
//
//   bytes  0 version · 1 place of the block in the reply · 2 blocks in the reply · 3 thinking blocks
//          4–15 prompt before · 16–27 content · 28–35 thinking · 36–41 model · 42–57 HMAC

import { createHmac } from "node:crypto";
import { invalid } from "./errors.mjs";
import { meaning, shortHash } from "./prefix.mjs";

const SECRET = "the sandbox signs its own replies";
const SIGNED_BYTES = 42;
const THOUGHTS = ["thinking", "redacted_thinking"];

export const isThought = (block) => THOUGHTS.includes(block.type);

/** Fills in the signatures of a finished reply. `before` is the hash of the prompt's last position. */
export function signReply(blocks, before, model) {
  const thoughts = blocks.filter(isThought);
  if (thoughts.length === 0) return;
  const content = shortHash(blocks.map(meaning).join("\n"));
  const thinking = shortHash(thoughts.map(meaning).join("\n"));
  blocks.forEach((block, place) => {
    if (!isThought(block)) return;
    const signed = Buffer.alloc(SIGNED_BYTES);
    signed.set([1, place, blocks.length, thoughts.length]);
    shortHash(before).copy(signed, 4, 0, 12);
    content.copy(signed, 16, 0, 12);
    thinking.copy(signed, 28, 0, 8);
    shortHash(model.id).copy(signed, 36, 0, 6);
    const seal = Buffer.concat([signed, mac(signed)]).toString("base64");
    if (block.type === "thinking") block.signature = seal;
    else block.data = seal;
  });
}

/** Checks every replayed thinking block of a request, whose positions are given. */
export function checkThinking(positions, model) {
  const start = positions.findIndex((p) => p.kind === "messages");
  const latest = positions.findLastIndex((p) => p.role === "assistant");
  const latestStart = turnStart(positions, latest);
  const covered = new Set();
  let any = false;
  for (let i = start; i <= latest; i++) {
    if (!isThought(positions[i].block)) continue;
    any = true;
    const path = pathOf(positions, i);
    const seal = openSeal(positions[i].block, path);
    const first = i - seal.place;
    for (let k = first; k < first + seal.count; k++) covered.add(k);
    // Another model's thinking is not read, so nothing about it can be wrong.
    if (!seal.model.equals(shortHash(model.id).subarray(0, 6))) continue;
    checkReply(positions, { first, seal, model, path, inLatest: i >= latestStart });
  }
  if (any) checkNoneDropped(positions, { start, latestStart, covered });
}

function checkReply(positions, { first, seal, model, path, inLatest }) {
  const blocks = first < 0 ? [] : positions.slice(first, first + seal.count);
  const sameTurn = blocks.length === seal.count && blocks.every((p) => p.role === "assistant");
  const thoughts = blocks.filter((p) => isThought(p.block)).map((p) => p.text);
  const sameThoughts = sameTurn && thoughts.length === seal.thoughts &&
    matches(seal.thinking, thoughts.join("\n"));
  if (!sameThoughts && inLatest) throw modified(path);
  if (!model.bound && !inLatest) return;
  const same = sameThoughts && matches(seal.content, blocks.map((p) => p.text).join("\n")) &&
    (!model.bound || matches(seal.before, positions[first - 1]?.hash ?? ""));
  if (!same) throw otherConversation(path);
}

/** Either all of a history's thinking is replayed or none: a reply that lost its own is an edit. */
function checkNoneDropped(positions, { start, latestStart, covered }) {
  for (let i = start; i < positions.length; i++) {
    const { block } = positions[i];
    if (block.type !== "tool_use" || !block.id.startsWith("toolu_01T") || covered.has(i)) continue;
    const path = pathOf(positions, i);
    throw i >= latestStart ? modified(path) : otherConversation(path);
  }
}

function openSeal(block, path) {
  const bytes = Buffer.from(block.type === "thinking" ? block.signature : block.data, "base64");
  const signed = bytes.subarray(0, SIGNED_BYTES);
  if (bytes.length !== SIGNED_BYTES + 16 || !mac(signed).equals(bytes.subarray(SIGNED_BYTES))) {
    throw invalid(`${path}: Invalid \`signature\` in \`${block.type}\` block`);
  }
  return {
    place: bytes[1], count: bytes[2], thoughts: bytes[3], before: bytes.subarray(4, 16),
    content: bytes.subarray(16, 28), thinking: bytes.subarray(28, 36),
    model: bytes.subarray(36, 42),
  };
}

function matches(hash, text) {
  return hash.equals(shortHash(text).subarray(0, hash.length));
}

function mac(signed) {
  return createHmac("sha256", SECRET).update(signed).digest().subarray(0, 16);
}

function modified(path) {
  return invalid(`${path}: \`thinking\` or \`redacted_thinking\` blocks in the latest assistant ` +
    "message cannot be modified. These blocks must remain as they were in the original response.");
}

function otherConversation(path) {
  return invalid(`${path}: Invalid \`signature\` in \`thinking\` block. The block is bound to a ` +
    "different conversation: something before it, or the rest of its reply, has changed.");
}

function turnStart(positions, at) {
  let first = at;
  while (first > 0 && positions[first - 1].role === "assistant") first--;
  return first;
}

function pathOf(positions, at) {
  const { m } = positions[at];
  let b = 0;
  while (at - b > 0 && positions[at - b - 1].m === m) b++;
  return `messages.${m}.content.${b}`;
}
