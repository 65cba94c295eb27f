// Limits of one briefing, one user, one address, and of the whole: each refuses or ends what exceeds it, early
// and with its reason. (Queue length, waiters, deadline and the first question's price: http_limits.test.mjs;
// turns, output and repeated calls: model_stops.test.mjs.)

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import net from "node:net";
import { after, before, test } from "node:test";
import { eventually, startWorld } from "./harness.mjs";

const SLOTS = 8; // briefings at once
const OPEN = 40; // accepted and not ended
const PER_USER = 2; // of one user at once

let world;
before(async () => {
  world = await startWorld({ env: { BRIEFD_MAX_RUNS: `${SLOTS}`, BRIEFD_MAX_OPEN_RUNS: `${OPEN}`,
    BRIEFD_MAX_RUNS_PER_USER: `${PER_USER}`, BRIEFD_TOOL_TIMEOUT: "10m" } });
});
after(() => world?.close());

const enqueue = (user, fields) => world.accepted(user, { if_running: "enqueue", ...fields });

let clock = 0; // counts what this file sends and receives
/** The answer of `ask`, and when it was asked and answered. */
async function timed(ask) {
  const sent = ++clock;
  const answer = await ask();
  return { answer, sent, answered: ++clock };
}

/** When each of the briefings was taken up. */
const claimedAt = (ids) => Promise.all(ids.map(async (id) => {
  const { body } = await world.request("GET", `/briefings/${id}/events`);
  return Date.parse(body.data.find(({ type }) => type === "claimed").at);
}));

/**
 * Requests that are under way at the same moment may pass each other, and so may the claims of briefings that were
 * taken up together. What was asked after another one had been answered is not taken up before it beyond that.
 */
async function assertOldestFirst(asked, what) {
  const claims = await claimedAt(asked.map(({ id }) => id));
  asked.forEach((earlier, e) => {
    const passed = asked.filter((later, l) => earlier.answered < later.sent && claims[l] < claims[e]);
    assert.ok(passed.length <= PER_USER, `${what}: ${passed.map(({ id }) => id)} were taken up before ${earlier.id}`);
  });
}

test("no more briefings of one user run at once than allowed, and others are served meanwhile", async () => {
  const greedy = await world.connected("greedy");
  const modest = await world.connected("modest");
  // Everybody's first look at the accounts is held, so that nobody ends before all are there.
  const held = await world.hold({ endpoint: "scalekit.accounts.list", match: { identifier: greedy }, count: -1 });
  const asked = [];
  for (let i = 0; i < 6; i++) {
    const { answer: { id }, ...times } = await timed(() => enqueue(greedy));
    asked.push({ id, ...times });
  }
  const states = async () => (await Promise.all(asked.map(({ id }) => world.document(id)))).map(({ status }) => status);
  await eventually(async () => (await states()).filter((status) => status === "running").length === PER_USER,
    "as many run as may");
  const { id: other } = await world.accepted(modest);
  assert.equal((await world.untilEnd(other)).status, "succeeded", "the other user waits for nobody");
  const running = [...Array(PER_USER).fill("running"), ...Array(6 - PER_USER).fill("queued")];
  assert.deepEqual((await states()).sort().reverse(), running);
  await held.release();
  const runs = await Promise.all(asked.map(({ id }) => world.untilEnd(id)));
  assert.deepEqual(runs.map(({ status }) => status), Array(6).fill("succeeded"));
  await assertOldestFirst(asked, greedy);
});

/** Asks on a connection of its own and keeps it open. */
const open = () => new Promise((resolve) => {
  const socket = net.connect(new URL(world.url).port, "127.0.0.1");
  const state = { socket, isClosed: false, isAnswered: false };
  socket.on("error", () => {});
  socket.on("close", () => { state.isClosed = true; });
  socket.on("data", () => { state.isAnswered = true; });
  socket.on("connect", () => resolve(state));
  socket.write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
});
const count = (states, name) => states.filter((state) => state[name]).length;
const isServed = () => eventually(async () =>
  (await world.request("GET", "/healthz", { key: null }).catch(() => null))?.status === 200, "it is served again");

test("one address holds no more connections than allowed, and is served again when it let go", async () => {
  await world.stop();
  await world.start({ BRIEFD_MAX_CONNECTIONS_PER_ADDRESS: "20" });
  const held = await Promise.all(Array.from({ length: 40 }, open));
  await eventually(() => count(held, "isClosed") + count(held, "isAnswered") === 40, "each is answered or closed");
  assert.equal(count(held, "isAnswered"), 20);
  for (const { socket } of held) socket.destroy();
  await isServed();
});

test("more connections than there may be wait outside, and come in when others leave", async () => {
  await world.stop();
  await world.start({ BRIEFD_MAX_CONNECTIONS: "20" });
  const held = await Promise.all(Array.from({ length: 40 }, open));
  await eventually(() => count(held, "isAnswered") >= 18, "as many as allowed are answered");
  assert.ok(count(held, "isAnswered") <= 20, `${count(held, "isAnswered")} were answered`);
  for (const state of held) if (state.isAnswered) state.socket.destroy();
  await eventually(() => count(held, "isAnswered") >= 36, "the others are answered");
  for (const { socket } of held) socket.destroy();
  await isServed();
  await world.stop();
  await world.start();
});

test("a briefing that spends its budget in the middle asks nothing more", async () => {
  const user = await world.connected();
  const budget = await cheapest();
  const run = await world.briefToEnd(user, { budget: { max_usd: budget } });
  assert.deepEqual([run.status, run.error.code], ["failed", "budget_exceeded"], JSON.stringify(run));
  assert.ok(run.progress.turn >= 1 && Number(run.usage.cost_usd) > 0, "it had begun");
  assert.ok(Number(run.usage.cost_usd) <= Number(budget), `${run.usage.cost_usd} of ${budget}`);
  assert.deepEqual(await world.posts(user), []);
});

/** The smallest budget, in steps of a tenth of a cent, with which a briefing asks its first question. */
async function cheapest() {
  let low = 0, high = 900;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    const run = await world.briefToEnd(await world.connected(), { budget: { max_usd: (middle / 1000).toFixed(3) } });
    if (run.progress.turn >= 1) high = middle;
    else low = middle;
  }
  return (high / 1000).toFixed(3);
}

const memory = (what) => Number(new RegExp(`^${what}:\\s+(\\d+) kB`, "m")
  .exec(readFileSync(`/proc/${world.pid}/status`, "utf8"))[1]);
// A sanitizer's shadow is terabytes of address space, and it keeps what was freed for a while.
const isSanitized = () => memory("VmSize") > 1e9;

test("ten times what fits: only 429 and 503, flat memory, everything accepted is done, users take turns", async () => {
  const users = await Promise.all(Array.from({ length: 10 }, () => world.connected("crowd")));
  const wave = async () => {
    const answers = [];
    const lanes = Array.from({ length: 10 }, async (_, lane) => {
      for (let i = 0; i < OPEN; i++)
        answers.push(await timed(() => world.brief(users[(i + lane) % users.length], { if_running: "enqueue" })));
    });
    await Promise.all(lanes);
    return answers;
  };
  await world.latency({ model_ms: 300 });
  const first = await wave();
  const after1 = memory("VmRSS");
  const all = [first];
  for (let i = 0; i < 3; i++) all.push(await wave());
  const after4 = memory("VmRSS");
  const { body: ready } = await world.request("GET", "/readyz", { key: null });
  assert.ok(ready.running <= SLOTS && ready.queued <= OPEN, JSON.stringify(ready));
  await world.latency({ model_ms: 0 });

  const asked = all.flat();
  const answers = asked.map(({ answer }) => answer);
  const codes = [...new Set(answers.map(({ status }) => status))].sort();
  assert.ok(codes.every((status) => [202, 429, 503].includes(status)), `${codes}`);
  const accepted = answers.filter(({ status }) => status === 202).map(({ body }) => body.id);
  assert.ok(accepted.length >= OPEN && answers.length - accepted.length > OPEN);
  for (const { headers } of answers.filter(({ status }) => status !== 202)) assert.ok(headers["retry-after"]);
  assert.ok(isSanitized() || after4 - after1 < 32 * 1024, `memory grew from ${after1} to ${after4} kB`);

  const runs = await Promise.all(accepted.map((id) => world.untilEnd(id, 120)));
  assert.deepEqual([...new Set(runs.map(({ status }) => status))], ["succeeded"]);
  const posts = (await Promise.all(users.map((user) => world.posts(user)))).flat();
  assert.equal(posts.length, accepted.length);
  for (const user of users) {
    const own = asked.filter(({ answer }) => answer.status === 202 && answer.body.user_id === user);
    await assertOldestFirst(own.map(({ answer: { body: { id } }, ...times }) => ({ id, ...times })), user);
  }
  // Turns: nobody had the places to himself while others waited.
  const byClaim = runs.slice(0, OPEN).map(({ id, user_id: user }) => ({ id, user }));
  for (const run of byClaim) [run.at] = await claimedAt([run.id]);
  const order = byClaim.sort((a, b) => a.at - b.at).slice(0, 20).map(({ user }) => user);
  assert.ok(new Set(order).size >= 8, `${new Set(order).size} users among the first 20 starts`);
});
