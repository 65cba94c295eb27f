// A person with a connect ticket, and those whom a ticket is not for.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ticketFor } from "../system/browser.mjs";
import { ROOT, startWorld } from "../system/harness.mjs";
import { assertAccessible, assertFits, assertHeaders, assertSound, connect, decide, expireTickets, launch, open,
  toConsent } from "./chromium.mjs";
import { agreed, ENDS } from "./states.mjs";

let chromium;
before(async () => {
  chromium = await launch();
});
after(() => chromium?.close());

const redeem = async (page) => {
  await page.locator("form.redeem button").click();
  await page.locator("body.page-app").waitFor();
};

describe("with a ticket", () => {
  let world;
  before(async () => {
    world = await startWorld();
  });
  after(() => world?.close());

  it("a person says who they are, connects both, and is offered nothing else", async () => {
    const user = world.user();
    const page = await open(chromium);
    assertHeaders(await page.goto(await ticketFor(world, user, { display_name: "Ada Lovelace" })));
    assert.equal(await page.locator(".ticket-user").textContent(), "Ada Lovelace");
    await assertAccessible(page, "a ticket");
    await redeem(page);
    await connect(page, "sanity");
    await connect(page, "slack");
    assert.equal(await page.locator(".recipe").count(), 0);
    await assertAccessible(page, "the app by ticket");
    assert.deepEqual(page.problems, []);
  });

  it("a person waits, and is told so, until the host has confirmed who they are", async () => {
    const user = world.user();
    const page = await open(chromium);
    await page.goto(await ticketFor(world, user, { connectors: ["slack"], confirm: true }));
    await redeem(page);
    await toConsent(page, "slack");
    await decide(page);
    await page.getByText("Slack is connected and waits until somebody confirms that it is yours.").waitFor();
    const card = page.locator("#connection-slack.state-waiting");
    assert.match(await card.innerText(), /To be confirmed[\s\S]*waiting to be confirmed[\s\S]*there is nothing for you to do/);
    await assertSound(page, null, "waiting to be confirmed");
    const { id } = await world.accepted(await world.connect(user, "sanity"), { mode: "preview" });
    await world.until(id, ({ status }) => status === "blocked");
    const seen = await world.request("GET", `/users/${user}/connections/slack`);
    assert.equal(seen.body.pending_confirmation, true);
    const confirmed = await world.request("POST", `/users/${user}/connections/slack/confirm`,
      { key: await world.newKey("admin", "host"), headers: { "if-match": seen.headers.etag } });
    assert.equal(confirmed.status, 200, confirmed.text);
    // Nobody reloads: the page follows by itself.
    await page.locator("#connection-slack.state-usable").waitFor();
    assert.equal((await world.untilEnd(id)).status, "succeeded");
  });

  it("the page in between names where it leads, works by its link, and tells nobody whence", async () => {
    const page = await open(chromium);
    await page.goto(await ticketFor(world, world.user()));
    await redeem(page);
    // The provider is out of reach for a while, so that the page stays to be looked at.
    await page.route(/magicLink/, (route) => route.abort("aborted"));
    const arrived = page.waitForResponse(/\/go\?/);
    await page.locator("#connection-slack form.connect button").click({ noWaitAfter: true });
    const answer = await arrived;
    await page.locator("a.go").waitFor();
    assertHeaders(answer);
    assert.equal(answer.headers()["referrer-policy"], "no-referrer");
    await assertAccessible(page, "the page in between");
    await page.unroute(/magicLink/);
    await page.locator("a.go").click();
    await page.waitForURL(/\/magicLink\//);
    await decide(page);
    await page.locator("#connection-slack.state-usable").waitFor();
  });

  it("that was used, ran out, or never was, a person is told to ask for a new one", async () => {
    const user = world.user();
    const url = await ticketFor(world, user);
    await redeem(await openAt(url));
    const late = await ticketFor(world, user);
    expireTickets(world, user);
    for (const [address, code, status] of [[url, "ticket_used", 410], [late, "ticket_expired", 410],
      [`${world.url}/connect/t/${"x".repeat(43)}`, "not_found", 404]]) {
      const page = await open(chromium);
      const answer = await page.goto(address);
      assert.equal(answer.status(), status);
      await page.locator(`[data-code="${code}"]`).waitFor();
      await assertSound(page, answer, code);
    }
  });

  it("a name of a hundred characters fits a phone, on every page", async () => {
    const user = "u".repeat(100);
    const page = await open(chromium, { width: 360 });
    await page.goto(await ticketFor(world, user));
    await assertFits(page, "a ticket");
    await redeem(page);
    await assertFits(page, "the app by ticket");
    await connect(page, "slack");
    await assertFits(page, "the app by ticket, connected");
  });

  it("nobody without one sees anything", async () => {
    const page = await open(chromium);
    const answer = await page.goto(world.url);
    assert.equal(answer.status(), 401);
    assertHeaders(answer);
    await assertAccessible(page, "not signed in");
  });

  it("and after signing out, everything is as before", async () => {
    const page = await openAt(await ticketFor(world, world.user()));
    await redeem(page);
    const [answer] = await Promise.all([page.waitForResponse(/\/sign-out$/),
      page.getByRole("button", { name: "Sign out" }).click()]);
    await page.locator("body.page-signed-out").waitFor();
    await assertSound(page, answer, "signed out");
    assert.equal((await page.goto(world.url)).status(), 401);
  });

  async function openAt(url) {
    const page = await open(chromium);
    await page.goto(url);
    return page;
  }
});

describe("connecting that does not end well", () => {
  let world;
  before(async () => {
    world = await startWorld();
  });
  after(() => world?.close());

  it("has no way that is not here", () => {
    const source = readFileSync(join(ROOT, "src/web/oauth_callback_get.c"), "utf8");
    const codes = [...source.matchAll(/"(?:wait|warn|error)",\s*"(\w+)"/g)].map(([, code]) => code);
    assert.ok(codes.length > 10);
    assert.deepEqual(Object.keys(ENDS).sort(), codes.sort());
  });

  for (const [code, come] of Object.entries(ENDS)) {
    it(`by ${code} has a page that says so, and leads back`, async () => {
      const page = await open(chromium);
      const arrived = [];
      const way = await agreed(world, page);
      page.on("response", (response) => {
        if (/\/callback\?/.test(response.url())) arrived.push(response);
      });
      await come(world, page, way);
      await page.locator(`[data-code="${code}"]`).waitFor();
      await world.clearFaults();
      await assertSound(page, arrived.at(-1), code);
      assert.equal(await page.locator(".note a.button").getAttribute("href"), "/");
      await page.context().close();
    });
  }
});

describe("behind a proxy that signs people in", () => {
  let world;
  before(async () => {
    world = await startWorld({ env: { BRIEFD_TRUSTED_PROXY: "127.0.0.1",
      BRIEFD_TRUSTED_PROXY_HEADER: "X-Forwarded-User" } });
  });
  after(() => world?.close());

  // Every request says what the proxy would say. The provider is told as well, and does not care.
  const signedIn = (user) => open(chromium, { headers: { "x-forwarded-user": user } });

  it("a ticket of somebody else stops the person, and shows nothing of the other", async () => {
    const victim = world.user("victim");
    const url = await ticketFor(world, victim, { display_name: "Victoria Victim" });
    const page = await signedIn(world.user("attacker"));
    const answer = await page.goto(url);
    assert.equal(answer.status(), 403);
    assertHeaders(answer);
    await page.locator('[data-code="user_mismatch"]').waitFor();
    assert.ok(!(await page.content()).includes("Victoria"));
    assert.equal(await page.locator("form.redeem").count(), 0);
    await assertAccessible(page, "somebody else's ticket");
    const owner = await signedIn(victim);
    await owner.goto(url);
    await owner.locator("form.redeem").waitFor();
  });

  it("a person connects with their own, and briefs", async () => {
    const user = world.user();
    const page = await signedIn(user);
    await page.goto(await ticketFor(world, user));
    await redeem(page);
    await connect(page, "sanity");
    await connect(page, "slack");
    await page.getByRole("button", { name: "Preview" }).click();
    await page.waitForURL(/\/b\/br_/);
    await page.locator('.run[data-status="succeeded"]').waitFor();
  });
});
