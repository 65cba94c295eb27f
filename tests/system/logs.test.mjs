// The log: JSON, one event a line, with what an operator needs to follow one briefing, and nothing that
// says who its user is.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { startWorld } from "./harness.mjs";

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const LEVELS = ["debug", "info", "warn", "error"];
const hashOf = (user) => createHash("sha256").update(user).digest("hex").slice(0, 12);

let world;
before(async () => { world = await startWorld({ env: { BRIEFD_LOG_LEVEL: "debug" } }); });
after(() => world?.close());

test("one id leads from the request to the message in Slack", async () => {
  const user = await world.connected();
  const created = await world.brief(user, {}, { "x-request-id": "morning-7f" });
  const run = await world.untilEnd(created.body.id);
  await world.logged("run_left", (line) => line.run === run.id);
  const accepted = await world.logged("briefing_accepted", (line) => line.request_id === "morning-7f");
  assert.equal(accepted.run, run.id);
  assert.equal(accepted.user, hashOf(user));

  const lines = world.logs().filter((line) => line.trace_id === accepted.trace_id);
  const events = lines.map((line) => line.event);
  const wanted = ["briefing_accepted", "run_started", "model_asked", "tools_called", "delivery_intended", "delivered",
    "run_left"];
  let at = -1;
  for (const event of wanted) {
    const next = events.indexOf(event, at + 1);
    assert.ok(next > at, `${event} after ${events[at]} in ${events}`);
    at = next;
  }
  const delivered = lines.find((line) => line.event === "delivered");
  assert.deepEqual([delivered.level, delivered.channel, delivered.ts],
    ["info", run.delivery.channel, run.delivery.ts]);
  for (const line of lines.filter((entry) => entry.run)) assert.equal(line.user, hashOf(user), JSON.stringify(line));
  const calls = lines.filter((line) => line.event === "upstream_call");
  assert.ok(calls.some((line) => line.upstream === "anthropic" && line.operation === "messages"));
  assert.ok(calls.some((line) => line.upstream === "scalekit" && line.operation === "execute_delivery"));
  assert.equal(new Set(calls.map((line) => line.span_id)).size, calls.length);
});

test("each line is one JSON object with its fields, and names nobody", async () => {
  const users = [await world.connected("editor@example.com"), await world.connect(world.user("person"), "sanity")];
  await world.briefToEnd(users[0]);
  await world.briefToEnd(users[1], { if_blocked: "fail" });
  await world.request("GET", `/users/${encodeURIComponent(users[0])}/connections`);
  await world.request("POST", `/users/${encodeURIComponent(users[0])}/connections/slack/check`);
  const waiting = await world.accepted(users[1]);
  await world.until(waiting.id, (document) => document.status === "blocked");
  await world.request("POST", `/briefings/${waiting.id}/cancel`);
  await world.logged("cancel_requested");
  const { stderr } = await world.stop();
  const lines = stderr.trimEnd().split("\n");
  assert.ok(lines.length > 20);
  for (const text of lines) {
    const line = JSON.parse(text);
    const keys = [...text.matchAll(/(?:^\{|[",\d])"?([a-z_]+)":/g)].map((match) => match[1]);
    assert.equal(new Set(keys).size, keys.length, `a key stands twice: ${text}`);
    assert.match(line.time, TIME, text);
    assert.ok(LEVELS.includes(line.level), text);
    assert.match(line.event, /^[a-z][a-z_]+$/, text);
    if (line.run !== undefined) assert.match(line.run, /^br_/, text);
    if (line.user !== undefined) assert.match(line.user, /^[0-9a-f]{12}$/, text);
    if (line.trace_id !== undefined) assert.match(line.trace_id, /^[0-9a-f]{32}$/, text);
    if (["run_started", "run_left", "model_asked", "delivery_intended"].includes(line.event))
      assert.ok(line.run && line.user && line.trace_id, text);
    if (["briefing_accepted", "cancel_requested"].includes(line.event))
      assert.ok(line.run && line.user && line.request_id && line.trace_id, text);
    for (const secret of [...users, world.key, world.env.ANTHROPIC_API_KEY, world.env.SCALEKIT_CLIENT_SECRET])
      assert.ok(!text.includes(secret), text);
  }
  await world.start();
});

test("people get text, and a level leaves the lesser ones out", async () => {
  await world.stop();
  const human = world.spawn(["serve"], { env: { BRIEFD_LOG: "human" } });
  const ready = await human.line((line) => / ready /.test(line));
  assert.match(ready, /^\d\d:\d\d:\d\d\.\d{3} info  ready listen=http:\/\/127\.0\.0\.1:\d+ /);
  human.kill("SIGTERM");
  assert.equal((await human.ended).code, 0);
  await world.start({ BRIEFD_LOG_LEVEL: "info" });
  await world.briefToEnd(await world.connected());
  const levels = new Set(world.logs().map((line) => line.level));
  assert.ok(levels.has("info"));
  assert.ok(!levels.has("debug"));
});
