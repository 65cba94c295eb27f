// How often a caller may ask, and what it is told.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Browser } from "./browser.mjs";
import { eventually, startWorld } from "./harness.mjs";

/** Requests until one is refused; that answer, and how many passed. */
async function untilRefused(ask, most = 200) {
  for (let passed = 0; passed <= most; passed++) {
    const answer = await ask();
    if (answer.status === 429) return { refused: answer, passed };
  }
  assert.fail(`nothing was refused in ${most + 1} requests`);
}

function assertRefused(answer, policy) {
  assert.deepEqual([answer.status, answer.body.code, answer.body.retryable], [429, "rate_limited", true]);
  assert.match(answer.headers["retry-after"], /^[1-9]\d*$/);
  assert.match(answer.headers.ratelimit, new RegExp(`^"${policy}";r=0;t=[1-9]\\d*$`));
}

describe("with small buckets", () => {
  let world, id;
  // One a second: a machine would have to stand still for a minute to let so many pass.
  before(async () => {
    world = await startWorld({ env: { BRIEFD_KEY_RATE: "1", BRIEFD_KEY_BURST: "60",
      BRIEFD_ADDRESS_RATE: "1", BRIEFD_ADDRESS_BURST: "60" } });
    ({ id } = await world.accepted(world.user()));
  });
  after(() => world?.close());

  test("every answer to a key says what is left", async () => {
    const key = await world.newKey("briefings:read", "counting");
    await eventually(async () => {
      const { headers } = await world.request("GET", `/briefings/${id}`, { key });
      assert.equal(headers["ratelimit-policy"], '"key";q=60;w=60');
      const [, left, full] = /^"key";r=(\d+);t=(\d+)$/.exec(headers.ratelimit).map(Number);
      assert.ok(left < 60 && full >= 1 && left + full <= 61, headers.ratelimit);
      return true;
    }, "the key is known");
  });

  test("a key that asks too often is refused, others go on, and so does it after a while", async () => {
    const greedy = await world.newKey("briefings:read,briefings:write", "greedy");
    const modest = await world.newKey("briefings:read", "modest");
    const { refused, passed } = await untilRefused(() => world.request("GET", `/briefings/${id}`, { key: greedy }));
    assert.ok(passed >= 59, `${passed} passed`);
    assertRefused(refused, "key");
    const user = world.user();
    const post = await untilRefused(() => world.request("POST", "/briefings", { key: greedy, body: { user_id: user } }));
    assertRefused(post.refused, "key");
    assert.equal((await world.request("GET", `/briefings/${id}`, { key: modest })).status, 200);
    assert.equal((await world.request("GET", "/healthz", { key: greedy })).status, 200);
    await eventually(async () => (await world.request("GET", `/briefings/${id}`, { key: greedy })).status === 200,
      "it may ask again");
  });

  test("two keys of one name share what there is: a rotation gives nothing more", async () => {
    const old = await world.newKey("briefings:read", "rotated");
    const fresh = await world.newKey("briefings:read", "rotated");
    await untilRefused(() => world.request("GET", `/briefings/${id}`, { key: old }));
    const { passed } = await untilRefused(() => world.request("GET", `/briefings/${id}`, { key: fresh }));
    assert.ok(passed < 30, `${passed} passed`);
  });

  test("who does not say who it is pays by address, with keys that are wrong as well; health is free", async () => {
    const anonymous = (path) => world.request("GET", path, { key: null });
    const { headers } = await anonymous("/version");
    assert.equal(headers["ratelimit-policy"], '"address";q=60;w=60');
    const { refused } = await untilRefused(() => anonymous("/nothing"));
    assertRefused(refused, "address");
    const wrong = await untilRefused(() => world.request("GET", "/briefings", { key: "bk_wrong" }));
    assertRefused(wrong.refused, "address");
    for (const path of ["/healthz", "/readyz"]) {
      const health = await anonymous(path);
      assert.deepEqual([health.status, health.headers.ratelimit], [200, undefined]);
    }
    const known = await world.request("GET", `/briefings/${id}`);
    assert.equal(known.status, 200, "a key that is known is nobody's neighbour");
  });
});

describe("behind a proxy that signs people in", () => {
  let world;
  before(async () => {
    world = await startWorld({ env: { BRIEFD_ADDRESS_RATE: "1", BRIEFD_ADDRESS_BURST: "40",
      BRIEFD_TRUSTED_PROXY: "127.0.0.1", BRIEFD_TRUSTED_PROXY_HEADER: "X-Forwarded-User" } });
  });
  after(() => world?.close());

  test("strangers are told apart by the address that the proxy wrote", async () => {
    const from = (address) => world.request("GET", "/version", { key: null, headers: { "x-forwarded-for": address } });
    const { refused } = await untilRefused(() => from("203.0.113.9"));
    assertRefused(refused, "address");
    assertRefused((await untilRefused(() => from("198.51.100.1, 203.0.113.9"))).refused, "address");
    assert.equal((await from("203.0.113.9, 198.51.100.1")).status, 200);
    const network = await untilRefused(() => from("2001:db8:1:2::1"));
    assertRefused(network.refused, "address");
    assertRefused((await untilRefused(() => from("2001:db8:1:2:ffff::2"))).refused, "address");
    assert.equal((await from("2001:db8:1:3::1")).status, 200);
  });

  test("a signed-in user pays alone, wherever it comes from", async () => {
    const signedIn = async (user) => {
      const browser = new Browser(world);
      const get = (path, headers = {}) => browser.get(path,
        { headers: { "x-forwarded-user": user, "x-forwarded-for": "203.0.113.50", ...headers } });
      assert.equal((await get("/")).status, 200);
      return get;
    };
    const ann = await signedIn("ann");
    const bob = await signedIn("bob");
    const { refused } = await untilRefused(() => ann("/recipes"));
    assertRefused(refused, "user");
    assert.equal((await bob("/recipes")).status, 200);
    const page = await ann("/", { accept: "text/html" });
    assert.equal(page.status, 429);
    assert.match(page.headers["content-type"], /^text\/html/);
  });
});

test("many wrong keys cost few look-ups, and a good one is not taken for wrong", async () => {
  const world = await startWorld({ env: { BRIEFD_ADDRESS_RATE: "10000000", BRIEFD_ADDRESS_BURST: "1000000" } });
  let i = 0;
  const { refused } = await untilRefused(async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => world.request("GET", "/briefings", { key: `bk_wrong${i++}` })));
    return answers.find(({ status }) => status === 429) ?? answers[0];
  });
  assertRefused(refused, "unknown-key");
  assert.equal((await world.request("GET", "/briefings")).status, 200);
  const key = await world.newKey("briefings:read", "fresh");
  await eventually(async () => {
    const { status } = await world.request("GET", "/briefings", { key });
    assert.notEqual(status, 401);
    return status === 200;
  }, "the new key is known");
  await world.close();
});

test("0 is no limit", async () => {
  const world = await startWorld({ env: { BRIEFD_KEY_RATE: "0", BRIEFD_ADDRESS_RATE: "0" } });
  for (const key of [world.key, null]) {
    const { headers } = await world.request("GET", "/version", { key });
    assert.deepEqual([headers.ratelimit, headers["ratelimit-policy"]], [undefined, undefined]);
  }
  assert.equal((await world.request("GET", "/briefings")).headers.ratelimit, undefined);
  await world.close();
});
