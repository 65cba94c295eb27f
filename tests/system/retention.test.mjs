// What was kept long enough goes by itself, beside a running service; what is still needed stays.

import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ask, change } from "./database.mjs";
import { eventually, startWorld } from "./harness.mjs";

const DAY = 24 * 3600 * 1000;
const RETENTION = { BRIEFD_RETENTION_DAYS: "30", BRIEFD_AUDIT_RETENTION_DAYS: "60", BRIEFD_RETENTION_INTERVAL: "100ms" };

let world;
before(async () => { world = await startWorld(); });
after(() => world?.close());

const db = () => join(world.folder, "briefd.db");
const count = (table, where) => ask(db(), `SELECT count(*) FROM ${table} WHERE ${where}`)[0][0];
const gone = (id) => eventually(async () =>
  (await world.request("GET", `/briefings/${id}`)).status === 404, `${id} is gone`);

/**
 * Makes a run as old as that: its end, its id, which holds its time, and what belongs to it. No service may run.
 * What is sealed is sealed for its id, and cannot be read under another one.
 */
function age(id, days) {
  const old = `br_00${id.slice(5)}`;
  const then = Date.now() - days * DAY;
  change(db(), `UPDATE runs SET id = '${old}', created_ms = ${then - 1000}, delivery_sealed = NULL,
    finished_ms = CASE finished_ms WHEN 0 THEN 0 ELSE ${then} END WHERE id = '${id}'`);
  for (const table of ["steps", "events", "idempotency_keys"])
    change(db(), `UPDATE ${table} SET run_id = '${old}' WHERE run_id = '${id}'`);
  return old;
}

test("ended briefings go with all that belongs to them; young, live and waiting ones stay", async () => {
  const user = await world.connected();
  const made = {};
  for (const name of ["old", "young", "attention", "ancient"])
    made[name] = (await world.briefToEnd(user, { mode: "preview" }, undefined)).id;
  const blocked = await world.accepted(world.user("unconnected"));
  await world.until(blocked.id, (run) => run.status === "blocked");
  await world.stop();

  const old = age(made.old, 31);
  const young = age(made.young, 29);
  const attention = age(made.attention, 119); // four times as long
  const ancient = age(made.ancient, 121);
  const live = age(blocked.id, 400);
  change(db(), `UPDATE runs SET needs_attention = 1 WHERE id IN ('${attention}', '${ancient}')`);
  change(db(), `UPDATE runs SET start_by_ms = ${Date.now() + DAY} WHERE id = '${live}'`);
  assert.ok(count("steps", `run_id = '${old}'`) > 0 && count("events", `run_id = '${old}'`) > 0);
  await world.start(RETENTION);

  await gone(old);
  await gone(ancient);
  assert.equal((await world.request("GET", `/briefings/${old}/events`)).status, 404);
  for (const table of ["steps", "events", "idempotency_keys"])
    assert.equal(count(table, `run_id IN ('${old}', '${ancient}')`), 0, table);
  for (const id of [young, attention, live]) assert.equal((await world.document(id)).id, id);
  const { body } = await world.request("GET", `/briefings?user_id=${user}`);
  assert.deepEqual(body.data.map((run) => run.id).sort(), [young, attention].sort());
  await world.logged("pruned", (line) => line.briefings > 0);
});

test("what a running service has in memory goes, too", async () => {
  const user = await world.connected();
  const { id } = await world.briefToEnd(user, { mode: "preview" });
  await world.stop();
  const old = age(id, 10);
  await world.start(RETENTION);
  assert.equal((await world.document(old)).id, old); // from here on it is in memory
  change(db(), `UPDATE runs SET finished_ms = ${Date.now() - 31 * DAY} WHERE id = '${old}'`);
  await gone(old);
});

test("stored answers, the audit and users of whom nothing is left go after their own time", async () => {
  const now = Date.now();
  const answer = (key, days) => change(db(), `INSERT INTO idempotency_keys
    (seq, principal, route, key, fingerprint, created_ms, http_status, sealed) VALUES
    (${-days}, 'p', 'r', '${key}', 'f', ${now - days * DAY}, 200, x'00')`);
  await world.stop();
  answer("old", 8);
  answer("young", 6);
  change(db(), `INSERT INTO audit (seq, at_ms, actor, action) VALUES (-2, ${now - 61 * DAY}, 'a', 'old'), (-1, ${now - 59 * DAY}, 'a', 'young')`);
  change(db(), `INSERT INTO users (id, created_ms) VALUES ('forgotten', ${now - 31 * DAY}), ('new', ${now - 29 * DAY}), ('chose', ${now - 99 * DAY})`);
  change(db(), `INSERT INTO user_params VALUES ('chose', 'editorial-briefing', '{}', NULL, ${now - 99 * DAY})`);
  await world.start(RETENTION);
  await eventually(() => count("idempotency_keys", "key = 'old'") === 0, "the old answer is gone");
  await eventually(() => count("audit", "action = 'old'") === 0, "the old entry is gone");
  await eventually(() => count("users", "id = 'forgotten'") === 0, "the forgotten user is gone");
  await world.logged("pruned", (line) => line.answers === 1 && line.audit === 1);
  assert.equal(count("idempotency_keys", "key = 'young'"), 1);
  assert.equal(count("audit", "action = 'young'"), 1);
  assert.equal(count("users", "id IN ('new', 'chose')"), 2);
});

test("webhook deliveries go when they are as old as briefings may be, sent or given up", async () => {
  const now = Date.now();
  // An id begins with its time, in Crockford's base 32.
  const id = (days) => `wd_${Array.from({ length: 10 }, (_, i) =>
    "0123456789ABCDEFGHJKMNPQRSTVWXYZ"[Math.floor((now - days * DAY) / 32 ** (9 - i)) % 32]).join("")}0000000000000000`;
  const delivery = (days, state) => change(db(), `INSERT INTO webhook_deliveries VALUES ('${id(days)}', 'we_kept', 'msg_1', NULL,
    'webhook_endpoint.test', '{}', '${state}', ${now - days * DAY}, 0, 0, 1, 1, ${now - days * DAY}, 0, NULL)`);
  await world.stop();
  change(db(), `INSERT INTO webhook_endpoints VALUES ('we_kept', 'https://hooks.example/', NULL, NULL, x'00', 'disabled', 'failing',
    ${now - 99 * DAY}, ${now}, 0, 0, 0, 0)`);
  delivery(99, "delivered");
  delivery(31, "failed");
  delivery(29, "delivered");
  delivery(28, "failed");
  await world.start(RETENTION);
  await world.logged("pruned", (line) => line.webhooks === 2);
  assert.deepEqual(ask(db(), "SELECT id FROM webhook_deliveries ORDER BY id"), [[id(29)], [id(28)]]);
  assert.equal(count("webhook_endpoints", "id = 'we_kept'"), 1);
});

test("space that is not needed any more is given back", async () => {
  const user = await world.connected();
  const { id } = await world.briefToEnd(user, { mode: "preview" });
  await world.stop();
  change(db(), `INSERT INTO steps (run_id, generation, key, state, format, attempt, request_hash, begun_ms, done_ms, sealed)
    WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 160)
    SELECT '${id}', 9, 'filler/' || i, 'done', 1, 1, '', 1, 1, zeroblob(65536) FROM n`);
  const old = age(id, 31);
  await world.start();
  await world.stop(); // leaves one file
  const full = statSync(db()).size;
  assert.ok(full > 160 * 65536);
  await world.start(RETENTION);
  await gone(old);
  await world.logged("pruned", (line) => line.pages_given_back > 0);
  await world.stop();
  assert.ok(statSync(db()).size < full - 4 * 1024 * 1024, `${statSync(db()).size} of ${full}`);
  assert.deepEqual(ask(db(), "PRAGMA integrity_check"), [["ok"]]);
  await world.start();
});

test("too short a time would break what is promised for idempotency keys, and is refused", async () => {
  const { code, stderr } = await world.cli(["check-config"], { env: { BRIEFD_RETENTION_DAYS: "3" } });
  assert.equal(code, 78);
  assert.match(stderr, /BRIEFD_RETENTION_DAYS is "3".*from 7 to 36500/);
});
