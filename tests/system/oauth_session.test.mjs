// Who a browser is, and what foreign pages, hosts and headers cannot do.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { Browser, codeOf, connection, consent, invited, ticketFor } from "./browser.mjs";
import { startWorld } from "./harness.mjs";

/** Changes a row of the database behind the service's back, as the passing of time would. */
function inDatabase(world, sql, ...values) {
  execFileSync("python3", ["-c", `
import json, sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=10)
db.execute(sys.argv[2], json.loads(sys.argv[3]))
db.commit()`, world.env.BRIEFD_DB, sql, JSON.stringify(values)]);
}

describe("with connect tickets alone", () => {
  let world;
  before(async () => {
    world = await startWorld();
  });
  after(() => world.close());

  it("nobody is anybody without one", async () => {
    const answer = await new Browser(world).page("/");
    assert.equal(answer.status, 401);
    assert.equal(answer.code, "unauthenticated");
  });

  it("a ticket that has expired is refused", async () => {
    const user = world.user();
    const url = await ticketFor(world, user);
    const browser = new Browser(world);
    const { token } = await browser.page(new URL(url).pathname);
    inDatabase(world, "UPDATE connect_tickets SET expires_ms = 1 WHERE user_id = ?", user);
    const answer = await browser.post(new URL(url).pathname, { csrf_token: token });
    assert.equal(answer.status, 410);
    assert.equal(codeOf(answer.text), "ticket_expired");
  });

  it("a flow that has expired is refused", async () => {
    const user = world.user();
    const browser = await invited(world, user);
    const back = await consent(await browser.start("slack"));
    inDatabase(world, "UPDATE oauth_flows SET expires_ms = 1 WHERE user_id = ?", user);
    const answer = await browser.page(back);
    assert.equal(answer.status, 410);
    assert.equal(answer.code, "flow_expired");
    assert.equal((await connection(world, user, "slack")).usable, false);
  });

  it("a session that was idle for half an hour, or is twelve hours old, has ended", async () => {
    for (const column of ["seen_ms", "created_ms"]) {
      const user = world.user();
      const browser = await invited(world, user);
      assert.equal((await browser.get("/")).status, 200);
      const age = (column === "seen_ms" ? 0.5 : 12) * 3600_000;
      inDatabase(world, `UPDATE sessions SET ${column} = ? WHERE user_id = ?`, Date.now() - age, user);
      assert.equal((await browser.get("/")).status, 401);
    }
  });

  it("the database holds no ticket, cookie, state or link", async () => {
    const user = world.user();
    const url = await ticketFor(world, user);
    const browser = new Browser(world);
    await browser.redeem(url);
    const link = await browser.start("slack");
    const dump = execFileSync("python3", ["-c", `
import sqlite3, sys
for line in sqlite3.connect(sys.argv[1], timeout=10).iterdump(): print(line)`, world.env.BRIEFD_DB]).toString();
    const state = new URL(await consent(link), "http://x").searchParams.get("state").split(".")[1];
    for (const secret of [url.split("/").at(-1), ...browser.cookies.values(), link.split("/").at(-1), state])
      assert.ok(!dump.includes(secret) && !dump.includes(Buffer.from(secret).toString("hex").toUpperCase()));
  });

  describe("a foreign page", () => {
    const foreign = [
      { origin: "https://evil.example", "sec-fetch-site": "cross-site" },
      { origin: "https://evil.example" },
      { origin: "null", "sec-fetch-site": "cross-site" },
      { origin: "http://127.0.0.1:1", "sec-fetch-site": "same-site" },
    ];
    async function assertRefused(post) {
      for (const headers of foreign) {
        const answer = await post({ headers });
        assert.equal(answer.status, 403, JSON.stringify(headers));
        assert.equal(codeOf(answer.text), "csrf_failed");
      }
    }

    it("cannot redeem a ticket", async () => {
      const url = await ticketFor(world, world.user());
      const browser = new Browser(world);
      const { token } = await browser.page(new URL(url).pathname);
      await assertRefused((how) => browser.post(new URL(url).pathname, { csrf_token: token }, how));
      assert.equal((await browser.redeem(url)).status, 303);
    });

    it("cannot start, disconnect or sign out", async () => {
      const user = world.user();
      const browser = await invited(world, user);
      await browser.connect("slack");
      const { token } = await browser.page("/");
      for (const path of ["/oauth/slack/start", "/disconnect/slack", "/sign-out"])
        await assertRefused((how) => browser.post(path, { csrf_token: token }, how));
      assert.equal((await connection(world, user, "slack")).usable, true);
      assert.equal((await browser.get("/")).status, 200);
    });

    it("cannot do it with a token of its own, without one, or without saying where it comes from", async () => {
      const browser = await invited(world, world.user());
      const other = await invited(world, world.user());
      const { token } = await other.page("/");
      for (const fields of [{}, { csrf_token: "" }, { csrf_token: token }, { csrf_token: "x".repeat(43) }])
        assert.equal((await browser.post("/oauth/slack/start", fields)).status, 403);
      const { token: own } = await browser.page("/");
      const bare = await browser.request("POST", "/oauth/slack/start", {
        raw: `csrf_token=${own}`, headers: { "content-type": "application/x-www-form-urlencoded" } });
      assert.equal(bare.status, 403);
      assert.equal((await browser.request("POST", "/oauth/slack/start", { body: { csrf_token: own } })).status, 415);
    });
  });

  it("a Host that is not ours is answered 421 on every page", async () => {
    const browser = await invited(world, world.user());
    for (const path of ["/", "/connect/t/x", "/oauth/slack/callback?state=x", "/static/app.css"]) {
      const answer = await browser.get(path, { headers: { host: "evil.example" } });
      assert.equal(answer.status, 421, path);
    }
    const sent = (await world.log("scalekit.magic_link")).length;
    const { token } = await browser.page("/");
    const answer = await browser.post("/oauth/slack/start", { csrf_token: token }, { headers: { host: "evil.example" } });
    assert.equal(answer.status, 421);
    assert.equal((await world.log("scalekit.magic_link")).length, sent);
  });

  it("every page says what browsers may do with it", async () => {
    const user = world.user();
    const browser = await invited(world, user);
    const url = new URL(await ticketFor(world, user)).pathname;
    const started = await browser.press("/", "/oauth/slack/start");
    const paths = ["/", url, "/connect/t/none", started.headers.location, "/oauth/slack/callback", "/b/none"];
    for (const path of paths) {
      const { headers } = await browser.get(path);
      const csp = headers["content-security-policy"];
      assert.match(csp, /default-src 'none'/, path);
      assert.match(csp, /frame-ancestors 'none'/);
      assert.match(csp, /form-action 'self'/);
      assert.ok(!csp.includes("unsafe"));
      assert.equal(headers["x-content-type-options"], "nosniff");
      assert.equal(headers["cache-control"], "no-store");
      assert.match(headers["referrer-policy"], /^(same-origin|no-referrer)$/);
      assert.equal(headers["strict-transport-security"], undefined, "plain http on this machine");
    }
  });

  it("a file that is not there, or not for browsers, is not served", async () => {
    for (const path of ["/static/none.css", "/static/../migrations/0001_init.sql", "/static/%2e%2e/x.css", "/static/"])
      assert.equal((await new Browser(world).get(path)).status, 404, path);
  });
});

describe("behind https", () => {
  let world;
  before(async () => {
    world = await startWorld({ env: { BRIEFD_PUBLIC_URL: "https://briefings.example" } });
  });
  after(() => world.close());

  it("cookies are bound to the host and sent only encrypted, pages insist on https", async () => {
    const answer = await world.request("POST", "/users/u/connect-tickets", { body: {} });
    assert.match(answer.body.url, /^https:\/\/briefings\.example\/connect\/t\//);
    const browser = new Browser(world);
    const host = { host: "briefings.example" };
    const ours = { ...host, origin: "https://briefings.example" };
    const path = new URL(answer.body.url).pathname;
    const { token, headers } = await browser.page(path, { headers: host });
    assert.match(headers["strict-transport-security"], /max-age=/);
    assert.match(headers["set-cookie"][0], /^__Host-briefd-pre=.*; Path=\/; HttpOnly; SameSite=Lax;.* Secure$/);
    const redeemed = await browser.post(path, { csrf_token: token }, { headers: ours });
    assert.equal(redeemed.status, 303);
    assert.match(redeemed.headers["set-cookie"][0], /^__Host-briefd=.* Secure$/);
    const page = await browser.page("/", { headers: host });
    const started = await browser.post("/oauth/slack/start", { csrf_token: page.token }, { headers: ours });
    assert.match(started.headers["set-cookie"][0], /^__Host-briefd-flow-.* Secure$/);
    const plain = await browser.post("/oauth/slack/start", { csrf_token: page.token },
      { headers: { ...host, origin: "http://briefings.example" } });
    assert.equal(plain.status, 403);
  });

  it("the way back leads to the public address, whatever Host was asked", async () => {
    const [call] = await world.log("scalekit.magic_link");
    assert.ok(!JSON.stringify(call).includes("127.0.0.1"));
  });
});

describe("behind a proxy that signs people in", () => {
  let world;
  const as = (user) => ({ headers: { "x-forwarded-user": user } });
  before(async () => {
    world = await startWorld({ env: { BRIEFD_TRUSTED_PROXY: "127.0.0.1", BRIEFD_TRUSTED_PROXY_HEADER: "X-Forwarded-User" } });
  });
  after(() => world.close());

  it("a person sees and makes their own briefings, and nobody else's", async () => {
    const user = await world.connected();
    const other = await world.connected();
    const browser = new Browser(world);
    const { token } = await browser.page("/", as(user));
    assert.ok(token);
    const call = (method, path, body) => browser.request(method, path, { body,
      headers: { "x-forwarded-user": user, origin: world.url, "x-csrf-token": token } });
    const made = await call("POST", "/briefings", { mode: "preview" });
    assert.equal(made.status, 202, made.text);
    assert.equal(made.body.user_id, user);
    await world.untilEnd(made.body.id);
    const own = await browser.get(`/b/${made.body.id}`, as(user));
    assert.equal(own.status, 200);
    assert.match(own.text, /class="message"/);
    assert.equal((await call("GET", "/briefings")).body.data.length, 1);
    const theirs = await world.accepted(other, { mode: "preview" });
    for (const [method, path] of [["GET", `/briefings/${theirs.id}`], ["GET", `/briefings/${theirs.id}/events`],
      ["POST", `/briefings/${theirs.id}/cancel`], ["GET", `/briefings?user_id=${other}`], ["GET", `/b/${theirs.id}`],
      ["GET", `/users/${other}/connections`], ["POST", `/users/${other}/connections/slack/check`],
      ["DELETE", `/users/${other}/connections/slack`], ["GET", `/recipes/editorial-briefing?user_id=${other}`],
      ["GET", `/users/${other}/recipes/editorial-briefing/params`]])
      assert.equal((await call(method, path)).status, 404, `${method} ${path}`);
    assert.equal((await call("POST", "/briefings", { user_id: other })).status, 404);
    for (const path of [`/users/${user}/connect-tickets`, `/users/${user}/connections/slack/confirm`,
      `/briefings/${made.body.id}/delivery`])
      assert.equal((await call("POST", path, {})).status, 401, path);
  });

  it("a script of another page starts nothing", async () => {
    const user = await world.connected();
    const browser = new Browser(world);
    const { token } = await browser.page("/", as(user));
    const post = (headers, more) => browser.request("POST", "/briefings",
      { body: {}, headers: { "x-forwarded-user": user, ...headers }, ...more });
    assert.equal((await post({ origin: "https://evil.example", "x-csrf-token": token })).body.code, "csrf_failed");
    assert.equal((await post({ origin: world.url })).body.code, "csrf_failed");
    assert.equal((await post({ "x-csrf-token": token })).body.code, "csrf_failed");
    const form = await browser.post("/briefings", { csrf_token: token }, as(user));
    assert.equal(form.status, 415);
    assert.equal((await world.request("GET", `/briefings?user_id=${user}`)).body.data.length, 0);
  });

  it("a session is worth nothing to another person, or past the proxy", async () => {
    const user = world.user();
    const browser = new Browser(world);
    await browser.get("/", as(user));
    const cookie = browser.cookies.get("briefd");
    assert.equal((await browser.get(`/users/${user}/connections`, as(user))).status, 200);
    for (const headers of [{}, { "x-forwarded-user": "somebody-else" }, { "x-forwarded-user": [user, "twice"] }]) {
      const answer = await new Browser(world).get(`/users/${user}/connections`,
        { headers: { cookie: `briefd=${cookie}`, ...headers } });
      assert.ok([401, 404].includes(answer.status), `${answer.status} ${JSON.stringify(headers)}`);
    }
    assert.equal((await new Browser(world).get("/")).status, 401);
  });

  it("a ticket only says what to connect, and only to its own user", async () => {
    const user = world.user();
    const url = await ticketFor(world, user, { connectors: ["slack"] });
    const path = new URL(url).pathname;
    const stranger = await new Browser(world).page(path, as("stranger"));
    assert.equal(stranger.code, "user_mismatch");
    assert.equal((await new Browser(world).page(path)).status, 401);
    const browser = new Browser(world);
    const { token } = await browser.page(path, as(user));
    const answer = await browser.post(path, { csrf_token: token }, as(user));
    assert.equal(answer.status, 303);
  });

  it("the header means nothing from elsewhere", async () => {
    const far = await startWorld({ env: { BRIEFD_TRUSTED_PROXY: "10.1.2.3, fd00::/8", BRIEFD_TRUSTED_PROXY_HEADER: "X-Forwarded-User" } });
    try {
      assert.equal((await new Browser(far).get("/", as("anybody"))).status, 401);
    } finally {
      await far.close();
    }
  });
});

describe("in single-user mode", () => {
  let world;
  before(async () => {
    world = await startWorld({ env: { USER_ID: "the-one" } });
  });
  after(() => world.close());

  it("opening the page signs in, and connects and briefs for the one user", async () => {
    const browser = new Browser(world);
    assert.equal((await browser.get("/")).status, 200);
    assert.equal((await browser.connect("slack")).status, 303);
    assert.equal((await browser.connect("sanity")).status, 303);
    const made = await browser.script("POST", "/briefings", { mode: "preview" });
    assert.equal(made.status, 202, made.text);
    assert.equal(made.body.user_id, "the-one");
    assert.equal((await world.untilEnd(made.body.id)).status, "succeeded");
  });

  it("a forwarded request is refused", async () => {
    for (const headers of [{ "x-forwarded-for": "203.0.113.9" }, { forwarded: "for=203.0.113.9" }, { "x-forwarded-host": "x" }])
      assert.equal((await new Browser(world).get("/", { headers })).status, 400);
  });

  it("a HEAD or a script without the page's token begins nothing", async () => {
    const browser = new Browser(world);
    await browser.request("HEAD", "/");
    assert.equal(browser.cookies.has("briefd"), false);
    const answer = await browser.request("POST", "/briefings", { body: {}, headers: { origin: world.url } });
    assert.equal(answer.status, 401);
  });

  it("a ticket for another user is refused", async () => {
    const url = new URL(await ticketFor(world, "somebody"));
    assert.equal((await new Browser(world).page(url.pathname)).code, "user_mismatch");
  });
});

describe("settings that would let everybody in", () => {
  let world;
  before(async () => {
    world = await startWorld({ briefd: false });
  });
  after(() => world.close());
  const proxy = { BRIEFD_TRUSTED_PROXY: "10.0.0.5", BRIEFD_TRUSTED_PROXY_HEADER: "X-Forwarded-User" };

  for (const [name, env, words] of [
    ["single-user mode on every address", { USER_ID: "u", BRIEFD_LISTEN: "0.0.0.0:0", BRIEFD_PUBLIC_URL: "https://b.example" }, /single-user mode/],
    ["single-user mode under a public address", { USER_ID: "u", BRIEFD_PUBLIC_URL: "https://b.example" }, /single-user mode/],
    ["a proxy's header without the proxy", { BRIEFD_TRUSTED_PROXY_HEADER: "X-User" }, /anybody could send that header/],
    ["a proxy without its header", { BRIEFD_TRUSTED_PROXY: "10.0.0.5" }, /name the header/],
    ["a proxy at every address", { ...proxy, BRIEFD_TRUSTED_PROXY: "0.0.0.0/0" }, /everybody/],
    ["a proxy at every IPv6 address", { ...proxy, BRIEFD_TRUSTED_PROXY: "10.0.0.5, ::/0" }, /everybody/],
    ["a proxy and a single user", { ...proxy, USER_ID: "u" }, /Unset one/],
    ["a header that is none", { ...proxy, BRIEFD_TRUSTED_PROXY_HEADER: "X User" }, /header/],
    ["a return address that is no origin", { BRIEFD_RETURN_ORIGINS: "https://app.example/path" }, /origins/],
    ["a link host that is a URL", { BRIEFD_LINK_HOSTS: "https://auth.example" }, /host names/],
  ]) {
    it(`are refused: ${name}`, async () => {
      const answer = await world.cli(["serve"], { env });
      assert.equal(answer.code, 78);
      assert.match(answer.stderr, words);
    });
  }

  it("and those that do not are accepted", async () => {
    const answer = await world.cli(["check-config"], { env: { ...proxy, BRIEFD_TRUSTED_PROXY: "10.0.0.5, fd00::/8",
      BRIEFD_RETURN_ORIGINS: "https://app.example, http://localhost:3000", BRIEFD_LINK_HOSTS: "auth.example" } });
    assert.equal(answer.code, 0, answer.stderr);
  });
});
