// The first step of connecting an account: where it may lead, to whom it is shown, and what fails.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { Browser, codeOf, consent, invited } from "./browser.mjs";
import { startWorld } from "./harness.mjs";

let world;
before(async () => {
  world = await startWorld();
});
after(() => world.close());
afterEach(async () => {
  await world.clearFaults();
  await world.variants({ link_base: null });
});

describe("starting", () => {
  it("is refused when ScaleKit's link leads to another host", async () => {
    await world.variants({ link_base: "https://evil.example" });
    const browser = await invited(world, world.user());
    const answer = await browser.press("/", "/oauth/slack/start");
    assert.equal(answer.status, 502);
    assert.equal(codeOf(answer.text), "upstream_failed");
    assert.ok(!answer.text.includes("evil.example"));
    await world.logged("link_refused", ({ detail }) => detail.includes("evil.example"));
  });

  it("that ScaleKit refuses is no outage: trying again would not help", async () => {
    for (const status of [400, 403, 404]) {
      await world.fault({ endpoint: "scalekit.magic_link", action: { type: "status", status,
        body: { code: 5, message: "connection not found", details: [] } } });
      const browser = await invited(world, world.user());
      const answer = await browser.press("/", "/oauth/slack/start");
      assert.equal(answer.status, 502);
      assert.match(answer.text, /not set up correctly/);
    }
    await world.fault({ endpoint: "scalekit.magic_link", count: -1, action: { type: "status", status: 500 } });
    const browser = await invited(world, world.user());
    assert.match((await browser.press("/", "/oauth/slack/start")).text, /cannot be reached now/);
  });

  it("is refused towards an address that is not ours", async () => {
    const browser = await invited(world, world.user());
    for (const return_to of ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:x",
      "/\tx", "\\\\evil.example"]) {
      const answer = await browser.press("/", "/oauth/slack/start", { return_to });
      assert.equal(answer.status, 400, return_to);
    }
  });

  it("comes back to the page of ours that it was started from", async () => {
    const browser = await invited(world, world.user());
    const back = await consent(await browser.start("slack", { return_to: "/?connect=sanity" }));
    assert.equal((await browser.get(back)).headers.location, "/?connect=sanity");
  });

  it("fails politely while ScaleKit is down, and works afterwards", async () => {
    const browser = await invited(world, world.user());
    await world.fault({ endpoint: "scalekit.magic_link", count: -1, action: { type: "status", status: 500 } });
    const answer = await browser.press("/", "/oauth/slack/start");
    assert.equal(answer.status, 502);
    await world.clearFaults();
    assert.equal((await browser.connect("slack")).status, 303);
  });

  it("shows the link only to the browser that started, and not after it was used", async () => {
    const user = world.user();
    const browser = await invited(world, user);
    const started = await browser.press("/", "/oauth/slack/start");
    const path = started.headers.location;
    assert.equal((await new Browser(world).get(path)).status, 401);
    assert.equal((await (await invited(world, user)).get(path)).status, 410);
    const go = await browser.get(path);
    assert.equal(go.headers["referrer-policy"], "no-referrer");
    assert.equal(go.headers["cache-control"], "no-store");
    assert.match(go.text, /http-equiv="refresh"/);
    const link = /<a class="button go" href="([^"]+)"/.exec(go.text)[1];
    await browser.get(await consent(link));
    assert.equal((await browser.get(path)).status, 410);
  });

  it("of more flows than a person needs is refused", async () => {
    const browser = await invited(world, world.user());
    const { token } = await browser.page("/");
    let last;
    for (let i = 0; i < 21; i++) last = await browser.post("/oauth/slack/start", { csrf_token: token });
    assert.equal(last.status, 429);
  });
});
