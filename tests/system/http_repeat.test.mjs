// Repeating a POST: Idempotency-Key, and what happens beside a briefing that is not over.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ask } from "./database.mjs";
import { CHANNEL, startWorld } from "./harness.mjs";

let world;
before(async () => { world = await startWorld(); });
after(() => world?.close());

let keys = 0;
const newKey = () => ({ "idempotency-key": `test-${++keys}` });
const runsOf = async (user) => (await world.request("GET", `/briefings?user_id=${user}&limit=100`)).body.data;

test("a repeated POST gets the first answer, word for word, and makes nothing", async () => {
  const user = await world.connected();
  const key = newKey();
  const first = await world.brief(user, {}, key);
  assert.equal(first.status, 202);
  assert.equal(first.headers["idempotent-replayed"], undefined);
  const run = await world.untilEnd(first.body.id);
  assert.equal(run.status, "succeeded");
  const again = await world.brief(user, {}, key);
  assert.deepEqual([again.status, again.text], [first.status, first.text]);
  assert.equal(again.headers["idempotent-replayed"], "true");
  assert.equal(again.headers.location, first.headers.location);
  assert.equal(again.headers["content-type"], first.headers["content-type"]);
  assert.equal((await world.request("GET", new URL(again.headers.location).pathname)).body.id, run.id);
  assert.equal((await runsOf(user)).length, 1);
  assert.equal((await world.posts(user)).length, 1);
});

test("the same body in other words is the same body", async () => {
  const user = world.user();
  const key = newKey();
  const first = await world.brief(user, { mode: "preview", params: { slack_channel: CHANNEL } }, key);
  const again = await world.request("POST", "/briefings", { headers: { ...key, "content-type": "application/json" },
    raw: ` {"params":{"slack_channel" : "${CHANNEL}"}, "m\\u006fde":"preview",\n "user_id":"${user}"} ` });
  assert.equal(again.headers["idempotent-replayed"], "true");
  assert.equal(again.text, first.text);
});

test("a key that was used for another body is refused", async () => {
  const user = world.user();
  const key = newKey();
  await world.accepted(user, {}, key);
  const other = await world.brief(user, { mode: "preview" }, key);
  assert.deepEqual([other.status, other.body.code], [422, "idempotency_key_reused"]);
  assert.equal((await runsOf(user)).length, 1);
});

test("twenty repetitions at the same time make one briefing", async () => {
  const user = await world.connected();
  const key = newKey();
  const answers = await Promise.all(Array.from({ length: 20 }, () => world.brief(user, {}, key)));
  assert.ok(answers.every(({ status, text }) => status === 202 && text === answers[0].text));
  assert.equal(answers.filter(({ headers }) => !headers["idempotent-replayed"]).length, 1);
  await world.untilEnd(answers[0].body.id);
  assert.equal((await runsOf(user)).length, 1);
  assert.equal((await world.posts(user)).length, 1);
});

test("keys of two callers do not meet, and those of one survive the rotation of the API key", async () => {
  const user = world.user();
  const key = newKey();
  const first = await world.brief(user, { if_running: "enqueue" }, key);
  const ask = async (bearer) => world.request("POST", "/briefings", { key: bearer, headers: key,
    body: { user_id: user, if_running: "enqueue" } });
  const rotated = await ask(await world.newKey("briefings:write", "system-tests"));
  assert.equal(rotated.text, first.text);
  const stranger = await ask(await world.newKey("briefings:write", "somebody-else"));
  assert.equal(stranger.status, 202);
  assert.notEqual(stranger.body.id, first.body.id);
});

test("a refused body is not remembered", async () => {
  const user = world.user();
  const key = newKey();
  assert.equal((await world.brief(user, { mode: "publish" }, key)).status, 400);
  assert.equal((await world.brief(user, { recipe: "none" }, key)).status, 422);
  assert.equal((await world.brief(user, {}, key)).status, 202);
});

test("a key must be short and printable", async () => {
  const user = world.user();
  for (const bad of ["", "x".repeat(256), "t\tb", "é"]) {
    const answer = await world.brief(user, {}, { "idempotency-key": Buffer.from(bad).toString("latin1") });
    assert.equal(answer.status, 400, JSON.stringify(bad));
  }
  assert.deepEqual(await runsOf(user), []);
  assert.equal((await world.brief(user, {}, { "idempotency-key": "x".repeat(255) })).status, 202);
});

test("a stored answer outlives the process", async () => {
  const user = world.user();
  const key = newKey();
  const first = await world.brief(user, {}, key);
  await world.until(first.body.id, (run) => run.status === "blocked");
  await world.kill();
  await world.start();
  const again = await world.brief(user, {}, key);
  assert.deepEqual([again.status, again.text], [202, first.text]);
  assert.equal(again.headers["idempotent-replayed"], "true");
  assert.ok(again.headers.location.endsWith(`/briefings/${first.body.id}`));
});

// ---- if_running ----

test("a second request for the same attaches to the first", async () => {
  const user = world.user();
  const { id } = await world.accepted(user);
  await world.until(id, (run) => run.status === "blocked");
  for (const fields of [{}, { if_running: "attach" }, { params: { slack_channel: CHANNEL } },
    { deadline_seconds: 60 }, { metadata: { other: "words" } }]) {
    const answer = await world.brief(user, fields);
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.body.id, id);
    assert.ok(answer.headers.location.endsWith(`/briefings/${id}`));
  }
  assert.equal((await runsOf(user)).length, 1);
});

test("a request for something else does not attach", async () => {
  const user = world.user();
  const { id } = await world.accepted(user);
  for (const fields of [{ mode: "preview" }, { params: { slack_channel: "C0GENERAL01" } },
    { params: { sanity_dataset: "staging" } }]) {
    const answer = await world.brief(user, fields);
    assert.deepEqual([answer.status, answer.body.code], [409, "already_running"]);
    assert.ok(answer.headers.location.endsWith(`/briefings/${id}`));
  }
});

test("reject refuses beside a live one, and accepts when there is none", async () => {
  const user = world.user();
  const { id } = await world.accepted(user, { if_running: "reject" });
  const answer = await world.brief(user, { if_running: "reject" });
  assert.deepEqual([answer.status, answer.body.code], [409, "already_running"]);
  await world.request("POST", `/briefings/${id}/cancel`);
  await world.untilEnd(id);
  assert.equal((await world.brief(user, { if_running: "reject" })).status, 202);
});

test("enqueue makes another one, and each posts its own message", async () => {
  const user = await world.connected();
  const runs = await Promise.all([1, 2, 3].map(() => world.accepted(user, { if_running: "enqueue" })));
  assert.equal(new Set(runs.map(({ id }) => id)).size, 3);
  for (const { id } of runs) assert.equal((await world.untilEnd(id)).status, "succeeded");
  assert.equal((await world.posts(user)).length, 3);
});

test("other users do not count", async () => {
  await world.accepted(world.user());
  assert.equal((await world.brief(world.user(), { if_running: "reject" })).status, 202);
});

test("what ended or is about to be cancelled is not attached to", async () => {
  const user = await world.connected();
  const first = await world.briefToEnd(user);
  const second = await world.brief(user);
  assert.equal(second.status, 202);
  assert.notEqual(second.body.id, first.id);
  await world.untilEnd(second.body.id);
});

test("an attached answer is kept under its key, too", async () => {
  const user = world.user();
  const { id } = await world.accepted(user);
  const key = newKey();
  const attached = await world.brief(user, {}, key);
  assert.equal(attached.status, 200);
  await world.request("POST", `/briefings/${id}/cancel`);
  await world.untilEnd(id);
  const again = await world.brief(user, {}, key);
  assert.deepEqual([again.status, again.text], [200, attached.text]);
});

// ---- the other POSTs ----

test("every other POST gives its first answer again, too, and refuses the key for another body", async () => {
  const admin = await world.newKey("admin", "repeating");
  const user = world.user();
  const { id } = await world.accepted(user);
  for (const [path, body, other] of [[`/users/${user}/connect-tickets`, { connectors: ["slack"] }, { connectors: ["sanity"] }],
    [`/users/${user}/connections/slack/check`, undefined, { x: 1 }], [`/briefings/${id}/cancel`, undefined, { x: 1 }]]) {
    const key = newKey();
    const post = (sent) => world.request("POST", path, { key: admin, headers: key, body: sent });
    const first = await post(body);
    assert.ok(first.status < 300, `${path}: ${first.text}`);
    const again = await post(body);
    assert.deepEqual([again.status, again.text, again.headers["idempotent-replayed"]], [first.status, first.text, "true"], path);
    const reused = await post(other);
    assert.deepEqual([reused.status, reused.body.code], [422, "idempotency_key_reused"], path);
  }
});

test("of repetitions of another POST at the same time all but one say that they are", async () => {
  const user = world.user();
  const key = newKey();
  const answers = await Promise.all(Array.from({ length: 10 }, () =>
    world.request("POST", `/users/${user}/connect-tickets`, { headers: key, body: { connectors: ["slack"] } })));
  assert.ok(answers.every(({ status, text }) => status === 201 && text === answers[0].text));
  assert.equal(answers.filter(({ headers }) => !headers["idempotent-replayed"]).length, 1);
  assert.deepEqual(ask(world.env.BRIEFD_DB, `SELECT count(*) FROM connect_tickets WHERE user_id = '${user}'`), [[1]]);
});

test("one key for two bodies at the same moment is refused to one of them, never a fault", async () => {
  const user = world.user();
  for (let round = 0; round < 5; round++) {
    const key = newKey();
    const admin = await world.newKey("admin", "racing");
    const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => world.request("POST", `/users/${user}_${round}/connect-tickets`,
      { key: admin, headers: key, body: { connectors: [i % 2 ? "slack" : "sanity"] } })));
    const made = answers.filter(({ status }) => status === 201);
    assert.ok(made.length >= 1 && made.every(({ text }) => text === made[0].text), JSON.stringify(answers.map(({ text }) => text)));
    assert.ok(answers.every(({ status }) => [201, 422].includes(status)), JSON.stringify(answers.map(({ status }) => status)));
  }
});
