// SIGTERM whenever a new step has begun, with ten briefings in flight, and a start after each: an
// orderly end loses nothing, repeats nothing and counts against nobody.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startWorld } from "../system/harness.mjs";
import { Ledger, PATIENT, brokenTables, ownWords } from "./ledger.mjs";

const RUNS = 10;
const ROUNDS_MAX = 60;
const PROBES = ["sanitymcp_whoami", "slack_auth_test"];

let world;
before(async () => { world = await startWorld({ env: PATIENT }); });
after(() => world?.close());

/** A request of a step that is not a look at the accounts. */
const isOfStep = ({ endpoint, tool }) => endpoint === "anthropic.messages" ||
  endpoint === "scalekit.tools.scoped" || (endpoint === "scalekit.execute_tool" && !PROBES.includes(tool));

async function live(ids) {
  const documents = await Promise.all(ids.map((id) => world.document(id)));
  return documents.filter(({ terminal }) => !terminal).map(({ id }) => id);
}

/** Waits until a step begins after request `from`. False: all briefings ended without one. */
async function stepBegins(from, ids) {
  let hasBegun = false;
  await world.eventually(async () => {
    hasBegun = (await world.log(undefined, from)).some(isOfStep);
    return hasBegun || (await live(ids)).length === 0;
  }, "a step begins");
  return hasBegun;
}

test("stopped at every step with ten briefings in flight, each ends with one post", async (t) => {
  await world.latency({ model_ms: 250, tool_ms: 60 });
  const ids = [];
  for (let i = 0; i < RUNS; i++) {
    const { user, fields } = await ownWords(world);
    ids.push((await world.accepted(user, fields)).id);
  }
  let rounds = 0;
  let from = 0;
  while (await stepBegins(from, ids)) {
    assert.ok(++rounds < ROUNDS_MAX, `after ${rounds} starts these still run: ${await live(ids)}`);
    await world.stop("SIGTERM");
    assert.equal(brokenTables(world), "");
    from = (await world.stats()).last;
    await world.start();
  }
  t.diagnostic(`${rounds} times stopped`);
  assert.ok(rounds >= 2, `a briefing has more steps than ${rounds}`);

  const ledger = new Ledger(world);
  let parked = 0;
  await ledger.read();
  for (const id of ids) {
    const { run, breaches, repeats, events } = await ledger.check(id);
    assert.deepEqual(breaches, []);
    assert.deepEqual([run.status, run.delivery.state, repeats], ["succeeded", "confirmed", 0]);
    parked += run.attempt - 1;
    assert.deepEqual(events.filter(({ type }) => type === "recovered"), [], "nothing died");
  }
  assert.ok(parked >= RUNS, `parked ${parked} times`);
  assert.equal((await world.stats()).effects.slack_posts, RUNS);
});
