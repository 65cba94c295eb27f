// The conversation: roles and their order, content blocks, and the pairing of calls with results.

import { invalid } from "./errors.mjs";
import { array, boolean, fields, isObject, matching, objectWith, oneOf, string } from "./shape.mjs";

const MAX_MESSAGES = 100_000;
const ID = /^[a-zA-Z0-9_-]+$/;
const cacheControl = objectWith({ type: oneOf("ephemeral"), "ttl?": oneOf("5m", "1h") });
const any = () => {};

// Blocks by type: who may send them, and their fields. A "?" marks an optional field.
const BLOCKS = {
  text: { roles: ["user", "assistant", "system"], shape: { type: string, text: string,
    "cache_control?": cacheControl, "citations?": array } },
  image: { roles: ["user"], shape: { type: string, source: any, "cache_control?": cacheControl } },
  document: { roles: ["user", "assistant"], shape: { type: string, source: any,
    "title?": string, "context?": string, "citations?": any, "cache_control?": cacheControl } },
  search_result: { roles: ["user"], shape: { type: string, source: string, title: string,
    content: array, "citations?": any, "cache_control?": cacheControl } },
  tool_use: { roles: ["assistant"], shape: { type: string, id: matching(ID),
    name: matching(/^[a-zA-Z0-9_-]{1,200}$/), input: dictionary, "caller?": any,
    "toolset_name?": string, "cache_control?": cacheControl } },
  tool_result: { roles: ["user"], shape: { type: string, tool_use_id: matching(ID),
    "content?": checkResultContent, "is_error?": boolean, "toolset_name?": string,
    "cache_control?": cacheControl } },
  thinking: { roles: ["assistant"], shape: { type: string, thinking: string, signature: string } },
  redacted_thinking: { roles: ["assistant"], shape: { type: string, data: string } },
  server_tool_use: { roles: ["assistant"], shape: { type: string, id: matching(/^srvtoolu_/),
    name: string, input: dictionary, "caller?": any, "cache_control?": cacheControl } },
  web_search_tool_result: { roles: ["assistant"], shape: { type: string, tool_use_id: string,
    content: any, "caller?": any, "cache_control?": cacheControl } },
  container_upload: { roles: ["user"], shape: { type: string, file_id: string,
    "cache_control?": cacheControl } },
};

const INNER = ["text", "image", "document", "search_result", "tool_reference"];

export function checkMessages(messages, model, version) {
  if (messages.length === 0) throw invalid("messages: at least one message is required");
  if (messages.length > MAX_MESSAGES) {
    throw invalid(`messages: at most ${MAX_MESSAGES} messages are allowed`);
  }
  messages.forEach((message, m) => checkMessage(message, m, { model, version }));
  checkSystemPlaces(messages, model);
  const turns = mergeTurns(messages);
  if (turns[0].role !== "user") throw invalid('messages: first message must use the "user" role');
  checkPairs(turns);
  checkEnd(turns, model);
}

function checkMessage(message, m, { model, version }) {
  const path = `messages.${m}`;
  fields(message, { role: oneOf("user", "assistant", "system"), content: any }, path);
  const { role, content } = message;
  if (role === "system" && !model.systemRole) {
    throw invalid("role 'system' is not supported on this model");
  }
  if (typeof content !== "string") array(content, `${path}.content`);
  if (content.length === 0) {
    throw invalid(`${path}: all messages must have non-empty content`);
  }
  if (typeof content === "string") return checkText(content);
  content.forEach((block, b) => checkBlock(block, role, `${path}.content.${b}`, version));
  return undefined;
}

function checkBlock(block, role, path, version) {
  if (!isObject(block)) throw invalid(`${path}: Input should be an object`);
  if (!Object.hasOwn(BLOCKS, block.type)) {
    throw invalid(`${path}: Input tag '${block.type}' found using 'type' does not match any of ` +
      `the expected tags: ${Object.keys(BLOCKS).map((k) => `'${k}'`).join(", ")}`);
  }
  const { roles, shape } = BLOCKS[block.type];
  const thought = block.type === "thinking" || block.type === "redacted_thinking";
  if (thought && block.cache_control) {
    throw invalid(`${path}: cache_control cannot be set on \`${block.type}\` blocks`);
  }
  if (block.type === "text" && block.text === "" && block.cache_control) {
    throw invalid(`${path}: cache_control cannot be set for empty text blocks`);
  }
  fields(block, shape, path);
  if (!roles.includes(role)) {
    throw invalid(`${path}: \`${block.type}\` blocks can only be in ` +
      `\`${roles[0]}\` messages`);
  }
  if (block.type === "text") checkText(block.text);
  if (version === "2023-06-01") return;
  if (block.type === "text" && role === "user" && block.citations?.length > 0) {
    throw invalid(`${path}.citations: not allowed in user messages`);
  }
  if (block.type === "document" && role === "assistant") {
    throw invalid(`${path}: \`document\` blocks can only be in \`user\` messages`);
  }
}

function checkText(text) {
  if (text === "") throw invalid("messages: text content blocks must be non-empty");
  if (text.trim() === "") {
    throw invalid("messages: text content blocks must contain non-whitespace text");
  }
}

function checkResultContent(content, path) {
  if (typeof content === "string") return;
  array(content, path);
  content.forEach((block, i) => {
    const at = `${path}.${i}`;
    if (!isObject(block) || !INNER.includes(block.type)) {
      throw invalid(`${at}: Input tag '${block?.type}' found using 'type' does not match any ` +
        "of the expected tags");
    }
    if (BLOCKS[block.type]) fields(block, BLOCKS[block.type].shape, at);
    if (block.type === "text") checkText(block.text);
  });
}

function dictionary(value, path) {
  if (!isObject(value)) throw invalid(`${path}: Input should be a valid dictionary`);
}

function checkSystemPlaces(messages) {
  messages.forEach(({ role }, m) => {
    if (role !== "system") return;
    const before = messages[m - 1]?.role;
    const after = messages[m + 1]?.role;
    if (before !== "user" || (after !== undefined && after !== "assistant")) {
      throw invalid(`messages.${m}: a 'system' message must follow a 'user' message and be ` +
        "last or followed by an 'assistant' message");
    }
  });
}

/** Consecutive messages of one role are one turn. System messages are no turn of their own. */
function mergeTurns(messages) {
  const turns = [];
  messages.forEach(({ role, content }, m) => {
    if (role === "system") return;
    const blocks = typeof content === "string" ? [{ type: "text", text: content }] : content;
    const placed = blocks.map((block, b) => ({ block, path: `messages.${m}.content.${b}` }));
    const last = turns.at(-1);
    if (last?.role === role) last.blocks.push(...placed);
    else turns.push({ role, m, blocks: placed });
  });
  return turns;
}

const ofType = (turn, type) => (turn?.blocks ?? []).filter(({ block }) => block.type === type);

function checkPairs(turns) {
  const seen = new Set();
  turns.forEach((turn, i) => {
    if (turn.role === "user") return checkResults(turn, turns[i - 1]);
    for (const { block, path } of ofType(turn, "tool_use")) {
      if (seen.has(block.id)) throw invalid(`${path}: \`tool_use\` ids must be unique`);
      seen.add(block.id);
    }
    checkAnswered(turn, turns[i + 1]);
    return checkServerTools(turn, turns[i + 1]);
  });
}

/** Every call of a turn is answered at the head of the next message. */
function checkAnswered(turn, next) {
  const calls = ofType(turn, "tool_use").map(({ block }) => block.id);
  const answers = new Set();
  for (const { block } of next?.blocks ?? []) {
    if (block.type !== "tool_result") break;
    answers.add(block.tool_use_id);
  }
  const missing = calls.filter((id) => !answers.has(id));
  if (missing.length > 0) {
    throw invalid(`messages.${turn.m}: \`tool_use\` ids were found without \`tool_result\` ` +
      `blocks immediately after: ${missing.join(", ")}. Each \`tool_use\` block must have a ` +
      "corresponding `tool_result` block in the next message.");
  }
}

function checkResults(turn, previous) {
  const calls = new Set(ofType(previous, "tool_use").map(({ block }) => block.id));
  const answered = new Set();
  for (const { block, path } of ofType(turn, "tool_result")) {
    if (!calls.has(block.tool_use_id)) {
      throw invalid(`${path}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ` +
        `${block.tool_use_id}. Each \`tool_result\` block must have a corresponding ` +
        "`tool_use` block in the previous message.");
    }
    if (answered.has(block.tool_use_id)) {
      throw invalid(`${path}: each tool_use must have a single result. Found multiple ` +
        `\`tool_result\` blocks with id: ${block.tool_use_id}`);
    }
    answered.add(block.tool_use_id);
    if (block.is_error && (block.content ?? "").length === 0) {
      throw invalid(`${path}: content cannot be empty if \`is_error\` is true`);
    }
  }
}

/** A server tool's call has its result in the same turn, unless the turn still goes on. */
function checkServerTools(turn, next) {
  const done = new Set(turn.blocks.map(({ block }) => block.tool_use_id));
  const open = ofType(turn, "server_tool_use").find(({ block }) => !done.has(block.id));
  const onlyResults = next?.blocks.every(({ block }) => block.type === "tool_result") &&
    ofType(turn, "tool_use").length > 0;
  if (open && next && !onlyResults) {
    throw invalid(`${open.path}: \`${open.block.name}\` tool use with id ${open.block.id} was ` +
      `found without a corresponding \`${open.block.name}_tool_result\` block`);
  }
}

/** Only a turn that the server paused may be last; everything else would be a prefill. */
function checkEnd(turns, model) {
  const last = turns.at(-1);
  if (last.role === "user" || model.prefill) return;
  if (ofType(last, "server_tool_use").length > 0) return;
  throw invalid("This model does not support assistant message prefill. The conversation must " +
    "end with a user message.");
}
