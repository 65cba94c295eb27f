import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startWorld } from "./harness.mjs";

let world;
before(async () => { world = await startWorld(); });
after(() => world?.close());

test("a briefing goes from POST into the Slack channel and back to the poll", async () => {
  const user = await world.connected();
  const run = await world.briefToEnd(user);
  assert.equal(run.status, "succeeded", JSON.stringify(run));
  const posts = await world.posts(user);
  assert.equal(posts.length, 1);
  assert.equal(posts[0].text, run.delivery.text);
});
