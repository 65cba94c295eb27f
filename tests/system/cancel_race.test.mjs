// A cancel that races the message: it wins, and nothing is ever sent, or it loses and is told so. Both
// orders are forced, and then many races are run whose end nobody knows beforehand.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { UNHURRIED, startWorld } from "./harness.mjs";

const RACES = 48;
const AT_ONCE = 12;
const EXECUTE = "scalekit.execute_tool";
// The last thing that a briefing asks before it writes its intent.
const LAST_LOOK = { endpoint: EXECUTE, skip: 1, match: { tool: "slack_auth_test" } };
const MESSAGE = { endpoint: EXECUTE, match: { tool: "slack_send_message" } };

let world;
before(async () => {
  world = await startWorld({ env: UNHURRIED });
  await world.claude({ settings: { fast_stream: true } });
});
after(() => world?.close());

const cancel = (id) => world.request("POST", `/briefings/${id}/cancel`);
const held = (rule, user) => world.hold({ ...rule, match: { ...rule.match, identifier: user } });

/** The one invariant: what the answer to the cancel said is what happened. */
async function settled(id, user, answer) {
  const run = await world.untilEnd(id);
  const posts = (await world.posts(user)).length;
  const sends = (await world.toolCalls(user)).filter(({ tool }) => tool === MESSAGE.match.tool).length;
  const story = `${answer.status} ${answer.body.code ?? ""}, ${run.status}, ${posts} posts, ${sends} sends`;
  if (answer.status === 202)
    assert.deepEqual([run.status, run.delivery.state, posts, sends], ["cancelled", "none", 0, 0], story);
  else {
    assert.ok(answer.status === 409 && ["delivery_in_progress", "not_cancellable"].includes(answer.body.code), story);
    assert.deepEqual([run.status, run.delivery.state, posts, sends], ["succeeded", "confirmed", 1, 1], story);
  }
  return run.status;
}

test("a cancel before the intent wins: nothing is sent", async () => {
  const user = await world.connected();
  const look = await held(LAST_LOOK, user);
  const { id } = await world.accepted(user);
  await look.reached();
  const answer = await cancel(id);
  await look.release();
  assert.equal(await settled(id, user, answer), "cancelled");
});

test("a cancel after the intent loses, and is told so", async () => {
  const user = await world.connected();
  const message = await held(MESSAGE, user);
  const { id } = await world.accepted(user);
  await message.reached();
  const answer = await cancel(id);
  assert.deepEqual([answer.status, answer.body.code], [409, "delivery_in_progress"]);
  await message.release();
  assert.equal(await settled(id, user, answer), "succeeded");
});

describe("races", { concurrency: AT_ONCE }, () => {
  const ends = { cancelled: 0, succeeded: 0 };
  for (let n = 0; n < RACES; n++) {
    test(`race ${n + 1}: the cancel wins or loses, never both`, async () => {
      const user = await world.connected();
      const look = await held(LAST_LOOK, user);
      const { id } = await world.accepted(user);
      await look.reached();
      const gone = look.release();
      for (let turns = n % AT_ONCE; turns > 0; turns--) await new Promise(setImmediate);
      const answer = await cancel(id);
      await gone;
      ends[await settled(id, user, answer)]++;
    });
  }
  after(() => console.log(`# ${ends.cancelled} cancels won, ${ends.succeeded} lost`));
});
