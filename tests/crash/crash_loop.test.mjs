// Who is to blame when the process dies again and again: kills from outside end nobody, and a
// briefing that brings the process down ends as crash_loop while its neighbours succeed.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startWorld } from "../system/harness.mjs";
import { FAULTY_BINARY, diesAt, withoutFaultPoints } from "./fault_points.mjs";
import { Ledger, PATIENT, brokenTables, eventsOf, ownWords } from "./ledger.mjs";

const RUNS = 10;
const HELD = { type: "hang", when: "before_headers", before_effect: true };

let world;
let killedAt = 0; // the last request before the last kill
before(async () => {
  world = await startWorld({ binary: FAULTY_BINARY, env: PATIENT });
});
after(() => world?.close());

async function accept(count, label) {
  const ids = [];
  for (let i = 0; i < count; i++) {
    const { user, fields } = await ownWords(world, label);
    ids.push((await world.accepted(user, fields)).id);
  }
  return ids;
}

/** Waits until so many model requests are held, and no more; then kills. */
async function killWhenHeld(count, ids) {
  await world.eventually(async () => {
    const held = (await world.log("anthropic.messages", killedAt)).filter(({ status }) => status === "hang");
    assert.ok(held.length <= count, `${held.length} at once, at most ${count} should be`);
    return held.length === count;
  }, `${count} model requests are held`);
  const documents = await Promise.all(ids.map((id) => world.document(id)));
  assert.equal(documents.filter(({ status }) => status === "running").length, count);
  await world.kill();
  assert.equal(brokenTables(world), "");
  killedAt = (await world.stats()).last;
}

async function uncleanEnds(id) {
  return (await eventsOf(world, id)).filter(({ type }) => type === "recovered")
    .map(({ data }) => data.unclean_ends);
}

async function allSucceed(ids) {
  const ledger = new Ledger(world);
  for (const id of ids) await world.untilEnd(id);
  await ledger.read();
  for (const id of ids) {
    const { run, breaches } = await ledger.check(id);
    assert.deepEqual(breaches, []);
    assert.equal(run.status, "succeeded", JSON.stringify(run));
  }
}

test("kills from outside end none of ten briefings in flight; suspects run one at a time", async () => {
  await world.fault({ endpoint: "anthropic.messages", count: -1, action: HELD });
  const ids = await accept(RUNS);
  await killWhenHeld(RUNS, ids);
  await world.start();
  await killWhenHeld(RUNS, ids);
  for (let kill = 3; kill <= 5; kill++) {
    await world.start();
    await world.logged("run_alone");
    await killWhenHeld(1, ids);
  }
  await world.clearFaults();
  await world.start();
  const ends = await Promise.all(ids.map(uncleanEnds));
  assert.ok(ends.every((list) => Math.max(...list) <= 3), `kills spread: ${JSON.stringify(ends)}`);
  await allSucceed(ids);
});

test("a suspect that has finished a step lets others start beside it", async () => {
  killedAt = (await world.stats()).last;
  const { user, fields } = await ownWords(world);
  const hold = (skip) => world.fault({ endpoint: "anthropic.messages", match: { body_contains: user }, skip,
    action: HELD });
  await hold(0);
  const suspect = (await world.accepted(user, fields)).id;
  await killWhenHeld(1, [suspect]);
  await hold(0);
  await world.start();
  await killWhenHeld(1, [suspect]);
  await hold(1);
  await world.start();
  const [other] = await accept(1);
  await world.untilEnd(other);
  const { status, progress } = await world.document(suspect);
  assert.deepEqual([status, progress.turn], ["running", 1]);
  await killWhenHeld(1, [suspect]);
  await world.start();
  await allSucceed([suspect, other]);
  assert.deepEqual(await uncleanEnds(suspect), [1, 2, 1], "a finished step forgives");
});

test("a briefing that brings the process down ends as crash_loop, its neighbours succeed",
  { skip: withoutFaultPoints }, async () => {
    await world.latency({ model_ms: 50 });
    const neighbours = await accept(4);
    const [doomed] = await accept(1, "doomed");
    await world.kill();
    let deaths = 0;
    while (await diesAt(world, "step_done_before@doomed:0", () => world.untilEnd(doomed)))
      assert.ok(++deaths <= 5, "it dies for ever");
    await world.start();
    const run = await world.document(doomed);
    assert.deepEqual([run.status, run.error.code, run.delivery.state], ["failed", "crash_loop", "none"]);
    assert.match(run.error.detail, /the process died 5 times/);
    assert.deepEqual(await uncleanEnds(doomed), [...Array(run.attempt).keys()].map((n) => n + 1));
    assert.deepEqual(await world.posts(run.user_id), []);
    await allSucceed(neighbours);
    await world.latency({ model_ms: 0 });
  });

test("dying at every intent, it gives up after the second and asks for a person", { skip: withoutFaultPoints },
  async () => {
    const [doomed] = await accept(1, "doomed");
    await world.kill();
    let deaths = 0;
    while (await diesAt(world, "intent_written@doomed:0", () => world.untilEnd(doomed)))
      assert.ok(++deaths <= 2, "it dies for ever");
    await world.start();
    const run = await world.document(doomed);
    assert.deepEqual([deaths, run.error.code, run.needs_attention], [2, "delivery_unknown", true]);
    assert.deepEqual(await world.posts(run.user_id), []);
  });
