// Connect tickets: what one lets a browser do, and what not.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Browser, invited, ticketFor } from "./browser.mjs";
import { startWorld } from "./harness.mjs";

let world;
before(async () => {
  world = await startWorld();
});
after(() => world.close());

describe("a ticket", () => {
  it("is not used up by whoever looks at the link", async () => {
    const url = new URL(await ticketFor(world, world.user())).pathname;
    for (const method of ["HEAD", "GET", "GET"]) {
      const answer = await new Browser(world).request(method, url, { headers: { "sec-purpose": "prefetch" } });
      assert.equal(answer.status, 200);
    }
    assert.equal((await new Browser(world).redeem(`http://x${url}`)).status, 303);
  });

  it("works once", async () => {
    const url = await ticketFor(world, world.user());
    assert.equal((await new Browser(world).redeem(url)).status, 303);
    const again = await new Browser(world).page(new URL(url).pathname);
    assert.equal(again.status, 410);
    assert.equal(again.code, "ticket_used");
    assert.equal((await new Browser(world).get("/connect/t/" + "x".repeat(43))).status, 404);
  });

  it("of somebody else is shown to nobody who is signed in, and stays good", async () => {
    const url = await ticketFor(world, world.user("victim"), { display_name: "Victim" });
    const browser = await invited(world, world.user("attacker"));
    const answer = await browser.page(new URL(url).pathname);
    assert.equal(answer.status, 403);
    assert.equal(answer.code, "user_mismatch");
    assert.ok(!answer.text.includes("Victim"));
    assert.equal((await browser.post(new URL(url).pathname, { csrf_token: answer.token })).status, 403);
    assert.equal((await new Browser(world).redeem(url)).status, 303);
  });

  it("lets connect what it names and nothing else", async () => {
    const browser = await invited(world, world.user(), { connectors: ["slack"] });
    assert.equal((await browser.press("/", "/oauth/sanity/start")).status, 403);
    assert.equal((await browser.press("/", "/disconnect/sanity")).status, 403);
    assert.equal((await browser.press("/", "/oauth/nothing/start")).status, 404);
    assert.ok(!(await browser.get("/")).text.includes('data-connector="sanity"'));
  });

  it("lets nobody read or start briefings", async () => {
    const user = world.user();
    const browser = await invited(world, user);
    const run = await browser.script("POST", "/briefings", { user_id: user });
    assert.equal(run.status, 403);
    assert.equal(run.body.code, "insufficient_scope");
    const { id } = await world.accepted(user, { mode: "preview" });
    assert.equal((await browser.get(`/briefings/${id}`)).status, 403);
    assert.equal((await browser.get(`/b/${id}`)).status, 404);
    assert.equal((await browser.get(`/users/${user}/connections`)).status, 403);
  });

  it("gives every browser a new cookie, which scripts cannot read", async () => {
    const user = world.user();
    const browser = await invited(world, user);
    const first = browser.cookies.get("briefd");
    const answer = await browser.redeem(await ticketFor(world, user));
    assert.equal(answer.status, 303);
    const line = answer.headers["set-cookie"].find((text) => text.startsWith("briefd="));
    assert.match(line, /HttpOnly/);
    assert.match(line, /SameSite=Lax/);
    assert.match(line, /Path=\//);
    assert.notEqual(browser.cookies.get("briefd"), first);
    assert.equal((await browser.get("/", { headers: { cookie: `briefd=${first}` }, cookies: false })).status, 401);
  });

  it("refuses fields that are wrong, all at once", async () => {
    const answer = await world.request("POST", "/users/u/connect-tickets",
      { body: { connectors: ["nothing"], return_to: "//evil.example", confirm: "yes", more: 1 } });
    assert.equal(answer.status, 400);
    assert.deepEqual(answer.body.errors.map(({ pointer }) => pointer).sort(),
      ["/confirm", "/connectors", "/more", "/return_to"]);
  });

  it("tells what is still missing, and is printed by the command, too", async () => {
    const user = await world.connect(world.user(), "slack");
    await world.request("POST", `/users/${user}/connections/slack/check`);
    const answer = await world.request("POST", `/users/${user}/connect-tickets`, { body: {} });
    assert.deepEqual(answer.body.missing, ["sanity"]);
    const printed = await world.cli(["connect", user], { env: { BRIEFD_PUBLIC_URL: world.url } });
    assert.equal(printed.code, 0, printed.stderr);
    assert.equal((await new Browser(world).redeem(printed.stdout.trim())).status, 303);
  });
});
