// A hundred parallel requests with one Idempotency-Key, and the process killed between them: one run, identical answers. A
// caller whose answer was lost repeats its request; what it gets is what the first one got.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startWorld } from "../system/harness.mjs";
import { brokenTables } from "./ledger.mjs";

const CALLERS = 100;

let world;
before(async () => {
  world = await startWorld();
});
after(() => world?.close());

/** Repeats the request until there is an answer, as a careful caller does: over lost connections and restarts. */
async function persistently(user, headers) {
  return world.eventually(async () => {
    try {
      const answer = await world.brief(user, {}, headers);
      return answer.status < 500 ? answer : null;
    } catch {
      return null; // refused or reset: the service is down or was killed
    }
  }, "an answer", 60);
}

test("a hundred parallel requests with one key and a kill between them make one run, and all get the same answer", async () => {
  const user = await world.connected("hundred");
  const headers = { "idempotency-key": "the-same-for-all" };
  const callers = Array.from({ length: CALLERS }, () => persistently(user, headers));
  await Promise.race(callers); // at least one was answered: now the process dies
  await world.kill();
  assert.equal(brokenTables(world), "");
  await world.start();
  const answers = await Promise.all(callers);
  for (const answer of answers) {
    assert.equal(answer.status, 202, answer.text);
    assert.equal(answer.text, answers[0].text);
  }
  assert.equal(answers.filter((answer) => !answer.headers["idempotent-replayed"]).length <= 1, true,
    "at most one of them was the first");
  const { body } = await world.request("GET", `/briefings?user_id=${user}`);
  assert.equal(body.data.length, 1);
  const run = await world.untilEnd(body.data[0].id);
  assert.equal(run.status, "succeeded", JSON.stringify(run.error));
  assert.equal((await world.posts(user)).length, 1);
});

test("the key of a caller may be rotated between two tries", async () => {
  const user = await world.connected("rotated");
  const headers = { "idempotency-key": "over-two-keys" };
  const scopes = "briefings:write,briefings:read";
  const first = await world.brief(user, {}, { ...headers, authorization: `Bearer ${await world.newKey(scopes, "backend")}` });
  const second = await world.brief(user, {}, { ...headers, authorization: `Bearer ${await world.newKey(scopes, "backend")}` });
  assert.equal(first.status, 202, first.text);
  assert.equal(second.headers["idempotent-replayed"], "true");
  assert.equal(second.text, first.text);
  await world.untilEnd(first.body.id);
  assert.equal((await world.posts(user)).length, 1);
});

test("a caller of another name does not meet somebody else's key", async () => {
  const user = await world.connected("namesake");
  const headers = { "idempotency-key": "a-common-word" };
  const scopes = "briefings:write,briefings:read";
  const mine = await world.brief(user, {}, { ...headers, authorization: `Bearer ${await world.newKey(scopes, "mine")}` });
  await world.untilEnd(mine.body.id);
  const theirs = await world.brief(user, {}, { ...headers, authorization: `Bearer ${await world.newKey(scopes, "theirs")}` });
  assert.equal(theirs.status, 202, theirs.text);
  assert.notEqual(theirs.body.id, mine.body.id);
  await world.untilEnd(theirs.body.id);
});
