// The stream at the level of bytes: what a client's parser has to live with.

import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { after, before, test } from "node:test";
import { KEY, post, request, start } from "./testing.mjs";
import { chunksOf, eventsOf } from "./stream.mjs";
import { INPUT_TEXT } from "./reply.mjs";

let server;

before(async () => { server = await start(); });
after(() => server.stop());

const TEXT = 'Böen über der Brücke 🚢\n"quoted" \\ and \u2028 more, '.repeat(12);
const INPUT = JSON.stringify({ text: TEXT, n: 1 });

function message() {
  return {
    id: "msg_1", type: "message", role: "assistant", model: "claude-sonnet-5-5",
    content: [
      { type: "thinking", thinking: "", signature: "c2ln" },
      { type: "text", text: TEXT, citations: null },
      { type: "tool_use", id: "toolu_1", name: "t", input: JSON.parse(INPUT),
        caller: { type: "direct" }, [INPUT_TEXT]: INPUT },
    ],
    stop_reason: "tool_use", stop_sequence: null, stop_details: null, container: null,
    diagnostics: null,
    usage: { input_tokens: 1, cache_creation_input_tokens: 0, cache_read_input_tokens: 0,
      output_tokens: 60, output_tokens_details: { thinking_tokens: 10 } },
  };
}

/** A plain reader of event streams: the events of a text. */
function eventsIn(text) {
  return text.split(/\r\n\r\n|\n\n|\r\r/).filter(Boolean).map((block) => {
    const lines = block.split(/\r\n|\n|\r/);
    const field = (name) => lines.filter((l) => l.startsWith(`${name}: `))
      .map((l) => l.slice(name.length + 2)).join("\n");
    return { event: field("event"), data: JSON.parse(field("data")) };
  });
}

function assembled(events) {
  let text = "";
  let input = "";
  for (const { data } of events) {
    if (data.delta?.type === "text_delta") text += data.delta.text;
    if (data.delta?.type === "input_json_delta") input += data.delta.partial_json;
  }
  return { text, input: JSON.parse(input) };
}

test("every seed and line end gives the same message in another shape", () => {
  const shapes = new Set();
  for (let seed = 0; seed < 24; seed++) {
    for (const eol of ["lf", "crlf", "cr"]) {
      const stream = eventsOf(message(), { seed, eol }).join("");
      assert.deepEqual(assembled(eventsIn(stream)), { text: TEXT, input: JSON.parse(INPUT) });
      shapes.add(stream);
    }
  }
  assert.equal(shapes.size, 72);
  assert.equal(eventsOf(message(), { seed: 5 }).join(""), eventsOf(message(), { seed: 5 }).join(""));
});

test("the events come in the order of the protocol", () => {
  const names = eventsIn(eventsOf(message(), { fast: true }).join("")).map(({ event, data }) => {
    assert.equal(event, data.type);
    return data.delta?.type ?? event;
  });
  assert.deepEqual(names, ["message_start", "content_block_start", "ping", "signature_delta",
    "content_block_stop", "content_block_start", "text_delta", "content_block_stop",
    "content_block_start", "input_json_delta", "content_block_stop", "message_delta",
    "message_stop"]);
});

test("calls begin with an empty piece, and pieces end inside JSON escapes", () => {
  let inEscape = 0;
  for (let seed = 0; seed < 24; seed++) {
    const pieces = eventsIn(eventsOf(message(), { seed }).join(""))
      .filter(({ data }) => data.delta?.type === "input_json_delta")
      .map(({ data }) => data.delta.partial_json);
    assert.equal(pieces[0], "");
    inEscape += pieces.filter((p) => /(^|[^\\])(\\\\)*\\(u[0-9a-f]{0,3})?$/.test(p)).length;
  }
  assert.ok(inEscape > 5, `${inEscape} pieces end inside an escape`);
});

test("unknown events, pings and a second message_delta turn up now and then", () => {
  const seen = new Set();
  for (let seed = 0; seed < 12; seed++) {
    const events = eventsIn(eventsOf(message(), { seed }).join("")).map(({ event }) => event);
    for (const event of events) seen.add(event);
    if (events.filter((event) => event === "message_delta").length === 2) seen.add("two");
  }
  for (const name of ["ping", "content_hint", "two"]) assert.ok(seen.has(name), name);
});

test("chunks end inside lines and inside characters, and none is lost", () => {
  const bytes = Buffer.from(eventsOf(message(), { seed: 3 }).join(""));
  let inCharacter = 0;
  let severalEvents = 0;
  for (let seed = 0; seed < 12; seed++) {
    const chunks = chunksOf(bytes, { seed });
    assert.ok(Buffer.concat(chunks).equals(bytes));
    inCharacter += chunks.filter((chunk) => (chunk[0] & 0xc0) === 0x80).length;
    severalEvents += chunks.filter((chunk) => chunk.toString().split("\n\n").length > 2).length;
  }
  assert.ok(inCharacter > 0 && severalEvents > 0);
  assert.equal(chunksOf(bytes, { fast: true }).length, 1);
});

/** Sends the request and returns what arrives: the chunks, the end ("end", "cut"), the headers. */
function rawStream(path = "/v1/messages", { leaveAfter } = {}) {
  return new Promise((resolve, reject) => {
    const req = httpRequest(server.base + path, { method: "POST", headers: {
      "content-type": "application/json", "x-api-key": KEY, "anthropic-version": "2023-06-01" } });
    req.on("error", reject);
    req.on("response", (res) => {
      const chunks = [];
      const done = (end) => resolve({ chunks, end, status: res.statusCode, headers: res.headers,
        text: Buffer.concat(chunks).toString() });
      res.on("data", (chunk) => {
        chunks.push(chunk);
        if (leaveAfter && Buffer.concat(chunks).length >= leaveAfter) {
          req.destroy();
          done("left");
        }
      });
      res.on("end", () => done("end"));
      res.on("error", () => done("cut"));
    });
    req.end(JSON.stringify(request({ stream: true })));
  });
}

test("a stream arrives in several chunks over HTTP, and in one with fast_stream", async () => {
  const slow = await rawStream();
  assert.equal(slow.headers["content-type"], "text/event-stream; charset=utf-8");
  assert.match(slow.headers["request-id"], /^req_011C/);
  assert.equal(slow.headers["anthropic-ratelimit-requests-limit"], "4000");
  assert.ok(slow.chunks.length > 2);
  server.anthropic.control.post({ settings: { fast_stream: true } });
  const fast = await rawStream("/some/prefix/v1/messages");
  server.anthropic.control.post({ settings: { fast_stream: false } });
  assert.equal(fast.chunks.length, 1);
  assert.match(fast.text, /event: message_stop\n/);
});

test("a latency spreads the stream over time", async () => {
  server.options.latencyModelMs = 120;
  const began = Date.now();
  const { text } = await rawStream();
  server.options.latencyModelMs = 0;
  assert.ok(Date.now() - began >= 90);
  assert.match(text, /event: message_stop\n/);
});

const STREAM_FAULTS = [
  ["error_event", {}, ({ text, end }) => end === "end" && /event: error\ndata: .*overloaded/.test(text)],
  ["error_event", { error_type: "api_error" }, ({ text }) => /"type":"api_error"/.test(text)],
  ["no_message_stop", {}, ({ text, end }) => end === "end" && /message_delta/.test(text) &&
    !/event: message_stop/.test(text)],
  ["cut_mid_event", {}, ({ text, end }) => end === "cut" && !text.endsWith("\n\n")],
  ["no_events", {}, ({ text, end }) => end === "end" && text === ""],
  ["unknown_delta", {}, ({ text }) => /mood_delta[^]*message_stop/.test(text)],
  ["second_start", {}, ({ text }) => text.split("event: message_start").length === 3],
  ["bad_json", {}, ({ text }) => text.includes('"text":"a\n')],
  ["drip", { bytes: 200, interval_ms: 1 }, ({ text, chunks }) => chunks.length > 5 &&
    /message_stop/.test(text)],
  ["http", { error: "spend_limit" }, ({ status, text, headers }) => status === 429 &&
    headers["retry-after"] === undefined && /"error_code":"enforced_spend_limit_reached"/.test(text)],
  ["http", { error: "rate_limit", retry_after: 7 }, ({ headers }) => headers["retry-after"] === "7"],
  ["http", { error: "overloaded" }, ({ status, headers }) => status === 529 &&
    headers["x-should-retry"] === "true"],
  ["http", { error: "too_large_html" }, ({ status, text }) => status === 413 && /^<html>/.test(text)],
];

for (const [kind, fields, holds] of STREAM_FAULTS) {
  test(`the stream fault ${kind} ${JSON.stringify(fields)} does what it says`, async () => {
    server.faults.add({ endpoint: "anthropic.messages", action: { type: "stream", kind, ...fields } });
    const seen = await rawStream();
    assert.ok(holds(seen), `${seen.status} ${seen.end} ${seen.text.slice(-300)}`);
    const whole = await rawStream();
    assert.match(whole.text, /event: message_stop\n/);
  });
}

for (const [kind, fields, bytes, pattern] of [
  ["stall_after_start", {}, 200, /^event: message_start[^]*\n\n$/],
  ["stall_heartbeats", { interval_ms: 2 }, 900, /(: alive\n\n){3}$/],
  ["stall_heartbeats", { interval_ms: 2, with: "pings" }, 1300, /(event: ping\n.*\n\n){3}$/],
  ["endless_text", {}, 200_000, /(?:text_delta[^]*?){100}/],
]) {
  test(`the stream fault ${kind} ${JSON.stringify(fields)} goes on until the client leaves`, async () => {
    server.faults.add({ endpoint: "anthropic.messages", action: { type: "stream", kind, ...fields } });
    const { text, end } = await rawStream("/v1/messages", { leaveAfter: bytes });
    assert.equal(end, "left");
    assert.match(text, pattern);
    const entry = server.log.list().at(-1);
    while (entry.status === null) await new Promise((next) => { setImmediate(next); });
    assert.equal(entry.status, `stream:${kind}`);
    assert.equal(entry.completed, false);
  });
}

test("a bare status gets Anthropic's error body", async () => {
  server.faults.add({ endpoint: "anthropic.*", action: { type: "status", status: 503,
    headers: { "retry-after": "2" } } });
  const { status, json, headers } = await post(server.base, "/v1/messages", request());
  assert.equal(status, 503);
  assert.equal(headers.get("retry-after"), "2");
  assert.equal(json.type, "error");
  assert.equal(json.error.type, "api_error");
  assert.equal(json.request_id, headers.get("request-id"));
});

for (const [name, headers, status, type] of [
  ["no key", { authorization: null }, 401, "authentication_error"],
  ["both kinds of key", { "x-api-key": KEY }, 401, "authentication_error"],
  ["another key", { authorization: "Bearer sk-ant-other" }, 401, "authentication_error"],
  ["the older kind of key", { authorization: null, "x-api-key": KEY }, 200, undefined],
  ["no version", { "anthropic-version": null }, 400, "invalid_request_error"],
  ["an unknown version", { "anthropic-version": "2024-01-01" }, 400, "invalid_request_error"],
  ["another content type", { "content-type": "text/plain" }, 400, "invalid_request_error"],
  ["a compressed body", { "content-encoding": "br" }, 400, "invalid_request_error"],
]) {
  test(`a request with ${name} is answered ${status}`, async () => {
    const answer = await post(server.base, "/v1/messages", request(), headers);
    assert.equal(answer.status, status);
    assert.equal(answer.json.error?.type, type);
    assert.match(answer.headers.get("request-id"), /^req_/);
  });
}

test("a body above 32 MB is answered by the edge, in HTML", async () => {
  const { status, text, headers } = await post(server.base, "/v1/messages", Buffer.alloc(32_000_001, 32));
  assert.equal(status, 413);
  assert.match(text, /^<html>/);
  assert.equal(headers.get("content-type"), "text/html");
});

test("an unknown path is not found and a wrong method not allowed", async () => {
  assert.equal((await post(server.base, "/v1/complete", {})).status, 404);
  assert.equal((await post(server.base, "/v1/models", {})).status, 405);
});
