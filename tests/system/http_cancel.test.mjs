// Calling a briefing off, in every state that it can be in.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { UNHURRIED, eventually, startWorld } from "./harness.mjs";

let world;
// Only a cancel ends a question that hangs.
before(async () => { world = await startWorld({ env: { ...UNHURRIED, BRIEFD_MAX_RUNS: "1" } }); });
after(() => world?.close());

const cancel = (id, headers) => world.request("POST", `/briefings/${id}/cancel`, { headers });
const HANG = { type: "hang", when: "before_headers" };

/** A briefing whose question to Claude is never answered. */
async function running() {
  await world.fault({ endpoint: "anthropic.messages", count: 1, action: HANG });
  const from = (await world.stats()).last;
  const user = await world.connected();
  const { id } = await world.accepted(user);
  await eventually(async () => (await world.log("anthropic.messages", from)).length > 0, "Claude is asked");
  return { id, user };
}

test("a running briefing is called off at once, in the middle of a question to Claude", async () => {
  const { id, user } = await running();
  const answer = await cancel(id);
  assert.equal(answer.status, 202);
  assert.equal(answer.body.id, id);
  const run = await world.untilEnd(id);
  assert.equal(run.status, "cancelled");
  assert.equal(run.delivery.state, "none");
  assert.equal(run.error, null);
  assert.match(run.summary, /[Cc]ancelled/);
  assert.deepEqual(await world.posts(user), []);
});

test("a queued briefing is called off before anything is asked", async () => {
  const first = await running(); // takes the only place
  const user = await world.connected();
  const { id } = await world.accepted(user);
  assert.equal((await world.document(id)).status, "queued");
  const answer = await cancel(id);
  assert.equal(answer.status, 202);
  assert.equal(answer.body.status, "cancelled");
  assert.equal((await world.document(id)).started_at, null);
  await cancel(first.id);
  await world.untilEnd(first.id);
  // The place is free again, and the cancelled one is not taken up.
  const run = await world.briefToEnd(await world.connected());
  assert.equal(run.status, "succeeded");
  assert.deepEqual(await world.toolCalls(user), []);
});

test("a blocked briefing is called off and stays so when its user connects", async () => {
  const user = world.user();
  const { id } = await world.accepted(user);
  await world.until(id, (run) => run.status === "blocked");
  const answer = await cancel(id);
  assert.deepEqual([answer.status, answer.body.status, answer.body.blocked_on], [202, "cancelled", []]);
  await world.connect(user, "sanity", "slack");
  for (const connector of ["sanity", "slack"])
    assert.equal((await world.request("POST", `/users/${user}/connections/${connector}/check`)).status, 200);
  assert.equal((await world.document(id)).status, "cancelled");
  assert.deepEqual(await world.posts(user), []);
});

test("cancelling again is fine and changes nothing", async () => {
  const { id } = await running();
  await cancel(id);
  const run = await world.untilEnd(id);
  for (let i = 0; i < 2; i++) {
    const answer = await cancel(id);
    assert.equal(answer.status, 202);
    assert.deepEqual(answer.body, run);
  }
});

test("a briefing that has ended otherwise cannot be cancelled", async () => {
  const run = await world.briefToEnd(await world.connected());
  assert.equal(run.status, "succeeded");
  const answer = await cancel(run.id);
  assert.deepEqual([answer.status, answer.body.code], [409, "not_cancellable"]);
  assert.deepEqual(await world.document(run.id), run);
});

test("a message on its way cannot be called back", async () => {
  const user = await world.connected();
  const held = await world.hold({ endpoint: "scalekit.execute_tool", match: { tool: "slack_send_message" } });
  const { id } = await world.accepted(user);
  await held.reached();
  const answer = await cancel(id);
  await held.release();
  assert.deepEqual([answer.status, answer.body.code], [409, "delivery_in_progress"]);
  const run = await world.untilEnd(id);
  assert.deepEqual([run.status, run.delivery.state], ["succeeded", "confirmed"]);
  assert.equal((await world.posts(user)).length, 1);
});

test("what does not exist cannot be cancelled", async () => {
  assert.equal((await cancel("br_00000000000000000000000000")).status, 404);
});

test("a repeated cancel with one idempotency key gets the first answer", async () => {
  const { id } = await world.accepted(world.user());
  await world.until(id, (run) => run.status === "blocked");
  const key = { "idempotency-key": `cancel-${id}` };
  const first = await cancel(id, key);
  const again = await cancel(id, key);
  assert.deepEqual([again.status, again.text], [202, first.text]);
  assert.equal(first.headers["idempotent-replayed"], undefined);
  assert.equal(again.headers["idempotent-replayed"], "true");
});

test("a cancel at any moment ends in cancelled with no message, or in one message", async () => {
  const outcomes = new Set();
  for (const n of [1, 3, 5, 8, 10, 12, 14, 16]) {
    const user = await world.connected();
    const { id } = await world.accepted(user);
    await world.until(id, (run) => run.progress.last_event >= n || run.terminal);
    await cancel(id);
    const run = await world.untilEnd(id);
    const posts = await world.posts(user);
    outcomes.add(run.status);
    if (run.status === "cancelled") assert.deepEqual([run.delivery.state, posts.length], ["none", 0]);
    else assert.deepEqual([run.status, run.delivery.state, posts.length], ["succeeded", "confirmed", 1]);
  }
  assert.ok(outcomes.has("cancelled"));
});
