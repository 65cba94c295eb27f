// A thousand briefings were in flight when the process died: all are queued again before the port
// opens, and each ends with one post.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startWorld } from "../system/harness.mjs";
import { PATIENT, brokenTables, eventsOf } from "./ledger.mjs";

const RUNS = 1000;
const USERS = 50;
// Claude sends at once: a thousand briefings in full would be a test of the sandbox.
const AT_ONCE = { script: "say", count: -1, args: { blocks: [
  { type: "tool_use", name: "slack_send_message", input: { text: "Nothing to report." } }] } };

let world;
before(async () => {
  world = await startWorld({ env: { BRIEFD_MAX_RUNS: `${RUNS}`, BRIEFD_MAX_RUNS_PER_USER: `${RUNS / USERS}`,
    ...PATIENT } });
  await world.claude({ settings: { fast_stream: true } });
  await world.claude(AT_ONCE);
});
after(() => world?.close());

async function acceptAll() {
  const users = [];
  for (let i = 0; i < USERS; i++) users.push(await world.connected());
  const ids = [];
  for (let i = 0; i < RUNS; i += USERS) {
    const some = await Promise.all(users.map((user) => world.accepted(user, { if_running: "enqueue" })));
    ids.push(...some.map(({ id }) => id));
  }
  return { users, ids };
}

/** Waits until every one of these has ended; their documents. */
async function allEnded(ids) {
  const documents = [];
  for (const id of ids) documents.push(await world.untilEnd(id, 120));
  return documents;
}

test("a thousand interrupted briefings are taken up again, and each ends with one post", async (t) => {
  await world.fault({ endpoint: "scalekit.accounts.list", count: -1,
    action: { type: "hang", when: "before_headers", before_effect: true } });
  const { users, ids } = await acceptAll();
  await world.eventually(async () => (await world.request("GET", "/briefings?status=queued&limit=1"))
    .body.data.length === 0, "all are in flight", 60);
  await world.kill();
  assert.equal(brokenTables(world), "");
  await world.clearFaults();

  const began = performance.now();
  await world.start();
  const up = performance.now();
  // The first answer of the new process shows them all recovered: none is left as it was.
  const { body } = await world.request("GET", "/briefings?status=running&limit=100");
  assert.ok(body.data.every(({ attempt }) => attempt === 2), "taken up again, not left over");
  const recovered = await world.logged("runs_recovered");
  assert.equal(recovered.count, RUNS);
  t.diagnostic(`${RUNS} recovered, ready ${Math.round(up - began)} ms after the start`);

  const documents = await allEnded(ids);
  t.diagnostic(`all ended ${Math.round(performance.now() - up)} ms later`);
  const bad = documents.filter(({ status, attempt }) => status !== "succeeded" || attempt !== 2);
  assert.deepEqual(bad.slice(0, 3), []);
  const posts = (await Promise.all(users.map((user) => world.posts(user)))).flat();
  assert.equal(posts.length, RUNS);
  for (const { id, delivery } of documents)
    assert.equal(posts.filter(({ text, ts }) => text.includes(id) && ts === delivery.ts).length, 1);
  assert.equal((await world.stats()).effects.model_calls, RUNS);
  for (const id of ids.filter((_, i) => i % 100 === 0)) {
    const events = await eventsOf(world, id);
    assert.deepEqual(events.map(({ n }) => n), events.map((_, i) => i + 1));
    assert.equal(events.filter(({ type }) => type === "recovered").length, 1);
  }
});
