// The validator, as a table: one change to a good request, and the start of the refusal (null: fine).

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseBody } from "./json.mjs";
import { request, TOOLS } from "./testing.mjs";
import { validate } from "./validate.mjs";

const user = (content) => ({ role: "user", content });
const claude = (content) => ({ role: "assistant", content });
const use = (id, name = "sanitymcp_list_projects") => ({ type: "tool_use", id, name, input: {} });
const result = (id, more = {}) => ({ type: "tool_result", tool_use_id: id, content: "ok", ...more });
const words = (text, more = {}) => ({ type: "text", text, ...more });
const tool = (more) => ({ tools: [{ name: "t", input_schema: { type: "object" }, ...more }] });
const schema = (more) => tool({ input_schema: { type: "object", ...more } });
const marked = (ttl) => ({ cache_control: { type: "ephemeral", ...(ttl && { ttl }) } });
const talk = (...messages) => ({ messages });
const called = (...results) => talk(user("go"), claude([use("a"), use("b")]), user(results));

const CASES = [
  ["a good request", {}, null],
  ["a model that does not exist", { model: "claude-unknown-9" }, "model: claude-unknown-9"],
  ["a retired model", { model: "claude-sonnet-4-20250514" }, "model: claude-sonnet-4"],
  ["no model", { model: undefined }, "model: Field required"],
  ["an unknown field", { frobnicate: 1 }, "frobnicate: Extra inputs are not permitted"],
  ["a field named like a method", { constructor: 1 }, "constructor: Extra inputs"],
  ["a sampling parameter", { temperature: 0.2 }, "temperature: Extra inputs are not permitted"],
  ["a sampling parameter at the older version", { temperature: 0.2 },
    "`temperature` is not supported", { version: "2023-06-01" }],
  ["the default temperature at the older version", { temperature: 1 }, null,
    { version: "2023-06-01" }],
  ["a sampling parameter of an old model",
    { model: "claude-haiku-4-5", temperature: 0.2, cache_control: undefined }, null,
    { version: "2023-06-01" }],
  ["no max_tokens", { max_tokens: undefined }, "max_tokens: Field required"],
  ["max_tokens as text", { max_tokens: "16" }, "max_tokens: Input should be a valid integer"],
  ["max_tokens above the model's limit", { max_tokens: 128001 }, "max_tokens: 128001 > 128000"],
  ["max_tokens 0 with a stream", { max_tokens: 0, stream: true }, "max_tokens: 0 cannot be"],
  ["max_tokens when counting", {}, "max_tokens: Extra inputs", { endpoint: "count_tokens" }],
  ["a good count", { max_tokens: undefined }, null, { endpoint: "count_tokens" }],
  ["stream as text", { stream: "yes" }, "stream: Input should be a valid boolean"],
  ["an empty stop sequence", { stop_sequences: [" "] }, "stop_sequences: each stop sequence"],
  ["metadata with more", { metadata: { user_id: "u", mail: "x" } }, "metadata.mail: Extra inputs"],

  ["no messages", talk(), "messages: at least one message is required"],
  ["an assistant's message first", talk(claude("hi"), user("ho")), "messages: first message must"],
  ["an assistant's message last", talk(user("hi"), claude("ho")),
    "This model does not support assistant message prefill"],
  ["a prefill of an old model", { model: "claude-haiku-4-5", ...talk(user("hi"), claude("{")) }, null],
  ["an unknown role", talk({ role: "tool", content: "x" }), "messages.0.role: Input should be"],
  ["a message with more fields", talk({ ...user("x"), name: "n" }), "messages.0.name: Extra inputs"],
  ["two messages of one role", talk(user("a"), user("b")), null],
  ["empty content", talk(user("")), "messages.0: all messages must have non-empty content"],
  ["an empty assistant's message", talk(user("a"), claude([]), user("b")),
    "messages.1: all messages must have non-empty content"],
  ["an empty text block", talk(user([words("")])), "messages: text content blocks must be non-empty"],
  ["a blank text block", talk(user([words(" \n")])), "messages: text content blocks must contain"],
  ["an unknown block", talk(user([{ type: "poem", text: "x" }])),
    "messages.0.content.0: Input tag 'poem'"],
  ["an unknown field of a block", talk(user([words("x", { lang: "en" })])),
    "messages.0.content.0.lang: Extra inputs"],
  ["a call by the user", talk(user([use("a")])), "messages.0.content.0: `tool_use` blocks can only"],
  ["a result by the assistant", talk(user("a"), claude([result("a")]), user("b")),
    "messages.1.content.0: `tool_result` blocks can only"],
  ["citations in a user's text", talk(user([words("x", { citations: [{}] })])),
    "messages.0.content.0.citations: not allowed"],

  ["calls and their results", called(result("a"), result("b")), null],
  ["results in another order", called(result("b"), result("a")), null],
  ["results, then text", called(result("a"), result("b"), words("and?")), null],
  ["results in two messages", talk(user("go"), claude([use("a"), use("b")]), user([result("a")]),
    user([result("b")])), null],
  ["a call without its result", called(result("a")),
    "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: b."],
  ["text before the results", called(words("here:"), result("a"), result("b")),
    "messages.1: `tool_use` ids were found without"],
  ["calls with nothing after them", talk(user("go"), claude([use("a")])),
    "messages.1: `tool_use` ids were found without"],
  ["a call answered one turn later", talk(user("go"), claude([use("a")]), user("wait"), claude("ok"),
    user([result("a")])), "messages.1: `tool_use` ids were found without"],
  ["a result without its call", called(result("a"), result("b"), result("c")),
    "messages.2.content.2: unexpected `tool_use_id` found in `tool_result` blocks: c."],
  ["a result in the first message", talk(user([result("a")])),
    "messages.0.content.0: unexpected `tool_use_id`"],
  ["two results of one call", called(result("a"), result("b"), result("a")),
    "messages.2.content.2: each tool_use must have a single result"],
  ["an id used twice", talk(user("go"), claude([use("a")]), user([result("a")]), claude([use("a")]),
    user([result("a")])), "messages.3.content.0: `tool_use` ids must be unique"],
  ["an error without words", called(result("a", { is_error: true, content: "" }), result("b")),
    "messages.2.content.0: content cannot be empty if `is_error` is true"],
  ["an error without content", called(result("a", { is_error: true, content: undefined }),
    result("b")), "messages.2.content.0: content cannot be empty"],
  ["a result without content", called(result("a", { content: undefined }), result("b")), null],
  ["an empty text in a result", called(result("a", { content: [words("")] }), result("b")),
    "messages: text content blocks must be non-empty"],
  ["a call whose input is a list", talk(user("go"), claude([{ ...use("a"), input: [] }]),
    user([result("a")])), "messages.1.content.0.input: Input should be a valid dictionary"],
  ["a server tool's call without its result", talk(user("go"), claude([{ type: "server_tool_use",
    id: "srvtoolu_1", name: "web_search", input: {} }]), user("and?")),
  "messages.1.content.0: `web_search` tool use with id srvtoolu_1 was found without"],
  ["a paused turn sent back", talk(user("go"), claude([{ type: "server_tool_use", id: "srvtoolu_1",
    name: "web_search", input: {} }])), null],

  ["a system message after the user's", talk(user("a"), { role: "system", content: "b" }), null],
  ["a system message first", talk({ role: "system", content: "b" }, user("a")),
    "messages.0: a 'system' message must follow"],
  ["a system message on a model without them", { model: "claude-sonnet-5",
    ...talk(user("a"), { role: "system", content: "b" }) }, "role 'system' is not supported"],
  ["an empty system block", { system: [words("")] }, "system: text content blocks must be"],

  ["a tool name that is too long", tool({ name: "x".repeat(65) }),
    "tools.0.custom.name: String should match pattern"],
  ["a tool name with a dot", tool({ name: "a.b" }), "tools.0.custom.name: String should match"],
  ["two tools of one name", { tools: [TOOLS[0], TOOLS[0]] }, "tools: Tool names must be unique."],
  ["an unknown field of a tool", tool({ output_schema: {} }), "tools.0.custom.output_schema: Extra"],
  ["a tool without a schema", { tools: [{ name: "t" }] }, "tools.0.custom.input_schema: Field req"],
  ["a schema that is no object", tool({ input_schema: { type: "string" } }),
    "tools.0.custom.input_schema.type: Input should be 'object'"],
  ["a property key with a dollar", schema({ properties: { $top: {} } }),
    "tools.0.custom.input_schema.properties: Property keys should match pattern"],
  ["required inside a property", schema({ properties: { a: { type: "string", required: true } } }),
    "tools.0.custom.input_schema: JSON schema is invalid."],
  ["an unknown type in a schema", schema({ properties: { a: { type: "text" } } }),
    "tools.0.custom.input_schema: JSON schema is invalid."],
  ["a list of item schemas", schema({ properties: { a: { type: "array", items: [{}] } } }),
    "tools.0.custom.input_schema: JSON schema is invalid."],
  ["a choice at the top of a schema", schema({ anyOf: [{}] }),
    "tools.0.custom.input_schema: input_schema does not support oneOf"],
  ["a strict tool that is open", tool({ strict: true }), "tools.0.custom.input_schema: For 'object'"],
  ["an unknown kind of tool", { tools: [{ type: "oracle_1", name: "o" }] }, "tools.0: Input tag"],

  ["five cache markers", { system: ["a", "b", "c", "d"].map((t) => words(t, marked())) },
    "A maximum of 4 blocks with cache_control may be provided. Found 5."],
  ["a long-lived marker after a short one", { cache_control: undefined, system: [
    words("a", marked("5m")), words("b", marked("1h"))] },
  "system.1.cache_control.ttl: a ttl='1h' cache_control block must not come after"],
  ["a long-lived marker before a short one", { system: [words("a", marked("1h"))] }, null],
  ["a marker on thinking", talk(user("a"), claude([{ type: "thinking", thinking: "", signature: "x",
    ...marked() }, words("b")]), user("c")), "messages.1.content.0: cache_control cannot be set"],
  ["a marker on an empty text", talk(user([words("", marked())])),
    "messages.0.content.0: cache_control cannot be set for empty text blocks"],

  ["a forced tool", { tool_choice: { type: "any" } }, 'tool_choice: type "tool" and "any" are not'],
  ["a forced tool when counting", { max_tokens: undefined, tool_choice: { type: "any" } },
    "tool_choice: type", { endpoint: "count_tokens" }],
  ["a forced tool of an older model", { model: "claude-sonnet-5", tool_choice: { type: "tool",
    name: "slack_send_message" } }, null],
  ["a forced tool that is not there", { model: "claude-sonnet-5", tool_choice: { type: "tool",
    name: "nope" } }, "Tool 'nope' not found in provided tools"],
  ["a choice without tools", { tools: undefined, tool_choice: { type: "auto" } }, "tool_choice may"],
  ["thinking switched off where it cannot be", { thinking: { type: "disabled" } },
    'thinking: type "disabled" is not supported for this model.'],
  ["a thinking budget", { thinking: { type: "enabled", budget_tokens: 2000 } },
    'thinking: type "enabled" is not supported for this model.'],
  ["thinking between tools", { thinking: { type: "between_tools" } }, null],
  ["thinking between tools with too much effort", { thinking: { type: "between_tools" },
    output_config: { effort: "max" } }, 'thinking: type "between_tools" requires effort'],
  ["a budget above max_tokens", { model: "claude-haiku-4-5", thinking: { type: "enabled",
    budget_tokens: 20000 } }, "`max_tokens` must be greater than"],
  ["an unknown effort", { output_config: { effort: "extreme" } }, "output_config.effort: Input should"],
  ["effort on a model without it", { model: "claude-haiku-4-5", output_config: { effort: "low" } },
    "This model does not support the effort parameter."],
];

for (const [name, change, refusal, { version = "2026-10-21", endpoint = "messages" } = {}] of CASES) {
  test(`${name} is ${refusal === null ? "accepted" : "refused"}`, () => {
    const body = JSON.parse(JSON.stringify({ ...request(), ...change }));
    if (refusal === null) {
      assert.ok(validate(body, { version, endpoint }).id);
      return;
    }
    assert.throws(() => validate(body, { version, endpoint }), (e) => {
      assert.equal(e.message.slice(0, refusal.length), refusal);
      assert.equal(e.status, refusal.startsWith("model: claude") ? 404 : 400);
      return true;
    });
  });
}

const BODIES = [
  ["half a surrogate pair", '{"a":"\\ud83d"}', /no low surrogate in string: line 1 column 7/],
  ["a pair in the wrong order", '{"a":"\\ude00\\ud83d"}', /no low surrogate in string/],
  ["a pair with something between", '{"a":"\\ud83d \\ude00"}', /no low surrogate in string/],
  ["bytes that are not UTF-8", Buffer.from([0x22, 0xff, 0x22]), /invalid utf-8/],
  ["a byte order mark", "\ufeff{}", /not valid JSON/],
  ["half an object", '{"a":', /not valid JSON/],
];

for (const [name, body, pattern] of BODIES) {
  test(`a body with ${name} is refused`, () => {
    assert.throws(() => parseBody(Buffer.from(body)), { status: 400, message: pattern });
  });
}

test("a whole surrogate pair and an escaped backslash are fine", () => {
  assert.equal(parseBody(Buffer.from('{"a":"\\ud83d\\ude00 \\\\ud83d"}')).value.a, "\u{1f600} \\ud83d");
});

test("digits that a double cannot hold are kept apart from those it rounds them to", () => {
  const [a, b] = ["9007199254740993", "9007199254740992"]
    .map((n) => JSON.stringify(parseBody(Buffer.from(`{"n":${n},"s":"\\"${n}"}`)).value.n));
  assert.notEqual(a, b);
});
