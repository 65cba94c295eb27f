// Connections that need their user: a briefing waits for them, says which, and goes on by itself.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { CONNECTIONS, UNHURRIED, eventually, startWorld } from "./harness.mjs";

let world;
before(async () => { world = await startWorld({ env: UNHURRIED }); });
after(() => world?.close());

const check = (user, connector, headers) =>
  world.request("POST", `/users/${user}/connections/${connector}/check`, { headers });
const statuses = async (user) => {
  const { body } = await world.request("GET", `/users/${user}/connections`);
  return Object.fromEntries(body.data.map(({ connector, status }) => [connector, status]));
};

/** Accepts a briefing and waits until it is blocked; the document. */
async function blocked(user, fields) {
  const { id } = await world.accepted(user, fields);
  return world.until(id, (run) => run.status === "blocked");
}

test("a user who connected nothing gets a briefing that says what is missing", async () => {
  const user = world.user();
  const run = await blocked(user);
  assert.deepEqual(run.blocked_on, ["sanity", "slack"].map((connector) =>
    ({ connector, status: "NOT_CONNECTED", connect_url: `${world.url}/?connect=${connector}` })));
  assert.deepEqual([run.terminal, run.started_at, run.error, run.attempt], [false, null, null, 1]);
  assert.deepEqual(await statuses(user), { sanity: "NOT_CONNECTED", slack: "NOT_CONNECTED" });
});

const STATUSES = ["CONNECTION_STATUS_UNSPECIFIED", "EXPIRED", "PENDING_AUTH", "PENDING_VERIFICATION", "DISCONNECTED"];
for (const status of STATUSES) {
  test(`an account that is ${status} blocks, and goes on once a check finds it ACTIVE`, async () => {
    const user = await world.connected();
    await world.account(user, "slack", { status });
    const run = await blocked(user);
    assert.deepEqual(run.blocked_on, [{ connector: "slack", status, connect_url: `${world.url}/?connect=slack` }]);
    const early = await check(user, "slack");
    assert.deepEqual([early.status, early.body.status, early.body.usable], [200, status, false]);
    assert.equal((await world.document(run.id)).status, "blocked");
    await world.account(user, "slack", { status: "ACTIVE" });
    const late = await check(user, "slack");
    assert.deepEqual([late.body.status, late.body.usable], ["ACTIVE", true]);
    const end = await world.untilEnd(run.id);
    assert.deepEqual([end.status, end.blocked_on], ["succeeded", []]);
    assert.equal((await world.posts(user)).length, 1);
  });
}

test("an ACTIVE account does not block", async () => {
  const user = await world.connected();
  assert.equal((await world.briefToEnd(user)).status, "succeeded");
  assert.deepEqual(await statuses(user), { sanity: "ACTIVE", slack: "ACTIVE" });
});

test("it goes on only when every connection is usable, and then once", async () => {
  const user = world.user();
  const run = await blocked(user);
  await world.connect(user, "sanity");
  assert.equal((await check(user, "sanity")).body.status, "ACTIVE");
  assert.equal((await world.document(run.id)).status, "blocked");
  await world.connect(user, "slack");
  const answers = await Promise.all(Array.from({ length: 8 }, () => check(user, "slack")));
  assert.ok(answers.every(({ status, body }) => status === 200 && body.status === "ACTIVE"));
  const end = await world.untilEnd(run.id);
  assert.deepEqual([end.status, end.attempt], ["succeeded", 2]);
  const { body } = await world.request("GET", `/briefings/${run.id}/events`);
  assert.equal(body.data.filter(({ type }) => type === "unblocked").length, 1);
  assert.equal((await world.posts(user)).length, 1);
});

test("the check tells whose account it is, in an own document", async () => {
  const user = await world.connected();
  const { body, status } = await check(user, "slack");
  assert.equal(status, 200);
  assert.deepEqual(Object.keys(body), ["connector", "label", "status", "usable",
    "pending_confirmation", "account", "connect_url", "checked_at", "changed_at"]);
  assert.match(body.account.team_id, /^T/);
  assert.equal(body.connect_url, `${world.url}/?connect=slack`);
  assert.equal((await check(user, "fax")).status, 404);
  assert.equal((await check("x".repeat(101), "slack")).status, 404);
});

test("a check that ScaleKit does not answer changes nothing", async () => {
  const user = await world.connected();
  await check(user, "slack");
  await world.fault({ endpoint: "scalekit.accounts.list", match: { identifier: user }, count: -1,
    action: { type: "status", status: 503 } });
  const answer = await check(user, "slack");
  assert.deepEqual([answer.status, answer.body.code], [502, "upstream_failed"]);
  await world.clearFaults();
  assert.equal((await statuses(user)).slack, "ACTIVE");
});

test("a repeated check under one idempotency key gets the first answer", async () => {
  const user = await world.connected();
  const key = { "idempotency-key": `check-${user}` };
  const first = await check(user, "slack", key);
  await world.account(user, "slack", { status: "EXPIRED" });
  const again = await check(user, "slack", key);
  assert.deepEqual([again.text, again.headers["idempotent-replayed"]], [first.text, "true"]);
});

test("an account that is revoked in the middle blocks, and the briefing goes on where it was", async () => {
  const user = await world.connected();
  const from = (await world.stats()).last;
  // From the second question to Claude on, Sanity refuses the token that ScaleKit still holds ACTIVE.
  const held = await world.hold({ endpoint: "anthropic.messages", skip: 1 });
  const { id } = await world.accepted(user);
  await held.reached();
  await world.account(user, "sanity", { revoked: true });
  await held.release();
  const run = await world.until(id, (document) => document.status === "blocked");
  assert.deepEqual(run.blocked_on.map(({ connector, status }) => [connector, status]), [["sanity", "EXPIRED"]]);
  assert.ok(run.started_at);
  assert.equal((await statuses(user)).sanity, "EXPIRED");
  await world.account(user, "sanity", { status: "ACTIVE", revoked: false });
  await check(user, "sanity");
  const end = await world.untilEnd(id);
  assert.equal(end.status, "succeeded", JSON.stringify(end.error));
  assert.equal((await world.posts(user)).length, 1);
  const questions = (await world.log("anthropic.messages", from)).filter(({ completed }) => completed);
  assert.equal(questions.length, 3, "a stored reply was asked again");
});

test("an account that is revoked before the delivery blocks, and the message goes out once it is mended", async () => {
  const user = await world.connected();
  const held = await world.hold({ endpoint: "anthropic.messages", skip: 2 });
  const { id } = await world.accepted(user);
  await held.reached();
  await world.account(user, "slack", { status: "EXPIRED" });
  await held.release();
  const run = await world.until(id, (document) => document.status === "blocked");
  assert.deepEqual(run.blocked_on.map(({ connector }) => connector), ["slack"]);
  assert.deepEqual(await world.posts(user), []);
  await world.account(user, "slack", { status: "ACTIVE" });
  await check(user, "slack");
  assert.equal((await world.untilEnd(id)).status, "succeeded");
  assert.equal((await world.posts(user)).length, 1);
});

test("another account behind the same connection starts the briefing over", async () => {
  const user = await world.connected();
  const held = await world.hold({ endpoint: "anthropic.messages", skip: 1 });
  const { id } = await world.accepted(user);
  await held.reached();
  await world.account(user, "sanity", { revoked: true });
  await held.release();
  await world.until(id, (document) => document.status === "blocked");
  await world.control("POST", "/connect", { identifier: user, connection: CONNECTIONS.sanity, choice: 1 });
  await check(user, "sanity");
  const end = await world.untilEnd(id);
  assert.equal(end.status, "succeeded", JSON.stringify(end.error));
  const [post, ...more] = await world.posts(user);
  assert.equal(more.length, 0);
  const titles = async (choice) => (await world.control("GET", `/sanity?identifier=${user}&choice=${choice}`))
    .documents.map(({ title }) => title).filter(Boolean);
  assert.ok((await titles(1)).some((title) => post.sent_text.includes(title)));
  assert.ok(!(await titles(0)).some((title) => post.sent_text.includes(title)), "old and new data are mixed");
});

test("with if_blocked fail a connection that is not known to be broken ends the briefing", async () => {
  const user = world.user();
  const run = await world.briefToEnd(user, { if_blocked: "fail" });
  assert.deepEqual([run.status, run.error.code], ["failed", "connector_not_ready"]);
  assert.deepEqual(run.blocked_on.map(({ connector }) => connector), ["sanity", "slack"]);
  assert.match(run.summary, /nothing was posted/);
});

test("with if_blocked fail a connection that is known to be broken is refused at once", async () => {
  const user = await world.connected();
  await world.account(user, "slack", { status: "EXPIRED" });
  await check(user, "slack");
  const refused = await world.brief(user, { if_blocked: "fail" });
  assert.deepEqual([refused.status, refused.body.code], [422, "connector_not_ready"]);
  assert.match(refused.body.detail, /slack.*EXPIRED/);
  await world.account(user, "slack", { status: "ACTIVE" });
  await check(user, "slack");
  assert.equal((await world.briefToEnd(user, { if_blocked: "fail" })).status, "succeeded");
});

test("with if_blocked fail a revoked account ends a running briefing", async () => {
  const user = await world.connected();
  const held = await world.hold({ endpoint: "anthropic.messages", skip: 1 });
  const { id } = await world.accepted(user, { if_blocked: "fail" });
  await held.reached();
  await world.account(user, "sanity", { revoked: true });
  await held.release();
  const run = await world.untilEnd(id);
  assert.deepEqual([run.status, run.error.code], ["failed", "connector_revoked"]);
});

test("a blocked briefing outlives the process", async () => {
  const user = world.user();
  const run = await blocked(user);
  await world.kill();
  await world.start();
  assert.equal((await world.document(run.id)).status, "blocked");
  await world.connect(user, "sanity", "slack");
  await Promise.all([check(user, "sanity"), check(user, "slack")]);
  assert.equal((await world.untilEnd(run.id)).status, "succeeded");
  assert.equal((await world.posts(user)).length, 1);
});

test("a briefing that stays blocked after its start ends at last", async () => {
  await world.stop();
  await world.start({ BRIEFD_BLOCKED_TTL: "500ms" });
  const user = await world.connected();
  const held = await world.hold({ endpoint: "anthropic.messages", skip: 1 });
  const { id } = await world.accepted(user);
  await held.reached();
  await world.account(user, "sanity", { revoked: true });
  await held.release();
  const run = await world.untilEnd(id, 20);
  assert.deepEqual([run.status, run.error.code], ["failed", "connector_not_ready"]);
});
