// A service that is restarted more often than the settle time of an unknown delivery lasts: it decides
// all the same, and not too early.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startWorld } from "../system/harness.mjs";
import { Ledger, PATIENT, brokenTables, ownWords } from "./ledger.mjs";

const SETTLE_S = 4;
const ROUNDS_MAX = 60;
const EXECUTE = "scalekit.execute_tool";

let world;
before(async () => {
  world = await startWorld({ env: { ...PATIENT, BRIEFD_DELIVERY_SETTLE: `${SETTLE_S}s` } });
});
after(() => world?.close());

/** Restarts the service whenever it has looked into the channel; how often. */
async function restartUntilEnd(id, signalOf) {
  let from = 0;
  for (let rounds = 0; rounds < ROUNDS_MAX; rounds++) {
    await world.eventually(async () => (await world.document(id)).terminal || (await world.log(EXECUTE, from))
      .some(({ tool, status }) => tool === "slack_fetch_conversation_history" && status), "it looks");
    if ((await world.document(id)).terminal) return rounds;
    await world.stop(signalOf(rounds));
    assert.equal(brokenTables(world), "");
    from = (await world.stats()).last;
    await world.start();
  }
  throw new Error(`not decided after ${ROUNDS_MAX} starts`);
}

for (const [name, signalOf] of [
  ["stopped", () => "SIGTERM"],
  ["killed twice and then stopped", (round) => (round < 2 ? "SIGKILL" : "SIGTERM")],
]) {
  test(`${name} whenever it looks for a message, it sends it once more when that is surely absent`, async (t) => {
    const { user, fields } = await ownWords(world);
    await world.fault({ endpoint: EXECUTE, match: { tool: "slack_send_message", identifier: user },
      action: { type: "reset", when: "before" } });
    const { id } = await world.accepted(user, fields);
    const rounds = await restartUntilEnd(id, signalOf);
    t.diagnostic(`${rounds} restarts`);
    assert.ok(rounds >= 3, "the restarts come faster than the settle time");

    const ledger = new Ledger(world);
    await ledger.read();
    const { run, posts, breaches } = await ledger.check(id);
    assert.deepEqual(breaches, []);
    assert.deepEqual([run.status, run.delivery.state, posts.length], ["succeeded", "confirmed", 1]);
    const sends = (await world.log(EXECUTE))
      .filter((call) => call.tool === "slack_send_message" && call.agent_run_id === id)
      .map(({ time }) => Date.parse(time));
    assert.equal(sends.length, 2);
    assert.ok(sends[1] - sends[0] >= SETTLE_S * 1000, `sent again after ${sends[1] - sends[0]} ms`);
    await world.clearFaults();
  });
}
