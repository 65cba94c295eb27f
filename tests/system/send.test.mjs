// `briefd send`: a timer's way to a briefing beside the running service.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startWorld } from "./harness.mjs";

let world;
before(async () => { world = await startWorld(); });
after(() => world?.close());

const send = (args, env = {}) => world.cli(["send", ...args],
  { env: { BRIEFD_API_KEY: world.key, BRIEFD_LISTEN: world.url.slice("http://".length), ...env } });

test("the briefing is made by the service, once a day, and waited for", async () => {
  const user = await world.connected();
  const first = await send(["--user", user, "--daily"]);
  assert.deepEqual([first.code, first.stderr.match(/Briefing (br_\w+)/)?.length], [0, 2], first.stderr);
  assert.match(first.stdout, /^succeeded: /);
  const [, id] = /Briefing (br_\w+)/.exec(first.stderr);
  assert.equal((await world.document(id)).status, "succeeded");
  const again = await send(["--user", user, "--daily"]);
  assert.equal(again.code, 0, again.stderr);
  if (new Date().getUTCHours() !== 0) assert.ok(again.stderr.includes(id)); // not across midnight
  assert.equal((await world.posts(user)).length, new Set([first.stderr, again.stderr]).size);
  const other = await send(["--user", user, "--preview", "--url", world.url]);
  assert.equal(other.code, 0);
  assert.ok(!other.stderr.includes(id));
});

test("its exit status says who must act", async () => {
  const user = await world.connected();
  await world.loseDelivery(user);
  assert.equal((await send(["--user", user])).code, 3);
  assert.equal((await send(["--user", user], { BRIEFD_API_KEY: "bk_nobody" })).code, 1);
  const none = await send(["--user", user], { BRIEFD_API_KEY: null });
  assert.equal(none.code, 78);
  assert.match(none.stderr, /BRIEFD_API_KEY is not set/);
  const recipe = await send(["--user", user, "--recipe", "nothing"]);
  assert.equal(recipe.code, 1);
  assert.match(recipe.stderr, /there is no recipe/);
  for (const args of [[], ["--user", user, "--daily", "--idempotency-key", "k"]])
    assert.equal((await send(args)).code, 64);
});
