// SIGTERM with briefings in flight: nothing new, nothing lost, nothing twice.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { UNHURRIED, eventually, startWorld } from "./harness.mjs";

let world;
before(async () => { world = await startWorld({ env: { BRIEFD_STOP_GRACE: "2s" } }); });
after(() => world?.close());
afterEach(() => world.clearFaults());

const position = async () => (await world.stats()).last;
const HANG = { type: "hang", when: "before_headers" };
// With these only the end of a stop calls a question off.
const PATIENT = { ...UNHURRIED, BRIEFD_STOP_GRACE: "10m" };
const completed = async (from) => (await world.log("anthropic.messages", from)).filter((entry) => entry.completed);

/** Every completed reply was asked for by another conversation so far. */
async function assertNothingAskedTwice(from, n) {
  const hashes = (await completed(from)).map((entry) => entry.prompt_hash);
  assert.equal(hashes.length, n);
  assert.equal(new Set(hashes).size, n, "a reply was asked for twice");
}

/** Accepts a briefing; with `question`, waits until Claude was asked that often. */
async function begun(question) {
  const from = await position();
  const user = await world.connected();
  const { id } = await world.accepted(user);
  await eventually(async () => (await world.log("anthropic.messages", from)).length >= question, `question ${question}`);
  return { id, user, from };
}

/** SIGTERM, and the end within a minute, which is much less than what is waited for otherwise. */
async function stopsByItself() {
  let exit = null;
  world.signal("SIGTERM");
  world.ended().then((value) => { exit = value; });
  await eventually(() => exit, "the service ends");
  assert.equal(exit.code, 0);
}

test("a service without work stops at once", async () => {
  await world.stop();
  await world.start({ BRIEFD_STOP_GRACE: "30m" });
  await stopsByItself();
  await world.start();
  await world.stop("SIGINT");
  await world.start();
});

test("while it stops, reads are answered and creations refused", async () => {
  await world.stop();
  await world.start(PATIENT);
  const held = await world.hold({ endpoint: "anthropic.messages" });
  const { id, user } = await begun(1);
  world.signal("SIGTERM");
  await world.logged("stopping");
  const refused = await eventually(async () => {
    const answer = await world.brief(world.user());
    return answer.status === 503 && answer;
  }, "creations are refused");
  assert.deepEqual([refused.body.code, refused.body.retryable], ["draining", true]);
  assert.match(refused.headers["retry-after"], /^[1-9]\d*$/);
  const ready = await world.request("GET", "/readyz");
  assert.deepEqual([ready.status, ready.body.draining], [503, true]);
  assert.equal((await world.request("GET", "/healthz")).status, 200);
  assert.equal((await world.document(id)).id, id);
  await held.release();
  assert.equal((await world.ended()).code, 0);
  await world.start();
  assert.equal((await world.untilEnd(id)).status, "succeeded");
  assert.equal((await world.posts(user)).length, 1);
});

test("a question in flight gets its time, and the next start goes on behind it", async () => {
  await world.stop();
  await world.start(PATIENT);
  const held = await world.hold({ endpoint: "anthropic.messages", skip: 1 });
  const { id, user, from } = await begun(2);
  world.signal("SIGTERM");
  await world.logged("stopping");
  await held.release();
  assert.equal((await world.ended()).code, 0);
  assert.equal((await completed(from)).length, 2, "the reply in flight was waited for");
  await world.start();
  const run = await world.untilEnd(id);
  assert.deepEqual([run.status, run.attempt], ["succeeded", 2]);
  await assertNothingAskedTwice(from, 3);
  assert.equal((await world.posts(user)).length, 1);
});

test("a question that does not end within the grace is called off, and asked again by the next start", async () => {
  await world.stop();
  await world.start({ ...PATIENT, BRIEFD_STOP_GRACE: "1s" });
  await world.fault({ endpoint: "anthropic.messages", skip: 1, count: 1, action: HANG });
  const { id, user, from } = await begun(2);
  const began = Date.now();
  await stopsByItself();
  const ms = Date.now() - began;
  assert.ok(ms >= 990, `it had ${ms} ms`);
  await world.start();
  assert.equal((await world.untilEnd(id)).status, "succeeded");
  await assertNothingAskedTwice(from, 3);
  assert.equal((await world.posts(user)).length, 1);
});

test("a message on its way is waited for beyond the grace, and sent once", async () => {
  const from = await position();
  const user = await world.connected();
  await world.fault({ endpoint: "scalekit.execute_tool", match: { tool: "slack_send_message", identifier: user },
    action: { type: "delay", ms: 3500 } });
  const { id } = await world.accepted(user);
  await world.until(id, (run) => run.status === "delivering");
  await world.stop();
  await world.start();
  const run = await world.document(id);
  assert.deepEqual([run.status, run.delivery.state, run.attempt], ["succeeded", "confirmed", 1]);
  assert.equal((await world.posts(user)).length, 1);
  await assertNothingAskedTwice(from, 3);
});

test("thirty briefings at every stage are parked and end with one message each", async () => {
  const from = await position();
  await world.latency({ model_ms: 150, tool_ms: 50 });
  const users = await Promise.all(Array.from({ length: 30 }, () => world.connected("stage")));
  const runs = [];
  for (const user of users) {
    runs.push((await world.accepted(user)).id);
    if (runs.length % 10 === 0) await world.until(runs.at(-10), (run) => run.progress.turn >= 1 || run.terminal);
  }
  await world.stop();
  await world.start();
  const ends = await Promise.all(runs.map((id) => world.untilEnd(id)));
  assert.deepEqual([...new Set(ends.map(({ status }) => status))], ["succeeded"]);
  for (const user of users) assert.equal((await world.posts(user)).length, 1);
  await world.latency({ model_ms: 0, tool_ms: 0 });
  // At its first turn everybody asks the same words: from the second on, ids tell them apart.
  const later = (await completed(from)).filter(({ turn }) => turn > 0).map((entry) => entry.prompt_hash);
  assert.equal(later.length, 60);
  assert.equal(new Set(later).size, 60, "a reply was asked for twice");
  assert.equal((await completed(from)).length, 90);
});

test("what waited in the queue is still there after a restart", async () => {
  await world.stop();
  await world.start({ BRIEFD_MAX_RUNS: "1" });
  await world.fault({ endpoint: "anthropic.messages", count: 1, action: HANG });
  const { id, user } = await begun(1);
  const waiting = [];
  for (let i = 0; i < 5; i++) {
    const other = await world.connected();
    waiting.push({ user: other, id: (await world.accepted(other)).id });
  }
  await world.stop();
  await world.start();
  for (const one of [{ id, user }, ...waiting]) {
    assert.equal((await world.untilEnd(one.id)).status, "succeeded");
    assert.equal((await world.posts(one.user)).length, 1);
  }
});

test("while ScaleKit does not answer, those who wait for it are told, and the service ends", async () => {
  const THREADS = 16, QUEUE = 256;
  await world.stop();
  await world.start();
  const from = await position();
  await world.fault({ endpoint: "scalekit.accounts.list", count: -1, action: HANG });
  let refused = 0;
  const check = async () => {
    const answer = await world.request("POST", `/users/${world.user()}/connections/slack/check`);
    if (answer.body.code === "overloaded") refused++;
    return `${answer.status} ${answer.body.code} ${Number(answer.headers["retry-after"]) > 0}`;
  };
  const answers = Array.from({ length: THREADS }, check);
  await eventually(async () => (await world.log("scalekit.accounts.list", from)).length >= THREADS, "ScaleKit is asked");
  for (let i = 0; i < QUEUE + 5; i++) answers.push(check());
  await eventually(() => refused === 5, "the queue is full, and nobody is on the way");
  const began = Date.now();
  await world.stop();
  assert.ok(Date.now() - began < 15_000, `it took ${Date.now() - began} ms`);
  const told = (await Promise.all(answers)).filter((answer) => !/overloaded/.test(answer));
  assert.deepEqual(told, Array(THREADS + QUEUE).fill("503 draining true"));
  await world.clearFaults();
  await world.start();
});

test("a caller that waits for a briefing is answered when the service stops", async () => {
  await world.stop();
  await world.start({ BRIEFD_MAX_WAITERS: "1" });
  const { id } = await world.accepted(world.user());
  await world.until(id, (run) => run.status === "blocked");
  const { headers: { etag } } = await world.request("GET", `/briefings/${id}`);
  const ask = (seconds) => world.request("GET", `/briefings/${id}?wait=${seconds}`,
    { headers: { "if-none-match": etag } });
  // There is one place to wait: it is taken when somebody else is refused.
  let wait = null;
  await eventually(async () => {
    wait ??= ask(60);
    if ((await ask(1)).status === 429) return true;
    if ((await Promise.race([wait, null]))?.status === 429) wait = null; // the other one had the place
    return false;
  }, "the wait has begun");
  const began = Date.now();
  await world.stop();
  assert.ok([200, 304].includes((await wait).status));
  assert.ok(Date.now() - began < 55_000, "the wait had run out");
  await world.start();
});

test("refused credentials park briefings until the secret is read anew", async () => {
  const { writeFile } = await import("node:fs/promises");
  const { join } = await import("node:path");
  const file = join(world.folder, "anthropic-key");
  await writeFile(file, "sk-ant-api-of-somebody-else\n", { mode: 0o600 });
  await world.stop();
  await world.start({ ANTHROPIC_API_KEY: null, ANTHROPIC_API_KEY_FILE: file });
  const user = await world.connected();
  const { id } = await world.accepted(user);
  const parked = await world.until(id, (run) => run.phase === "waiting_for_credentials");
  assert.equal(parked.status, "queued");
  assert.equal((await world.request("GET", "/readyz")).status, 503);
  await writeFile(file, `${world.ready.anthropic_api_key}\n`);
  world.signal("SIGHUP");
  await world.logged("reloaded");
  assert.equal((await world.untilEnd(id)).status, "succeeded");
  assert.equal((await world.request("GET", "/readyz")).status, 200);
  assert.equal((await world.posts(user)).length, 1);
});

test("a reload with broken settings keeps those in force", async () => {
  const { writeFile } = await import("node:fs/promises");
  const { join } = await import("node:path");
  await writeFile(join(world.folder, "anthropic-key"), "");
  world.signal("SIGHUP");
  await world.logged("reload_refused");
  const user = await world.connected();
  assert.equal((await world.briefToEnd(user)).status, "succeeded");
});
