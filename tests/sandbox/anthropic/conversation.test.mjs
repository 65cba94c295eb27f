// Histories: what a client may change in what it sends back, and what the prompt cache makes of it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { converse, post, request, start, toolAnswers } from "./testing.mjs";

let server;
let history; // two replies and their results

before(async () => {
  server = await start();
  const { body } = await converse(server.base, {}, { turns: 2 });
  history = JSON.stringify(body);
});
after(() => server.stop());

/** Sends the history after a change; the error, or null. */
async function send(change, path = "/v1/messages") {
  const body = JSON.parse(history);
  const text = change(body) ?? body;
  const { status, json } = await post(server.base, path, text);
  return status === 200 ? null : `${status} ${json.error.message}`;
}

const latest = (body) => body.messages[3].content;

test("a history sent back as it was is accepted", async () => {
  assert.equal(await send(() => undefined), null);
});

const ALLOWED = [
  ["effort, max_tokens and metadata change", (b) => {
    Object.assign(b, { max_tokens: 9000, output_config: { effort: "low" }, metadata: { user_id: "u" } });
  }],
  ["cache markers move", (b) => {
    delete b.system[0].cache_control;
    latest(b)[1].cache_control = { type: "ephemeral" };
  }],
  ["all thinking is left out", (b) => {
    for (const { content } of b.messages.filter(({ role }) => role === "assistant")) content.shift();
  }],
  ["null and absent fields of a block change places", (b) => {
    delete latest(b)[1].citations;
    delete latest(b)[2].caller;
  }],
  ["the first message is written as a block", (b) => {
    b.messages[0].content = [{ type: "text", text: b.messages[0].content }];
  }],
  ["another model reads it", (b) => { b.model = "claude-opus-5-5"; }],
];

for (const [name, change] of ALLOWED) {
  test(`it is no edit of the history when ${name}`, async () => {
    assert.equal(await send(change), null);
  });
}

const MODIFIED = /^400 messages\.3\.content\.\d: `thinking` or `redacted_thinking` blocks in the latest/;
const UNBOUND = /^400 messages\.\d\.content\.\d: Invalid `signature` in `thinking` block\. The block is bound/;
const EDITS = [
  ["the latest thinking text changes", (b) => { latest(b)[0].thinking = "hm"; }, MODIFIED],
  ["the latest thinking is left out", (b) => { latest(b).shift(); }, MODIFIED],
  ["a signature changes", (b) => {
    latest(b)[0].signature = latest(b)[0].signature.replace(/^.../,
      (start) => (start === "AAA" ? "BBB" : "AAA"));
  }, /^400 messages\.3\.content\.0: Invalid `signature` in `thinking` block$/],
  ["a signature belongs to another reply", (b) => {
    latest(b)[0].signature = b.messages[1].content[0].signature;
  }, /^400 /],
  ["text beside the thinking changes", (b) => { latest(b)[1].text += "."; }, UNBOUND],
  ["a call's input changes", (b) => { latest(b)[2].input.limit = 26; }, UNBOUND],
  ["the keys of a call's input change places", (b) => {
    const { query, ...rest } = latest(b)[2].input;
    latest(b)[2].input = { query, ...rest };
  }, UNBOUND],
  ["an earlier result changes", (b) => { b.messages[2].content[0].content += " "; }, UNBOUND],
  ["the first message changes", (b) => { b.messages[0].content += "!"; }, UNBOUND],
  ["the system prompt changes", (b) => { b.system[0].text += "!"; }, UNBOUND],
  ["a tool is added", (b) => {
    b.tools.push({ name: "new", input_schema: { type: "object" } });
  }, UNBOUND],
  ["tools change places", (b) => { b.tools.reverse(); }, UNBOUND],
  ["a message is left out", (b) => { b.messages.splice(1, 2); }, UNBOUND],
  ["an earlier thinking is left out", (b) => { b.messages[1].content.shift(); }, UNBOUND],
];

for (const [name, change, pattern] of EDITS) {
  test(`it is an edit of the history when ${name}`, async () => {
    assert.match(await send(change) ?? "accepted", pattern);
  });
}

test("counting tokens checks the history as well", async () => {
  const counted = (change) => send((b) => {
    delete b.max_tokens;
    change(b);
  }, "/v1/messages/count_tokens");
  assert.equal(await counted(() => {}), null);
  assert.match(await counted((b) => { b.system[0].text += "!"; }), UNBOUND);
});

test("an older model takes a history whose beginning changed", async () => {
  const { body } = await converse(server.base, { model: "claude-sonnet-5" }, { turns: 2 });
  body.system[0].text += "!";
  assert.equal((await post(server.base, "/v1/messages", body)).status, 200);
});

test("digits of a big number that were rounded are an edit", async () => {
  server.anthropic.control.post({ script: "big_integers" });
  const replies = [];
  const body = request();
  let raw = JSON.stringify(body);
  for (let i = 0; i < 2; i++) {
    const { text, json } = await post(server.base, "/v1/messages", raw);
    const content = /"content":(\[.*\]),"stop_reason"/.exec(text)[1];
    const results = json.content.filter(({ type }) => type === "tool_use").map((call) => ({
      type: "tool_result", tool_use_id: call.id, content: toolAnswers()(call) }));
    raw = raw.replace(/\]\}$/, () => `,{"role":"assistant","content":${content}},` +
      `${JSON.stringify({ role: "user", content: results })}]}`);
    replies.push(content);
  }
  server.anthropic.control.post({ clear: true });
  assert.match(replies[1], /"revision":9007199254740993,"ratio":1\.10,"least":-9223372036854775808/);
  assert.equal((await post(server.base, "/v1/messages", raw)).status, 200);
  const rounded = await post(server.base, "/v1/messages", JSON.stringify(JSON.parse(raw)));
  assert.match(`${rounded.status} ${rounded.text}`, /^400 .*bound to a different conversation/);
});

test("the journal tells a repeated question from a conversation that goes on", async () => {
  server.log.reset();
  const { body } = await converse(server.base, { messages: [{ role: "user",
    content: "Sanity project: Harbour News\nToday: 2026-11-20" }] });
  const entries = server.log.list({ endpoint: "anthropic.messages" });
  assert.equal(new Set(entries.map((entry) => entry.prompt_hash)).size, entries.length);
  for (let i = 0; i < entries.length; i++) {
    assert.equal(entries[i].turn, i);
    assert.equal(entries[i].completed, true);
    assert.equal(entries[i].effect, true);
    assert.equal(entries[i].previous_hash, i === 0 ? null : entries[i - 1].prompt_hash);
  }
  await post(server.base, "/v1/messages", { ...body, messages: body.messages.slice(0, 3) });
  const again = server.log.list({ endpoint: "anthropic.messages" }).at(-1);
  assert.equal(again.prompt_hash, entries[1].prompt_hash);
});

/** The usage of one request in a fresh cache, after the given requests. */
async function usageAfter(earlier, last) {
  server.anthropic.reset();
  for (const one of earlier) await post(server.base, "/v1/messages", one);
  return (await post(server.base, "/v1/messages", last)).json.usage;
}

const ask = (text, more) => request({ messages: [{ role: "user", content: text }], ...more });

test("without markers nothing is cached", async () => {
  const plain = ask("x", { cache_control: undefined, system: "s".repeat(9000) });
  const usage = await usageAfter([plain], plain);
  assert.equal(usage.cache_read_input_tokens + usage.cache_creation_input_tokens, 0);
  assert.ok(usage.input_tokens > 2000);
});

test("tools and system are read from the cache by another conversation", async () => {
  const usage = await usageAfter([ask("one")], ask("two"));
  assert.ok(usage.cache_read_input_tokens > 500);
  assert.ok(usage.cache_creation_input_tokens < 50);
});

test("the parts of usage add up to the whole prompt", async () => {
  const body = ask("three".repeat(3000), { cache_control: undefined });
  const usage = await usageAfter([ask("one")], body);
  const { max_tokens: maxTokens, ...counted } = body;
  assert.ok(maxTokens > 0);
  const { json } = await post(server.base, "/v1/messages/count_tokens", counted);
  assert.equal(usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens,
    json.input_tokens);
  assert.ok(usage.input_tokens >= 3750);
});

test("one changed byte in front of a marker misses the cache", async () => {
  const changed = ask("one");
  changed.system[0].text = changed.system[0].text.replace("briefing", "briefinh");
  assert.equal((await usageAfter([ask("one")], changed)).cache_read_input_tokens, 0);
});

test("another effort misses the messages but not the tools and system", async () => {
  const long = "one".repeat(2000);
  const same = await usageAfter([ask(long)], ask(long));
  const other = await usageAfter([ask(long)], ask(long, { output_config: { effort: "low" } }));
  assert.ok(same.cache_read_input_tokens - other.cache_read_input_tokens >= 1500);
  assert.ok(other.cache_read_input_tokens > 500);
});

test("a prefix that is too short is silently not cached", async () => {
  const short = ask("x", { tools: undefined, system: "short" });
  assert.equal((await usageAfter([short], short)).cache_read_input_tokens, 0);
});

test("a long-lived marker is billed as such", async () => {
  const body = ask("y".repeat(400));
  body.system[0].cache_control = { type: "ephemeral", ttl: "1h" };
  const { cache_creation: created } = await usageAfter([], body);
  assert.ok(created.ephemeral_1h_input_tokens > 500);
  const fresh = created.ephemeral_5m_input_tokens;
  assert.ok(fresh >= 100 && fresh <= 110, `${fresh} tokens at the short price`);
});

test("a marker looks back over 20 positions and no further", async () => {
  const blocks = (n) => Array.from({ length: n }, (_, i) => ({ type: "text", text: `part ${i}` }));
  const body = (n) => ask(blocks(n), { system: [{ type: "text", text: "s".repeat(4000) }] });
  assert.ok((await usageAfter([body(1)], body(21))).cache_read_input_tokens > 0);
  assert.equal((await usageAfter([body(1)], body(22))).cache_read_input_tokens, 0);
});
