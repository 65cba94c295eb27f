// Whether a connection is usable: confirmed by the host, checked, told by webhooks, read anew; and the
// briefings that wait for it.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { sign } from "../sandbox/scalekit/webhooks.mjs";
import { connection, invited } from "./browser.mjs";
import { startWorld } from "./harness.mjs";

const SECRET = `whsec_${randomBytes(24).toString("base64")}`;
let world, admin;
before(async () => {
  world = await startWorld({ env: { SCALEKIT_WEBHOOK_SECRET: SECRET, BRIEFD_RECHECK_AFTER: "1h" } });
  admin = await world.newKey("admin", "host");
});
after(() => world.close());

const confirm = (user, connector, headers = {}, key = admin) => world.request("POST",
  `/users/${user}/connections/${connector}/confirm`, { key, headers });

function hook(body, { secret = SECRET, id = `msg_${randomBytes(6).toString("hex")}`, at = Date.now(), headers = {} } = {}) {
  const raw = typeof body === "string" ? body : JSON.stringify(body);
  return world.request("POST", "/hooks/scalekit", { key: null, raw, headers: {
    "content-type": "application/json", ...sign(secret, id, Math.floor(at / 1000), raw), ...headers } });
}
const statusUpdated = (identifier, more = {}) => ({ type: "connected_account.status_updated",
  data: { identifier, connection_name: "slack-sandbox", status: "ACTIVE", old_status: "EXPIRED", ...more } });
const checkedAt = async (user) => (await connection(world, user, "slack")).checked_at;

describe("a connection made by a ticket that asks for confirmation", () => {
  it("is not usable until the host has accepted who it is, whatever ScaleKit says", async () => {
    const user = world.user();
    const browser = await invited(world, user, { confirm: true });
    await browser.connect("slack");
    const known = await connection(world, user, "slack");
    assert.equal(known.status, "ACTIVE");
    assert.equal(known.pending_confirmation, true);
    assert.equal(known.usable, false);
    assert.ok(known.account.team_id);
    await world.request("POST", `/users/${user}/connections/slack/check`);
    assert.equal((await hook(statusUpdated(user))).status, 204);
    assert.equal((await connection(world, user, "slack")).usable, false);
    assert.match((await browser.get("/")).text, /waiting to be confirmed/);
    assert.equal((await confirm(user, "slack", {}, world.key)).status, 403, "only the host may");
    assert.equal((await confirm(user, "slack")).status, 200);
    assert.equal((await connection(world, user, "slack")).usable, true);
    assert.equal((await confirm(user, "slack")).status, 200, "once more is fine");
  });

  it("holds a briefing back, which goes on by itself after the confirmation", async () => {
    const user = world.user();
    const browser = await invited(world, user, { confirm: true });
    await browser.connect("slack");
    await browser.connect("sanity");
    const { id } = await world.accepted(user, { mode: "preview" });
    const blocked = await world.until(id, ({ status }) => status === "blocked");
    assert.deepEqual(blocked.blocked_on.map(({ status }) => status),
      ["PENDING_CONFIRMATION", "PENDING_CONFIRMATION"]);
    await confirm(user, "slack");
    assert.equal((await world.document(id)).status, "blocked");
    await confirm(user, "sanity");
    assert.equal((await world.untilEnd(id)).status, "succeeded");
  });

  it("is confirmed once by repetitions at the same time, of which each is answered the same", async () => {
    const user = world.user();
    const browser = await invited(world, user, { confirm: true });
    await browser.connect("slack");
    const seen = await world.request("GET", `/users/${user}/connections/slack`);
    const answers = await Promise.all(Array.from({ length: 8 }, () =>
      confirm(user, "slack", { "if-match": seen.headers.etag, "idempotency-key": `confirm-${user}` })));
    assert.ok(answers.every(({ status, text }) => status === 200 && text === answers[0].text), answers.map(({ text }) => text).join("\n"));
    assert.equal(answers.filter(({ headers }) => !headers["idempotent-replayed"]).length, 1);
    assert.equal(answers[0].body.usable, true);
  });

  it("is confirmed as it was looked at, or not at all", async () => {
    const user = world.user();
    const browser = await invited(world, user, { confirm: true });
    await browser.connect("slack");
    const seen = await world.request("GET", `/users/${user}/connections/slack`);
    await browser.connect("slack", { choice: "1" });
    const late = await confirm(user, "slack", { "if-match": seen.headers.etag });
    assert.equal(late.status, 409);
    assert.equal(late.body.code, "not_confirmable");
    const now = await world.request("GET", `/users/${user}/connections/slack`);
    assert.equal((await confirm(user, "slack", { "if-match": now.headers.etag })).status, 200);
  });

  it("is refused by removing it", async () => {
    const user = world.user();
    const browser = await invited(world, user, { confirm: true });
    await browser.connect("slack");
    assert.equal((await world.request("DELETE", `/users/${user}/connections/slack`)).status, 204);
    const known = await connection(world, user, "slack");
    assert.equal(known.status, "NOT_CONNECTED");
    assert.equal(known.pending_confirmation, false);
    assert.equal((await confirm(user, "slack")).status, 200, "there is nothing left to confirm");
  });

  it("cannot be confirmed before anything is known of it", async () => {
    assert.equal((await confirm(world.user(), "slack")).status, 404);
  });
});

describe("a blocked briefing", () => {
  it("says what it waits for, and goes on once when the person connects", async () => {
    const user = await world.connect(world.user(), "sanity");
    const { id } = await world.accepted(user, {});
    const blocked = await world.until(id, ({ status }) => status === "blocked");
    assert.deepEqual(blocked.blocked_on.map(({ connector }) => connector), ["slack"]);
    assert.equal(blocked.blocked_on[0].connect_url, `${world.url}/?connect=slack`);
    const browser = await invited(world, user);
    assert.equal((await browser.connect("slack")).status, 303);
    assert.equal((await world.untilEnd(id)).status, "succeeded");
    assert.equal((await world.posts(user)).length, 1);
    const { body } = await world.request("GET", `/briefings/${id}/events`);
    assert.equal(body.data.filter(({ type }) => type === "unblocked").length, 1);
  });

  it("goes on after a webhook, without another request", async () => {
    const user = await world.connect(world.user(), "sanity");
    const { id } = await world.accepted(user, { mode: "preview" });
    await world.until(id, ({ status }) => status === "blocked");
    await world.connect(user, "slack");
    assert.equal((await hook(statusUpdated(user))).status, 204);
    assert.equal((await world.untilEnd(id)).status, "succeeded");
  });

  it("goes on after a webhook that names no connection, about an account that was made meanwhile", async () => {
    const user = await world.connect(world.user(), "sanity");
    const { id } = await world.accepted(user, { mode: "preview" });
    await world.until(id, ({ status }) => status === "blocked");
    await world.connect(user, "slack");
    assert.equal((await hook({ type: "connected_account.oauth_succeeded", data: { id: "ca_1", identifier: user,
      connection_id: "conn_1", provider: "SLACK", status: "ACTIVE" } })).status, 204);
    assert.equal((await world.untilEnd(id)).status, "succeeded");
  });

  it("goes on when the slow reading anew finds the connection", async () => {
    const slow = await startWorld({ env: { BRIEFD_RECHECK_AFTER: "1s" } });
    try {
      const user = await slow.connect(slow.user(), "sanity");
      const { id } = await slow.accepted(user, { mode: "preview" });
      await slow.until(id, ({ status }) => status === "blocked");
      await slow.connect(user, "slack");
      assert.equal((await slow.untilEnd(id)).status, "succeeded");
    } finally {
      await slow.close();
    }
  });

  it("expires when nobody connects in time", async () => {
    const user = world.user();
    const { id } = await world.accepted(user,
      { start_by: new Date(Date.now() + 3000).toISOString() });
    await world.until(id, ({ status }) => status === "blocked");
    assert.equal((await world.untilEnd(id)).status, "expired");
  });

  it("of a connection that was removed is taken up when it is connected again", async () => {
    const user = world.user();
    const browser = await invited(world, user);
    await browser.connect("slack");
    await browser.connect("sanity");
    await browser.press("/", "/disconnect/slack");
    const { id } = await world.accepted(user, { mode: "preview" });
    await world.until(id, ({ status }) => status === "blocked");
    await browser.connect("slack");
    assert.equal((await world.untilEnd(id)).status, "succeeded");
  });
});

describe("a webhook", () => {
  async function known() {
    const user = await world.connect(world.user(), "slack");
    await world.request("POST", `/users/${user}/connections/slack/check`);
    return user;
  }

  it("is only a hint: the account is read anew", async () => {
    const user = await known();
    await world.account(user, "slack", { status: "EXPIRED" });
    assert.equal((await connection(world, user, "slack")).usable, true);
    assert.equal((await hook(statusUpdated(user, { status: "ACTIVE" }))).status, 204);
    await world.eventually(async () => (await connection(world, user, "slack")).status === "EXPIRED", "expired");
  });

  it("that claims an end which did not happen changes nothing", async () => {
    const user = await known();
    const before = await checkedAt(user);
    await hook(statusUpdated(user, { status: "EXPIRED" }));
    await world.eventually(async () => (await checkedAt(user)) !== before, "read anew");
    assert.equal((await connection(world, user, "slack")).usable, true);
  });

  it("of ScaleKit itself arrives", async () => {
    const user = await known();
    await world.control("POST", "/webhooks", { url: `${world.url}/hooks/scalekit`, secret: SECRET });
    await world.account(user, "slack", { status: "DISCONNECTED" });
    await world.eventually(async () => (await connection(world, user, "slack")).status === "DISCONNECTED",
      "disconnected");
    await world.control("POST", "/webhooks", {});
  });

  it("counts once", async () => {
    const user = await known();
    const id = `msg_${randomBytes(6).toString("hex")}`;
    assert.equal((await hook(statusUpdated(user), { id })).status, 204);
    await world.logged("webhook_taken", (line) => line.connections === 1);
    const taken = world.logs().filter(({ event }) => event === "webhook_taken").length;
    assert.equal((await hook(statusUpdated(user), { id })).status, 204);
    assert.equal(world.logs().filter(({ event }) => event === "webhook_taken").length, taken);
  });

  it("is refused when it is not signed, too old, from the future, or changed", async () => {
    const user = await known();
    const body = statusUpdated(user);
    const other = `whsec_${randomBytes(24).toString("base64")}`;
    const refused = [
      await hook(body, { secret: other }),
      await hook(body, { at: Date.now() - 301_000 }),
      await hook(body, { at: Date.now() + 310_000 }),
      await hook(body, { headers: { "webhook-signature": "" } }),
      await hook(body, { headers: { "webhook-signature": "v1,AAAA v2,BBBB t=1,v1=00" } }),
      await hook(body, { headers: { "webhook-id": "msg_other" } }),
      await hook(body, { headers: { "webhook-timestamp": "soon" } }),
      await world.request("POST", "/hooks/scalekit", { key: null, body }),
    ];
    assert.deepEqual(refused.map(({ status }) => status), refused.map(() => 401));
    assert.equal((await hook("not JSON")).status, 400);
    assert.equal((await hook({ type: "something.else", data: 1 })).status, 204);
  });

  it("signed with a newer and an older secret is taken", async () => {
    const raw = JSON.stringify(statusUpdated(world.user()));
    const at = Math.floor(Date.now() / 1000);
    const mine = sign(SECRET, "msg_two", at, raw);
    const theirs = sign(`whsec_${randomBytes(24).toString("base64")}`, "msg_two", at, raw);
    const answer = await world.request("POST", "/hooks/scalekit", { key: null, raw, headers: {
      ...mine, "webhook-signature": `${theirs["webhook-signature"]} ${mine["webhook-signature"]}` } });
    assert.equal(answer.status, 204);
  });

  it("in a flood has its account read once a second at most", async () => {
    const user = await known();
    const { last } = await world.stats();
    const reads = async () => (await world.log("scalekit.accounts.list", last))
      .filter(({ identifier }) => identifier === user).length;
    const began = Date.now();
    const answers = await Promise.all(Array.from({ length: 100 }, () => hook(statusUpdated(user))));
    assert.ok(answers.every(({ status }) => status === 204));
    await world.account(user, "slack", { status: "EXPIRED" });
    await hook(statusUpdated(user));
    await world.eventually(async () => (await connection(world, user, "slack")).status === "EXPIRED", "read anew");
    const n = await reads();
    const seconds = (Date.now() - began) / 1000;
    assert.ok(n >= 1 && n <= Math.floor(seconds) + 2, `${n} readings in ${seconds} s`);
  });
});

describe("reading a connection", () => {
  it("waits until it changes", async () => {
    const user = await world.connect(world.user(), "slack");
    const path = `/users/${user}/connections/slack`;
    assert.equal((await world.request("GET", path)).body.status, "UNKNOWN");
    const waiting = world.request("GET", `${path}?wait=30`);
    const preferring = world.request("GET", path, { headers: { prefer: "respond-async, wait=30" } });
    await world.request("POST", `${path}/check`);
    assert.equal((await preferring).body.status, "ACTIVE");
    const answer = await waiting;
    assert.equal(answer.body.status, "ACTIVE");
    const same = await world.request("GET", path, { headers: { "if-none-match": answer.headers.etag } });
    assert.equal(same.status, 304);
    const silent = await world.request("GET", `${path}?wait=1`, { headers: { "if-none-match": answer.headers.etag } });
    assert.equal(silent.status, 304);
    for (const known of [`W/${answer.headers.etag}`, `"x", ${answer.headers.etag}`]) // a proxy made it weak; a cache knows several
      assert.equal((await world.request("GET", `${path}?wait=1`, { headers: { "if-none-match": known } })).status, 304, known);
    assert.equal((await world.request("GET", `${path}?wait=61`)).status, 400);
    assert.equal((await world.request("GET", `/users/${user}/connections/nothing`)).status, 404);
  });

  it("shows an unknown word of ScaleKit's, and takes it for not usable", async () => {
    const user = await world.connect(world.user(), "slack");
    await world.fault({ endpoint: "scalekit.accounts.*", match: { identifier: user }, action: { type: "body",
      body: { connected_accounts: [{ id: "ca_1", connector: "slack-sandbox", identifier: user,
        status: "HIBERNATING" }], total_size: 1 } } });
    const { body } = await world.request("POST", `/users/${user}/connections/slack/check`);
    assert.equal(body.status, "HIBERNATING");
    assert.equal(body.usable, false);
  });
});

describe("a user's own defaults", () => {
  it("count after the request and before the recipe", async () => {
    const user = await world.connected();
    const path = `/users/${user}/recipes/editorial-briefing/params`;
    assert.deepEqual((await world.request("GET", path)).body.params, {});
    const put = await world.request("PUT", path, { body: { params: { slack_channel: "C0GENERAL01" },
      timezone: "Europe/Oslo" } });
    assert.equal(put.status, 200);
    const chosen = await world.briefToEnd(user, { mode: "preview" });
    assert.equal(chosen.delivery.channel, "C0GENERAL01");
    const said = await world.briefToEnd(user, { mode: "preview", params: { slack_channel: "C0NEWSROOM1" } });
    assert.equal(said.delivery.channel, "C0NEWSROOM1");
  });

  it("are checked as the recipe says", async () => {
    const answer = await world.request("PUT", `/users/${world.user()}/recipes/editorial-briefing/params`,
      { body: { params: { slack_channel: "C".repeat(100), nothing: 1 }, timezone: "Mars/Base", more: 1 } });
    assert.equal(answer.status, 400);
    assert.deepEqual(answer.body.errors.map(({ pointer }) => pointer).sort(),
      ["/more", "/params/nothing", "/params/slack_channel", "/timezone"]);
  });
});

describe("a recipe", () => {
  it("tells what a user still lacks for it", async () => {
    const user = await world.connect(world.user(), "sanity");
    await world.request("POST", `/users/${user}/connections/sanity/check`);
    const { body } = await world.request("GET", `/recipes/editorial-briefing?user_id=${user}`);
    assert.deepEqual(body.missing.map(({ connector }) => connector), ["slack"]);
    assert.equal(body.ready, false);
    const list = await world.request("GET", "/recipes");
    assert.deepEqual(list.body.data.map(({ name }) => name), ["editorial-briefing"]);
    assert.equal((await world.request("GET", "/recipes/nothing")).status, 404);
  });
});
