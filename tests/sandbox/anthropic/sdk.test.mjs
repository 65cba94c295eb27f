// The official SDK against the sandbox: it must see nothing that differs from the real service.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { KEY, request, start, toolAnswers } from "./testing.mjs";

let server;
let client;

before(async () => {
  server = await start();
  client = new Anthropic({ apiKey: KEY, baseURL: server.base, maxRetries: 0 });
});
after(() => server.stop());

/** The tool loop of a streaming client: replies, and what was posted. */
async function loop(more = {}) {
  const posts = [];
  const answers = toolAnswers(posts);
  const params = request(more);
  const replies = [];
  for (let i = 0; i < 8; i++) {
    const reply = await client.messages.stream(params).finalMessage();
    replies.push(reply);
    params.messages.push({ role: "assistant", content: reply.content });
    if (reply.stop_reason !== "tool_use") break;
    params.messages.push({ role: "user", content: reply.content
      .filter(({ type }) => type === "tool_use")
      .map((call) => ({ type: "tool_result", tool_use_id: call.id, content: answers(call) })) });
  }
  return { posts, replies };
}

for (const eol of ["lf", "crlf", "cr"]) {
  test(`a streaming tool loop posts the briefing once (line ends: ${eol})`, async () => {
    server.options.eol = eol;
    const { posts, replies } = await loop();
    server.options.eol = "lf";
    assert.deepEqual(replies.map((reply) => reply.stop_reason),
      ["tool_use", "tool_use", "tool_use", "end_turn"]);
    assert.equal(posts.length, 1);
    assert.match(posts[0], /^\*Editorial Briefing\* – Monday, 23 November 2026\n/);
    assert.match(posts[0], /\*Drafts Awaiting Review \(3\)\*\n• article: Hafenplan: Böen &amp; Brücken 🚢 – /);
    assert.match(posts[0], /\*Published This Week \(1\)\*\n• Ferry fares – published 21 hours ago/);
    assert.match(posts[0], /\*Scheduled Releases \(1\)\*\n• Winter issue – Thursday, 26 November/);
    assert.match(posts[0], /\*Stale Drafts \(1\)\*\n• page: About &lt;us&gt; – 53 days since/);
    assert.match(posts[0], /\n3 drafts in total\.$/);
  });
}

test("replies begin with a thinking block whose text is left out", async () => {
  const { replies } = await loop();
  for (const { content } of replies) {
    assert.equal(content[0].type, "thinking");
    assert.equal(content[0].thinking, "");
    assert.ok(content[0].signature.length > 60);
  }
});

test("summarized thinking has a text", async () => {
  const { replies } = await loop({ thinking: { type: "adaptive", display: "summarized" } });
  assert.equal(replies.length, 4);
  assert.match(replies[0].content[0].thinking, /next step/);
});

test("from the second turn on the prompt is read from the cache", async () => {
  const { replies } = await loop({ model: "claude-opus-5-5" });
  assert.equal(replies[0].usage.cache_read_input_tokens, 0);
  for (let i = 1; i < replies.length; i++) {
    const earlier = replies[i - 1].usage;
    assert.equal(replies[i].usage.cache_read_input_tokens,
      earlier.cache_read_input_tokens + earlier.cache_creation_input_tokens);
  }
});

test("the SDK's own tool runner completes the briefing", async () => {
  const posts = [];
  const answers = toolAnswers(posts);
  const { messages, tools, ...rest } = request();
  const runner = client.beta.messages.toolRunner({ ...rest, messages, max_iterations: 8,
    tools: tools.map((tool) => ({ ...tool, run: (input) => answers({ name: tool.name, input }) })) });
  const last = await runner;
  assert.equal(last.stop_reason, "end_turn");
  assert.equal(posts.length, 1);
});

test("a reply that is not streamed has the same blocks", async () => {
  const streamed = await client.messages.stream(request()).finalMessage();
  const whole = await client.messages.create(request());
  assert.deepEqual(whole.content.map(({ type, name }) => [type, name]),
    streamed.content.map(({ type, name }) => [type, name]));
  assert.equal(whole.stop_reason, streamed.stop_reason);
});

test("errors arrive as the SDK's own classes, with their request id", async () => {
  await assert.rejects(client.messages.create(request({ model: "claude-sonnet-4-20250514" })), (e) => {
    assert.ok(e instanceof Anthropic.NotFoundError);
    assert.equal(e.error.error.type, "not_found_error");
    assert.match(e.requestID, /^req_/);
    return true;
  });
  const stranger = new Anthropic({ apiKey: "sk-ant-wrong", baseURL: server.base, maxRetries: 0 });
  await assert.rejects(stranger.messages.create(request()), Anthropic.AuthenticationError);
});

test("an overload inside a stream, an overload before it and a cut stream are errors", async () => {
  for (const action of [{ type: "stream", kind: "error_event" },
    { type: "stream", kind: "http", error: "overloaded" },
    { type: "stream", kind: "no_message_stop" },
    { type: "stream", kind: "cut_mid_event" }]) {
    server.faults.add({ endpoint: "anthropic.messages", action });
    await assert.rejects(client.messages.stream(request()).finalMessage());
  }
  const entries = server.log.list().slice(-4);
  assert.deepEqual(entries.map((entry) => entry.completed ?? false), [false, false, false, false]);
});

test("the SDK retries an overload and then succeeds", async () => {
  server.faults.add({ endpoint: "anthropic.messages", count: 2, action: { type: "stream",
    kind: "http", error: "overloaded", retry_after_ms: 5 } });
  const patient = new Anthropic({ apiKey: KEY, baseURL: server.base, maxRetries: 2 });
  const reply = await patient.messages.create(request());
  assert.equal(reply.stop_reason, "tool_use");
});

test("models are listed, described and counted with", async () => {
  const ids = [];
  for await (const model of client.models.list({ limit: 3 })) ids.push(model.id);
  assert.ok(ids.includes("claude-sonnet-5-5"));
  assert.ok(!ids.includes("claude-sonnet-4-20250514"));
  const model = await client.models.retrieve("claude-sonnet-5-5");
  assert.equal(model.max_tokens, 128000);
  assert.equal(model.capabilities.thinking.types.disabled.supported, false);
  assert.equal((await client.models.retrieve("claude-sonnet-4-20250514")).lifecycle, "retired");
  const { max_tokens: maxTokens, ...rest } = request();
  assert.ok(maxTokens > 0);
  assert.ok((await client.messages.countTokens(rest)).input_tokens > 500);
});
