// Backups, what becomes of a restored copy, and the verdict of a person on a delivery.

import assert from "node:assert/strict";
import { chownSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ask, change } from "./database.mjs";
import { startWorld } from "./harness.mjs";

let world, admin;
before(async () => {
  world = await startWorld();
  admin = await world.newKey("admin", "an-operator");
});
after(() => world?.close());

const file = (name) => join(world.folder, name);
const slow = (user, ms) => world.fault({ endpoint: "scalekit.execute_tool",
  match: { tool: "slack_send_message", identifier: user }, action: { type: "delay", ms, when: "after" } });
const settle = (id, body, key = admin, headers = {}) =>
  world.request("POST", `/briefings/${id}/delivery`, { key, body, headers });

/** A briefing that ended as delivery_unknown: the send got no answer, the channel cannot be read. */
async function unknownDelivery() {
  const user = await world.connected("unknown");
  await world.fault({ endpoint: "scalekit.execute_tool", count: 1, match: { tool: "slack_send_message", identifier: user },
    action: { type: "reset", when: "after" } },
  { endpoint: "scalekit.execute_tool", count: -1, match: { tool: "slack_fetch_conversation_history", identifier: user },
    action: { type: "status", status: 403, body: { code: 7, message: "tool error", details: [{ error_code: "TOOL_ERROR" }] } } });
  const run = await world.briefToEnd(user);
  assert.equal(run.error?.code, "delivery_unknown", JSON.stringify(run));
  assert.equal(run.needs_attention, true);
  return run;
}

test("a backup beside the running service is whole, readable by its owner only, and has no seal key", async () => {
  const user = await world.connected();
  const run = await world.briefToEnd(user);
  const { code, stderr } = await world.cli(["backup", file("first.db")]);
  assert.equal(code, 0, stderr);
  assert.equal(statSync(file("first.db")).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(world.folder).filter((name) => name.startsWith("first.db")), ["first.db"]);
  assert.deepEqual(ask(file("first.db"), "PRAGMA integrity_check"), [["ok"]]);
  assert.deepEqual(ask(file("first.db"), `SELECT status FROM runs WHERE id = '${run.id}'`), [["succeeded"]]);
  const key = readFileSync(file("briefd.db.key"), "utf8").trim();
  const bytes = readFileSync(file("first.db"));
  assert.ok(!bytes.includes(key) && !bytes.includes(Buffer.from(key, "base64")));
});

test("a backup overwrites nothing and needs a database of briefd", async () => {
  const before = readFileSync(file("first.db"));
  const again = await world.cli(["backup", file("first.db")]);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /first\.db exists already/);
  assert.ok(readFileSync(file("first.db")).equals(before));
  const nothing = await world.cli(["backup", file("second.db"), "--db", file("no.db")]);
  assert.equal(nothing.code, 1);
  assert.match(nothing.stderr, /no database/);
  assert.ok(!existsSync(file("second.db")) && !existsSync(file("no.db")));
  assert.equal((await world.cli(["backup", "/nowhere/x.db"])).code, 1);
  assert.equal((await world.cli(["backup"])).code, 64);
});

test("restore is refused beside a running service, over a database, and for what is no backup", async () => {
  const running = await world.cli(["restore", file("first.db"), "--force"]);
  assert.equal(running.code, 1);
  assert.match(running.stderr, /briefd\.db\.lock is held by process \d+/);
  await world.stop();
  const there = await world.cli(["restore", file("first.db")]);
  assert.equal(there.code, 1);
  assert.match(there.stderr, /--force/);
  const missing = await world.cli(["restore", file("missing.db"), "--force"]);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /no database .*missing\.db/);
  const itself = await world.cli(["restore", file("briefd.db"), "--force"]);
  assert.notEqual(itself.code, 0);
  copyFileSync(file("first.db"), file("newer.db"));
  change(file("newer.db"), "PRAGMA user_version = 9999");
  const newer = await world.cli(["restore", file("newer.db"), "--force"]);
  assert.equal(newer.code, 1);
  assert.match(newer.stderr, /version 9999/);
  const otherKey = await world.cli(["restore", file("first.db"), "--force"],
    { env: { BRIEFD_SEAL_KEY: Buffer.alloc(32, 7).toString("base64") } });
  assert.equal(otherKey.code, 78, otherKey.stderr);
  assert.match(otherKey.stderr, /seal/);
  assert.ok(!readdirSync(world.folder).some((name) => name.includes("restoring")));
  await world.start();
});

test("what was under way in a restored copy ends as restored, and nothing is posted again", async () => {
  const sending = await world.connected("sending");
  const thinking = await world.connected("thinking");
  const blocked = world.user("blocked");
  await slow(sending, 4000);
  const ids = [(await world.accepted(sending)).id, (await world.accepted(blocked)).id];
  await world.until(ids[0], (run) => run.status === "delivering");
  await world.until(ids[1], (run) => run.status === "blocked");
  await world.latency({ model_ms: 1500 });
  ids.push((await world.accepted(thinking)).id);
  await world.until(ids[2], (run) => run.status === "running");
  assert.equal((await world.cli(["backup", file("live.db")])).code, 0);
  assert.equal((await world.untilEnd(ids[0])).status, "succeeded");
  assert.equal((await world.untilEnd(ids[2])).status, "succeeded");
  await world.latency({ model_ms: 0 });
  await world.stop();

  const { code, stderr } = await world.cli(["restore", file("live.db"), "--force"]);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /under way in it: 3;/);
  assert.ok(existsSync(file("live.db")), "the backup is still there");
  assert.deepEqual(ask(file("briefd.db"), "SELECT actor, json_extract(data, '$.ended_runs') FROM audit"
    + " WHERE action = 'database_restored'"), [["command", 3]]);
  await world.start();
  for (const id of ids) {
    const run = await world.document(id);
    assert.deepEqual([run.status, run.error.code, run.needs_attention], ["failed", "restored", true]);
    const { body } = await world.request("GET", `/briefings/${id}/events`);
    assert.equal(body.data.at(-1).type, "restored");
    assert.deepEqual(body.data.map(({ n }) => n), body.data.map((_, i) => i + 1));
  }
  assert.equal((await world.document(ids[0])).delivery.state, "unknown");
  // The service serves, and what it does next is something new.
  const fresh = await world.connected("fresh");
  assert.equal((await world.briefToEnd(fresh)).status, "succeeded");
  assert.equal((await world.posts(sending)).length, 1);
  assert.equal((await world.posts(thinking)).length, 1);
  assert.equal((await world.posts(blocked)).length, 0);

  const settled = await settle(ids[1], { outcome: "not_delivered" });
  assert.equal(settled.status, 200, settled.text);
  assert.equal(settled.body.delivery.state, "settled_not_delivered");
});

test("a copy that root restores belongs to whom the database belonged to, or its folder", async () => {
  const owner = process.getuid() === 0 ? 65534 : process.getuid(); // as the package's service is somebody else
  const folder = join(world.folder, "owned");
  mkdirSync(folder);
  copyFileSync(file("briefd.db.key"), join(folder, "briefd.db.key"));
  chownSync(folder, owner, process.getgid());
  const restore = async (...more) => {
    const { code, stderr } = await world.cli(["restore", file("first.db"), "--db", join(folder, "briefd.db"), ...more]);
    assert.equal(code, 0, stderr);
    assert.equal(statSync(join(folder, "briefd.db")).uid, owner);
  };
  await restore();
  chownSync(folder, process.getuid(), process.getgid());
  await restore("--force");
});

test("a copy is restored where there is no database yet, with the key given", async () => {
  const key = readFileSync(file("briefd.db.key"), "utf8").trim();
  const env = { BRIEFD_SEAL_KEY: key };
  const { code, stderr } = await world.cli(["restore", file("live.db"), "--db", file("new.db")], { env });
  assert.equal(code, 0, stderr);
  assert.deepEqual(ask(file("new.db"), "SELECT count(*) FROM runs WHERE finished_ms = 0"), [[0]]);
  assert.equal((await world.cli(["migrate", "--db", file("new.db")], { env })).code, 0);
});

test("a person finds the message: the delivery is settled, the briefing stays failed", async () => {
  const run = await unknownDelivery();
  const [{ ts }] = await world.posts(run.user_id);
  const answer = await settle(run.id, { outcome: "delivered", ts });
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual([answer.body.status, answer.body.error.code, answer.body.needs_attention,
    answer.body.delivery.state, answer.body.delivery.ts],
  ["failed", "delivery_unknown", false, "settled_delivered", ts]);
  assert.deepEqual(await world.document(run.id), answer.body);
  const { body } = await world.request("GET", `/briefings/${run.id}/events`);
  assert.equal(body.data.at(-1).type, "delivery_settled");
  assert.equal(body.data.at(-1).n, answer.body.progress.last_event);
  assert.deepEqual(ask(world.env.BRIEFD_DB, `SELECT actor, action FROM audit WHERE subject = '${run.id}'`),
    [["an-operator", "delivery_settled"]]);

  const again = await settle(run.id, { outcome: "delivered", ts });
  assert.deepEqual([again.status, again.body], [200, answer.body]);
  const otherwise = await settle(run.id, { outcome: "not_delivered" });
  assert.deepEqual([otherwise.status, otherwise.body.code], [409, "not_settleable"]);
  assert.equal((await world.posts(run.user_id)).length, 1);
});

test("settling needs the scope admin, and a verdict that makes sense", async () => {
  const run = await unknownDelivery();
  assert.deepEqual([(await settle(run.id, { outcome: "delivered" }, world.key)).body.code,
    (await settle(run.id, { outcome: "delivered" }, null)).body.code], ["insufficient_scope", "unauthenticated"]);
  for (const body of [{}, { outcome: "perhaps" }, { outcome: 1 }, { outcome: "delivered", ts: "" },
    { outcome: "delivered", ts: "a b" }, { outcome: "not_delivered", ts: "1.2" },
    { outcome: "delivered", note: "x" }]) {
    const answer = await settle(run.id, body);
    assert.deepEqual([answer.status, answer.body.code], [400, "invalid_request"], JSON.stringify(body));
  }
  assert.equal((await settle("br_01arz3ndektsv4rrffq69g5fav", { outcome: "delivered" })).status, 404);
  assert.equal((await world.document(run.id)).needs_attention, true);
});

test("a verdict with an idempotency key is answered alike, and taken once", async () => {
  const run = await unknownDelivery();
  const headers = { "idempotency-key": `settle-${run.id}` };
  const first = await settle(run.id, { outcome: "delivered" }, admin, headers);
  const second = await settle(run.id, { outcome: "delivered" }, admin, headers);
  assert.deepEqual([first.status, second.status, second.text], [200, 200, first.text]);
  assert.equal(second.headers["idempotent-replayed"], "true");
  assert.deepEqual(ask(world.env.BRIEFD_DB, `SELECT count(*) FROM audit WHERE subject = '${run.id}'`), [[1]]);
});

test("a briefing that runs, succeeded or failed otherwise cannot be settled", async () => {
  const done = await world.briefToEnd(await world.connected());
  const { id: blocked } = await world.accepted(world.user("blocked"));
  await world.until(blocked, (run) => run.status === "blocked");
  const { body: failed } = await world.brief(world.user("fails"), { if_blocked: "fail" });
  await world.untilEnd(failed.id);
  for (const id of [done.id, blocked, failed.id]) {
    const answer = await settle(id, { outcome: "delivered" });
    assert.deepEqual([answer.status, answer.body.code], [409, "not_settleable"], answer.text);
  }
  assert.equal((await world.document(done.id)).delivery.state, "confirmed");
});
