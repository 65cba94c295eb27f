// The process dies while webhooks are on their way, and around every commit: each is delivered at
// least once, always under its own webhook-id, and nothing is told that did not happen.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { startWorld } from "../system/harness.mjs";
import { gate, startReceiver } from "../system/webhook_receiver.mjs";
import { FAULTY_BINARY, diesAt, withoutFaultPoints } from "./fault_points.mjs";
import { PATIENT, brokenTables } from "./ledger.mjs";

const isLong = process.env.BRIEFD_TEST_LONG === "1";
const STATUSES = ["queued", "running", "delivering", "succeeded"];

let world, admin, receiver, endpoint;
before(async () => {
  world = await startWorld({ binary: FAULTY_BINARY, env: { ...PATIENT, BRIEFD_WEBHOOK_ALLOW: "127.0.0.1" } });
  admin = await world.newKey("admin", "host");
  receiver = await startReceiver();
  endpoint = await receiver.endpoint(world, admin);
});
after(async () => {
  await receiver?.close();
  await world?.close();
});
beforeEach(() => {
  receiver.answer = () => ({ status: 204 });
});

const ask = (method, path) => world.request(method, path, { key: admin });

async function nothingIsPending() {
  await world.eventually(async () => (await ask("GET",
    `/webhook-endpoints/${endpoint.id}/deliveries?state=pending`)).body.data.length === 0, "all are delivered");
}

/** What came about this briefing: signed, one event an id, and as the briefing's own events say. */
async function checkTold(id) {
  const document = await world.document(id);
  const told = receiver.hooks.filter(({ payload }) => payload.data.id === id);
  const events = new Map();
  for (const hook of told) {
    receiver.verify(hook);
    const known = events.get(hook.id);
    assert.equal(known ?? hook.raw, hook.raw, "an id stands for one event");
    events.set(hook.id, hook.raw);
  }
  const data = [...events.values()].map((raw) => JSON.parse(raw).data).sort((a, b) => a.event - b.event);
  assert.equal(new Set(data.map(({ event }) => event)).size, data.length, "no event has two ids");
  assert.ok(data.every(({ event }) => event <= document.progress.last_event));
  const statuses = data.map(({ status }) => status);
  assert.equal(statuses.at(-1), document.status);
  for (const status of STATUSES) assert.ok(statuses.includes(status), `${status} was told: ${statuses}`);
  return told;
}

test("killed while a receiver has it in its hands, briefd sends it again under the same id", async () => {
  const { waiting, open } = gate();
  receiver.answer = () => waiting;
  const { id } = await world.briefToEnd(await world.connected());
  const first = await receiver.came(({ payload }) => payload.data.id === id);
  await world.kill();
  open({ status: 204 });
  receiver.answer = () => ({ status: 204 });
  assert.equal(brokenTables(world), "");
  await world.start();
  await nothingIsPending();
  const told = await checkTold(id);
  assert.ok(told.filter((hook) => hook.id === first.id).length >= 2, "it came before and after");
  await world.kill();
});

for (const point of ["commit_before", "commit_after"]) {
  test(`dying at ${point}, everything is told at least once`, { skip: withoutFaultPoints }, async () => {
    for (let n = 1; n < 40; n += isLong ? 1 : 9) {
      const user = await world.connected();
      const accept = () => world.accepted(user, {}, { "idempotency-key": user });
      await diesAt(world, `${point}:${n}`, async () => {
        await world.untilEnd((await accept()).id);
        await nothingIsPending();
      });
      assert.equal(brokenTables(world), "");
      await world.start();
      const { id } = await accept();
      await world.untilEnd(id);
      await nothingIsPending();
      await checkTold(id);
      await world.kill();
    }
  });
}
