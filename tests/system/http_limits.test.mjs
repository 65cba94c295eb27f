// What is too much or too late is refused early, or ends with its reason.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startWorld } from "./harness.mjs";

let world;
before(async () => { world = await startWorld({ env: { BRIEFD_MAX_OPEN_RUNS: "3", BRIEFD_MAX_WAITERS: "2" } }); });
after(() => world?.close());

test("a full house refuses with 429, and accepts again when somebody left", async () => {
  const open = [];
  for (let i = 0; i < 3; i++) open.push((await world.accepted(world.user())).id);
  const user = world.user();
  const key = { "idempotency-key": "full-house" };
  const refused = await world.brief(user, {}, key);
  assert.deepEqual([refused.status, refused.body.code, refused.body.retryable], [429, "queue_full", true]);
  assert.match(refused.headers["retry-after"], /^[1-9]\d*$/);
  assert.match(refused.headers.ratelimit, /r=0/);
  await world.request("POST", `/briefings/${open[0]}/cancel`);
  await world.untilEnd(open[0]);
  const accepted = await world.brief(user, {}, key);
  assert.equal(accepted.status, 202, accepted.text);
  for (const id of [...open.slice(1), accepted.body.id]) await world.request("POST", `/briefings/${id}/cancel`);
});

test("the open briefings are counted anew after a restart", async () => {
  const open = [];
  for (let i = 0; i < 3; i++) open.push((await world.accepted(world.user())).id);
  await world.stop();
  await world.start();
  assert.equal((await world.brief(world.user())).status, 429);
  for (const id of open) await world.request("POST", `/briefings/${id}/cancel`);
});

test("more waiting callers than allowed are told to poll", async () => {
  const { id } = await world.accepted(world.user());
  await world.until(id, (run) => run.status === "blocked");
  const { headers: { etag } } = await world.request("GET", `/briefings/${id}`);
  const wait = () => world.request("GET", `/briefings/${id}?wait=20`, { headers: { "if-none-match": etag } });
  const answers = Array.from({ length: 5 }, wait);
  const refused = await Promise.any(answers.map((answer) => answer.then((a) => (a.status === 429 ? a : Promise.reject(a)))));
  assert.equal(refused.body.code, "rate_limited");
  assert.ok(refused.headers["retry-after"]);
  assert.equal((await world.request("GET", `/briefings/${id}`)).status, 200);
  await world.request("POST", `/briefings/${id}/cancel`);
  assert.deepEqual((await Promise.all(answers)).map(({ status }) => status).sort(), [200, 200, 429, 429, 429]);
});

test("a briefing that could not start in time expires", async () => {
  const startBy = new Date(Date.now() + 3000).toISOString();
  const { id } = await world.accepted(world.user(), { start_by: startBy });
  const run = await world.untilEnd(id);
  assert.equal(run.status, "expired");
  assert.deepEqual([run.started_at, run.delivery.state], [null, "none"]);
  assert.match(run.summary, /start_by/);
  assert.ok(run.finished_at >= startBy);
});

test("a briefing that would cost more than allowed asks nothing more", async () => {
  const user = await world.connected();
  const from = (await world.stats()).last;
  const run = await world.briefToEnd(user, { budget: { max_usd: "0.0001" } });
  assert.deepEqual([run.status, run.error.code], ["failed", "budget_exceeded"]);
  assert.equal((await world.log("anthropic.messages", from)).length, 0);
  assert.deepEqual([run.usage.cost_usd, await world.posts(user)], ["0.00", []]);
});

test("a briefing that takes too long ends at its deadline", async () => {
  const user = await world.connected();
  await world.fault({ endpoint: "scalekit.execute_tool", match: { identifier: user, tool: "sanitymcp_query_documents" },
    count: -1, action: { type: "hang", when: "before_headers" } });
  const began = Date.now();
  const run = await world.briefToEnd(user, { deadline_seconds: 10 }, 60);
  const seconds = (Date.now() - began) / 1000;
  await world.clearFaults();
  assert.deepEqual([run.status, run.error.code], ["failed", "deadline_exceeded"]);
  assert.ok(seconds >= 9.9, `${seconds} s`);
  assert.deepEqual(await world.posts(user), []);
});
