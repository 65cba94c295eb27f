// W3C Trace Context: from the request into the log of the run and to both upstreams, and over a
// restart.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startWorld } from "./harness.mjs";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT = "00f067aa0ba902b7";
const SHAPE = /^00-([0-9a-f]{32})-([0-9a-f]{16})-(0[01])$/;

let world;
before(async () => { world = await startWorld({ env: { BRIEFD_LOG_LEVEL: "debug" } }); });
after(() => world?.close());

/** A trace id that no other test has. */
let traces = 0;
const newTrace = () => TRACE.slice(0, 24) + (++traces).toString(16).padStart(8, "0");

/** What the sandbox was sent with this trace, by half: {scalekit: [[id, span, flags]…], anthropic}. */
async function sent(trace) {
  const halves = {};
  for (const half of ["scalekit", "anthropic"]) {
    const entries = await world.log(`${half}.*`);
    halves[half] = entries.map((entry) => SHAPE.exec(entry.traceparent ?? ""))
      .filter((match) => match?.[1] === trace).map((match) => match.slice(1));
  }
  return halves;
}

function assertSpans(calls, flags) {
  const spans = calls.map(([, span]) => span);
  assert.equal(new Set(spans).size, spans.length, "each call has a span of its own");
  assert.ok(!spans.includes(PARENT), "the caller's span is nobody else's");
  assert.ok(calls.every((call) => call[2] === flags), JSON.stringify(calls));
}

const ofRun = (id) => world.logs().filter((line) => line.run === id);

test("the caller's trace is in every line of the run and in every call to both upstreams", async () => {
  const trace = newTrace();
  const user = await world.connected();
  const run = await world.accepted(user, {}, { traceparent: `00-${trace}-${PARENT}-01` });
  await world.untilEnd(run.id);
  await world.logged("run_left", (line) => line.run === run.id);
  const { scalekit, anthropic } = await sent(trace);
  const calls = await world.toolCalls(user);
  assert.ok(calls.length >= 4, "probes, reads, the delivery");
  assert.ok(scalekit.length >= calls.length, `${scalekit.length} of ${calls.length}`);
  assert.ok(anthropic.length >= 2);
  assertSpans([...scalekit, ...anthropic], "01");
  for (const call of calls) assert.equal(SHAPE.exec(call.traceparent)?.[1], trace);

  const lines = ofRun(run.id);
  assert.ok(lines.length >= 3);
  for (const line of lines) assert.equal(line.trace_id, trace, JSON.stringify(line));
});

test("without a trace, or with one that is not valid, a new one begins", async () => {
  const given = newTrace();
  const invalid = [undefined, "", "00-zz", `00-${"0".repeat(32)}-${PARENT}-01`, `00-${given}-${"0".repeat(16)}-01`,
    `ff-${given}-${PARENT}-01`, `00-${given.toUpperCase()}-${PARENT}-01`, `00-${given}-${PARENT}-01-more`,
    `00-${given}-${PARENT}`, [`00-${given}-${PARENT}-01`, `00-${given}-${PARENT}-01`]];
  const seen = new Set();
  for (const traceparent of invalid) {
    const run = await world.accepted(world.user(), {}, traceparent === undefined ? {} : { traceparent });
    const line = await world.logged("run_started", (entry) => entry.run === run.id);
    assert.match(line.trace_id, /^[0-9a-f]{32}$/, String(traceparent));
    assert.notEqual(line.trace_id, given, String(traceparent));
    assert.ok(!seen.has(line.trace_id));
    seen.add(line.trace_id);
    const accepted = await world.logged("briefing_accepted", (entry) => entry.run === run.id);
    assert.equal(accepted.trace_id, line.trace_id, "the request is part of it, too");
  }
});

test("a later version of the header is understood as ours", async () => {
  const trace = newTrace();
  const user = await world.connected();
  const run = await world.accepted(user, { mode: "preview" }, { traceparent: `cc-${trace}-${PARENT}-02-what-they-added` });
  await world.untilEnd(run.id);
  const { anthropic } = await sent(trace);
  assert.ok(anthropic.length > 0);
  assertSpans(anthropic, "00");
});

test("retries are calls of their own", async () => {
  const trace = newTrace();
  const user = await world.connected();
  await world.fault({ endpoint: "scalekit.execute_tool", match: { identifier: user, tool: "sanitymcp_query_documents" },
    count: 2, action: { type: "status", status: 503 } });
  const run = await world.accepted(user, { mode: "preview" }, { traceparent: `00-${trace}-${PARENT}-01` });
  await world.untilEnd(run.id);
  const { scalekit, anthropic } = await sent(trace);
  assertSpans([...scalekit, ...anthropic], "01");
  assert.ok((await world.toolCalls(user)).filter((call) => call.tool === "sanitymcp_query_documents").length >= 3);
});

test("a restart does not lose the trace", async () => {
  const trace = newTrace();
  const user = await world.connected();
  await world.fault({ endpoint: "anthropic.messages", count: -1, action: { type: "hang", when: "before_headers" } });
  const run = await world.accepted(user, {}, { traceparent: `00-${trace}-${PARENT}-01` });
  await world.eventually(async () => (await sent(trace)).anthropic.length > 0, "Claude is asked");
  await world.kill();
  await world.clearFaults();
  const before = (await sent(trace)).anthropic.length;
  await world.start();
  assert.equal((await world.untilEnd(run.id)).status, "succeeded");
  const { scalekit, anthropic } = await sent(trace);
  assert.ok(anthropic.length > before, "asked again under the same trace");
  assertSpans([...scalekit, ...anthropic], "01");
  await world.logged("run_left", (line) => line.run === run.id);
  for (const line of ofRun(run.id)) assert.equal(line.trace_id, trace, JSON.stringify(line));
});

test("requests that call ScaleKit for a browser or a service pass their trace on, too", async () => {
  const trace = newTrace();
  const user = await world.connected();
  const answer = await world.request("POST", `/users/${user}/connections/slack/check`,
    { headers: { traceparent: `00-${trace}-${PARENT}-01` } });
  assert.equal(answer.status, 200, answer.text);
  const { scalekit } = await sent(trace);
  assert.ok(scalekit.length > 0);
  assertSpans(scalekit, "01");
});
