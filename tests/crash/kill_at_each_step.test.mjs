// SIGKILL while a briefing stands at each of its steps. The sandbox holds the process at one request,
// before or after that had its effect; the next start goes on from what is stored.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startWorld } from "../system/harness.mjs";
import { Ledger, PATIENT, brokenTables, ownWords } from "./ledger.mjs";

const tool = (name) => ({ endpoint: "scalekit.execute_tool", tool: name });
const MODEL = { endpoint: "anthropic.messages" };
const NOT_DONE = { type: "hang", when: "before_headers", before_effect: true };
const DONE = { type: "hang", when: "before_headers" };
const REPLIES = 3; // of the model, and calls of read tools: an undisturbed briefing
const READS = 5;
const HALF_TOLD = { type: "hang", when: "mid_body" };

// where: the request that is held, `skip` of its kind having passed. repeats: model calls that must
// be made once more; reads: the same of read tools, of which those of one turn are stored together.
// delivery: how the message is known to be out, "confirmed" unless told.
const STEPS = [
  { name: "while it asks for a token", where: { endpoint: "scalekit.token", anybody: true }, held: NOT_DONE },
  { name: "while it reads the connections", where: { endpoint: "scalekit.accounts.list" }, held: NOT_DONE },
  { name: "while it asks Sanity who is connected", where: tool("sanitymcp_whoami"), held: NOT_DONE },
  { name: "while it asks Slack who is connected", where: tool("slack_auth_test"), held: DONE },
  { name: "while it reads the tools", where: { endpoint: "scalekit.tools.scoped" }, held: NOT_DONE },
  { name: "after the tools were read", where: { endpoint: "scalekit.tools.scoped" }, held: DONE },
  ...[0, 1, 2].flatMap((skip) => [
    { name: `before reply ${skip + 1} of the model`, where: { ...MODEL, skip }, held: NOT_DONE, repeats: 0 },
    { name: `after reply ${skip + 1} of the model was made`, where: { ...MODEL, skip }, held: DONE, repeats: 1 },
    { name: `in the middle of reply ${skip + 1}`, where: { ...MODEL, skip }, held: HALF_TOLD, repeats: 1 },
  ]),
  { name: "before the projects are read", where: tool("sanitymcp_list_projects"), held: NOT_DONE, reads: 1 },
  { name: "after the projects were read", where: tool("sanitymcp_list_projects"), held: DONE, reads: 1 },
  ...[0, 1, 2].map((skip) => (
    { name: `in query ${skip + 1} of three`, where: { ...tool("sanitymcp_query_documents"), skip }, held: DONE,
      reads: 4 })),
  { name: "while the releases are read", where: tool("sanitymcp_list_releases"), held: NOT_DONE, reads: 4 },
  { name: "while it asks Slack once more who is connected", where: { ...tool("slack_auth_test"), skip: 1 },
    held: NOT_DONE },
  { name: "before the message is out", where: tool("slack_send_message"), held: NOT_DONE, sends: 2 },
  { name: "after the message is out", where: tool("slack_send_message"), held: DONE, delivery: "reconciled" },
  { name: "in the middle of the answer to the message", where: tool("slack_send_message"), held: HALF_TOLD,
    delivery: "reconciled" },
];

let world, ledger;
before(async () => {
  world = await startWorld({ env: PATIENT });
  ledger = new Ledger(world);
});
after(() => world?.close());

/** The rule that holds one user's briefing; the user's name stands in the prompts, too. */
function rule({ endpoint, tool: name, skip = 0, anybody }, action, user) {
  const whose = anybody ? {} : endpoint.startsWith("anthropic.") ? { body_contains: user } : { identifier: user };
  return { endpoint, skip, action, match: { ...whose, ...(name && { tool: name }) } };
}

async function killAndStart(env) {
  await world.kill();
  assert.equal(brokenTables(world), "");
  await world.start(env);
}

async function ended(id) {
  await world.untilEnd(id);
  await ledger.read();
  const seen = await ledger.check(id);
  assert.deepEqual(seen.breaches, []);
  assert.equal(seen.run.status, "succeeded", JSON.stringify(seen.run));
  assert.equal(seen.posts.length, 1);
  assert.deepEqual([seen.run.progress.turn, seen.run.progress.tool_calls], [REPLIES, READS]);
  return seen;
}

async function callsOf(id, ...tools) {
  return (await world.log("scalekit.execute_tool"))
    .filter((call) => tools.includes(call.tool) && call.agent_run_id === id).length;
}

const sendsOf = (id) => callsOf(id, "slack_send_message");
const readsOf = (id) => callsOf(id, "sanitymcp_list_projects", "sanitymcp_query_documents",
  "sanitymcp_list_releases");

for (const step of STEPS) {
  test(`killed ${step.name}, it ends with one post and asks for nothing it has`, async () => {
    const { user, fields } = await ownWords(world);
    if (step.where.anybody) await world.token({ revoke_all: true });
    const from = (await world.stats()).last;
    await world.clearFaults(); // of a test before that failed
    await world.fault(rule(step.where, step.held, user));
    const { id } = await world.accepted(user, fields);
    await world.eventually(async () => (await world.log(step.where.endpoint, from))
      .some(({ status }) => status === "hang"), `${step.where.endpoint} is held`);
    await killAndStart();

    const { run, repeats, events } = await ended(id);
    assert.equal(run.attempt, 2);
    assert.equal(repeats, step.repeats ?? 0, "model calls that were repeated");
    assert.equal(run.delivery.state, step.delivery ?? "confirmed");
    assert.equal(await sendsOf(id), step.sends ?? 1);
    assert.ok(await readsOf(id) <= READS + (step.reads ?? 0), "read tools that were called again");
    assert.equal(events.filter(({ type }) => type === "recovered").length, 1);
    const { faults } = await world.control("GET", "/faults");
    assert.ok(faults.every(({ hits }) => hits === 1), "the briefing was held where it should be");
    await world.clearFaults();
  });
}

test("killed right after the 202, it ends with one post", async () => {
  const { user, fields } = await ownWords(world);
  const { id } = await world.accepted(user, fields);
  await killAndStart();
  const { run, repeats } = await ended(id);
  assert.ok(run.attempt <= 2);
  assert.ok(repeats <= 1);
});

test("killed after its end, it stays as it was", async () => {
  const { user, fields } = await ownWords(world);
  const run = await world.briefToEnd(user, fields);
  const { last } = await world.stats();
  await killAndStart();
  assert.deepEqual({ ...(await ended(run.id)).run, links: null }, { ...run, links: null });
  assert.equal((await world.stats()).last, last, "nothing was asked outside");
});

test("killed while the message is late, it is found and not sent again", async () => {
  const { user, fields } = await ownWords(world);
  const held = await world.hold(rule(tool("slack_send_message"), {}, user));
  const { id } = await world.accepted(user, fields);
  await held.reached();
  await world.kill();
  const { last } = await world.stats();
  await world.start({ BRIEFD_DELIVERY_SETTLE: "5s" });
  await world.eventually(async () => (await world.log("scalekit.execute_tool", last))
    .some((call) => call.tool === "slack_fetch_conversation_history" && call.status), "it looked too early");
  await held.release();
  const { run } = await ended(id);
  assert.equal(run.delivery.state, "reconciled");
  assert.equal(await sendsOf(id), 1);
  await world.clearFaults();
});
