// The process aborts at every named point between two writes of the journal, at its first passage,
// its second, and so on until a briefing comes through without it. The points are those that the
// sources name; BRIEFD_TEST_LONG=1 takes every passage of each, a short run a sample of the commits.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ROOT, startWorld } from "../system/harness.mjs";
import { FAULTY_BINARY, diesAt, withoutFaultPoints } from "./fault_points.mjs";
import { Ledger, PATIENT, brokenTables, ownWords } from "./ledger.mjs";

const isLong = process.env.BRIEFD_TEST_LONG === "1";
const PASSAGES_MAX = 200;

let world, ledger;
before(async () => {
  if (withoutFaultPoints) return;
  world = await startWorld({ binary: FAULTY_BINARY, env: PATIENT });
  ledger = new Ledger(world);
  await world.kill();
});
after(() => world?.close());

function namedPoints() {
  const sources = readdirSync(join(ROOT, "src"), { recursive: true, withFileTypes: false });
  const names = sources.filter((name) => String(name).endsWith(".c"))
    .flatMap((name) => [...readFileSync(join(ROOT, "src", name), "utf8").matchAll(/fault_crash\("(\w+)"\)/g)])
    .map(([, point]) => point);
  return [...new Set(names)].sort();
}

/** One briefing with the process dying at the n-th passage. False: it came through without. */
async function dieOnce(point, n) {
  const { user, fields } = await ownWords(world, point);
  const ask = () => world.accepted(user, fields, { "idempotency-key": user });
  let asked = null;
  const hasDied = await diesAt(world, `${point}:${n}`, async () => {
    asked = await ask();
    await world.untilEnd(asked.id);
  });
  await world.start();
  const { id } = await ask(); // the same briefing, whether its 202 arrived or not
  assert.equal(asked?.id ?? id, id);
  await world.untilEnd(id);
  await ledger.read();
  const { run, breaches, repeats, posts } = await ledger.check(id);
  assert.deepEqual(breaches, []);
  assert.equal(run.status, "succeeded", JSON.stringify(run));
  assert.equal(posts.length, 1);
  assert.ok(run.attempt <= 2 && repeats <= run.attempt - 1, `${run.attempt} attempts, ${repeats} repeats`);
  await world.kill();
  return hasDied;
}

/** A briefing is in flight, the process killed; the next one dies at its n-th commit. */
async function dieRecovering(point, n) {
  const { user, fields } = await ownWords(world, "recovering");
  await world.start();
  await world.fault({ endpoint: "anthropic.messages", match: { body_contains: user },
    action: { type: "hang", when: "before_headers" } });
  const { last } = await world.stats();
  const { id } = await world.accepted(user, fields);
  await world.eventually(async () => (await world.log("anthropic.messages", last))
    .some(({ status }) => status === "hang"), "it is in flight");
  await world.kill();
  const hasDied = await diesAt(world, `${point}:${n}`, () => world.untilEnd(id));
  assert.equal(brokenTables(world), "");
  await world.start();
  await world.untilEnd(id);
  await ledger.read();
  const { run, breaches, repeats } = await ledger.check(id);
  assert.deepEqual(breaches, []);
  assert.equal(run.status, "succeeded", JSON.stringify(run));
  assert.ok(repeats <= run.attempt - 1);
  await world.kill();
  return hasDied;
}

test("dying while it recovers, the next start recovers", { skip: withoutFaultPoints }, async () => {
  for (const point of ["commit_before", "commit_after"])
    for (let n = 0; n < (isLong ? 10 : 2); n++) assert.ok(await dieRecovering(point, n), `${point} ${n}`);
});

for (const point of namedPoints()) {
  const step = point.startsWith("commit") && !isLong ? 4 : 1;
  const first = point.endsWith("after") && !isLong ? 2 : 0; // commits: other ones than before
  test(`dying at ${point}, a briefing ends with one post`, { skip: withoutFaultPoints }, async (t) => {
    let n = step === 1 ? 0 : first;
    while (await dieOnce(point, n)) {
      n += step;
      assert.ok(n < PASSAGES_MAX, "it never comes through");
    }
    assert.ok(n > 0, "a briefing passes this point");
    assert.equal(brokenTables(world), "");
    t.diagnostic(`${point}: passed ${step === 1 ? n : `less than ${n + 1}`} times`);
  });
}
