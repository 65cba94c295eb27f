// Single-user mode: one person, one machine, nobody asked who they are.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startWorld } from "./harness.mjs";

let world, user;
before(async () => {
  world = await startWorld({ briefd: false });
  user = await world.connected();
  world.env.USER_ID = user;
  await world.start();
});
after(() => world?.close());

test("a briefing without a user is for the one user", async () => {
  const answer = await world.request("POST", "/briefings", { body: {} });
  assert.equal(answer.status, 202, answer.text);
  assert.equal(answer.body.user_id, user);
  assert.equal((await world.untilEnd(answer.body.id)).status, "succeeded");
  assert.equal((await world.posts(user)).length, 1);
});

test("a briefing for somebody else is refused by the field's name", async () => {
  const other = world.user();
  const answer = await world.brief(other);
  assert.deepEqual([answer.status, answer.body.code], [400, "invalid_request"]);
  assert.deepEqual(answer.body.errors.map(({ pointer }) => pointer), ["/user_id"]);
  assert.deepEqual((await world.request("GET", `/briefings?user_id=${other}`)).body.data, []);
  assert.equal((await world.brief(user, { mode: "preview" })).status, 202);
});

test("what came through a proxy is refused", async () => {
  for (const name of ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "x-forwarded-proto", "X-Forwarded-Port"]) {
    const answer = await world.request("GET", "/briefings", { headers: { [name]: "for=192.0.2.60" } });
    assert.equal(answer.status, 400, name);
  }
  assert.equal((await world.request("GET", "/briefings", { headers: { "x-forward": "x" } })).status, 200);
});

test("another host name is misdirected: no page on the web can reach the one user", async () => {
  const answer = await world.request("GET", "/briefings", { headers: { host: "rebound.example" } });
  assert.equal(answer.status, 421);
});

for (const [name, env] of Object.entries({
  "an address that others reach": { BRIEFD_LISTEN: "0.0.0.0:0", BRIEFD_PUBLIC_URL: "http://127.0.0.1:8080" },
  "a public URL": { BRIEFD_PUBLIC_URL: "https://briefd.example" },
})) {
  test(`it does not start with ${name}`, async () => {
    const { code, stderr } = await world.cli(["serve"], { env: { ...env, BRIEFD_DB: "other.db" } });
    assert.equal(code, 78);
    assert.match(stderr, /USER_ID is set.*loopback/);
  });
}
