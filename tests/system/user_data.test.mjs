// One user's data: told as JSON, and erased so that the files on the disk have nothing of it.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ask } from "./database.mjs";
import { eventually, startWorld } from "./harness.mjs";

let world;
before(async () => { world = await startWorld(); });
after(() => world?.close());

const file = (name) => join(world.folder, name);
const db = () => file("briefd.db");
const user = (...args) => world.cli(["user", ...args]);
const sha256 = (text) => createHash("sha256").update(text).digest("hex");

/** Texts of this user that must not be found afterwards. */
const canaries = (id) => [id, `metadata-of-${id}`, `name-of-${id}`, `trace-of-${id}`];

/** A user of whom every table has something. */
async function known(label) {
  const id = world.user(label);
  await world.connect(id, "sanity", "slack");
  const admin = await world.newKey("admin", "an-operator");
  const params = await world.request("PUT", `/users/${id}/recipes/editorial-briefing/params`,
    { key: admin, body: { params: { sanity_dataset: "production" } } });
  assert.equal(params.status, 200, params.text);
  const ticket = await world.request("POST", `/users/${id}/connect-tickets`,
    { body: { display_name: `name-of-${id}` }, headers: { "idempotency-key": `trace-of-${id}` } });
  assert.equal(ticket.status, 201, ticket.text);
  const metadata = { ticket: `metadata-of-${id}` };
  const run = await world.briefToEnd(id, { metadata });
  assert.equal(run.status, "succeeded", JSON.stringify(run));
  await world.briefToEnd(id, { mode: "preview", metadata });
  const again = await world.request("POST", `/briefings/${run.id}/cancel`, { headers: { "idempotency-key": `trace-of-${id}` } });
  assert.equal(again.status, 409);
  return { id, run };
}

test("every table that knows users lets go of them", () => {
  const tables = ask(db(), "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%user_id%'").flat();
  assert.ok(tables.length >= 6, tables.join());
  for (const table of tables) {
    const keys = ask(db(), `SELECT "from", "table", on_delete FROM pragma_foreign_key_list('${table}')`);
    assert.ok(keys.some((key) => key.join() === "user_id,users,CASCADE"), `${table}: ${JSON.stringify(keys)}`);
  }
});

test("an export has everything in readable form, in a file of its owner", async () => {
  const { id, run } = await known("exported");
  const { code, stderr, stdout } = await user("export", id, file("export.json"));
  assert.equal(code, 0, stderr);
  assert.equal(stdout, "");
  assert.equal(statSync(file("export.json")).mode & 0o777, 0o600);
  const text = readFileSync(file("export.json"), "utf8");
  for (const canary of canaries(id).slice(0, 3)) assert.ok(text.includes(canary), canary);
  const all = JSON.parse(text);
  assert.equal(all.user_id, id);
  assert.deepEqual(all.connections.map((row) => [row.connector, row.status]), [["sanity", "ACTIVE"], ["slack", "ACTIVE"]]);
  assert.equal(all.params[0].params.sanity_dataset, "production");
  assert.equal(all.connect_tickets.length, 1);
  assert.equal(all.audit[0].action, "ticket_made");
  assert.match(all.audit[0].at, /^\d{4}-.*Z$/);
  assert.equal(all.briefings.length, 2);
  const [first] = all.briefings;
  assert.equal(first.id, run.id);
  assert.equal(first.delivery_text, run.delivery.text);
  assert.deepEqual(first.metadata, { ticket: `metadata-of-${id}` });
  assert.equal(first.finished_at, run.finished_at);
  assert.equal(first.events.length, run.progress.last_event);
  assert.match(first.events[0].at, /^\d{4}-.*Z$/);
  assert.equal(first.start_by, run.start_by);
  assert.ok(first.steps.some((step) => step.key.startsWith("tool/") && step.result !== ""));

  const printed = await user("export", id);
  assert.deepEqual(JSON.parse(printed.stdout).briefings, all.briefings);
  const twice = await user("export", id, file("export.json"));
  assert.deepEqual([twice.code, readFileSync(file("export.json"), "utf8") === text], [1, true]);
  const nobody = await user("export", "nobody", file("nobody.json"));
  assert.equal(nobody.code, 1);
  assert.match(nobody.stderr, /nothing is kept about this user/);
  assert.ok(!existsSync(file("nobody.json")));
});

test("a user with a live briefing, or with tokens at ScaleKit, is not erased unasked", async () => {
  const id = await world.connect(world.user("live"), "sanity");
  const run = await world.accepted(id);
  await world.until(run.id, (document) => document.status === "blocked");
  const live = await user("erase", id, "--disconnect");
  assert.equal(live.code, 1);
  assert.match(live.stderr, /1 briefing of this user has not ended: cancel it/);
  assert.equal((await world.request("POST", `/briefings/${run.id}/cancel`)).status, 202);
  const tokens = await user("erase", id);
  assert.equal(tokens.code, 1);
  assert.match(tokens.stderr, /ScaleKit keeps tokens of this user \(sanity\)/);
  await world.fault({ endpoint: "scalekit.accounts.delete", count: -1, action: { type: "status", status: 503 } });
  const outage = await user("erase", id, "--disconnect");
  assert.equal(outage.code, 1);
  assert.match(outage.stderr, /account on sanity could not be removed/);
  await world.clearFaults();
  assert.equal((await world.document(run.id)).id, run.id);
  assert.equal((await user("erase", id, "--keep-accounts")).code, 0);
});

test("after an erasure neither the files nor the service have anything of the user", async () => {
  const other = await known("other");
  const { id, run } = await known("erased");
  // Rows of both, in turns, so that pages are shared, split and merged.
  for (let i = 0; i < 12; i++) {
    for (const name of [other.id, id])
      await world.briefToEnd(name, { mode: "preview", metadata: { ticket: `metadata-of-${name}`, filler: "x".repeat(300 * i) } });
  }
  const inFiles = (canary) => ["briefd.db", "briefd.db-wal"].filter((name) =>
    existsSync(file(name)) && readFileSync(file(name)).includes(canary));
  for (const canary of canaries(id)) assert.notDeepEqual(inFiles(canary), [], `${canary} is there before`);

  const { code, stderr } = await user("erase", id, "--disconnect");
  assert.equal(code, 0, stderr);
  assert.match(stderr, /is erased, with 14 briefings\. Backups made before/);
  for (const canary of canaries(id)) assert.deepEqual(inFiles(canary), [], canary);
  await eventually(async () => (await world.request("GET", `/briefings/${run.id}`)).status === 404, "the service has forgotten it");
  assert.equal((await world.request("GET", `/briefings/${run.id}/events`)).status, 404);
  assert.deepEqual((await world.request("GET", `/briefings?user_id=${id}`)).body.data, []);
  assert.equal((await user("export", id)).code, 1);
  assert.equal((await world.cli(["backup", file("after.db")])).code, 0);
  for (const canary of canaries(id)) assert.ok(!readFileSync(file("after.db")).includes(canary), canary);

  assert.deepEqual(ask(db(), "SELECT subject, data FROM audit WHERE action = 'user_erased' ORDER BY seq DESC LIMIT 1"),
    [[`sha256:${sha256(id)}`, '{"briefings":14}']]);
  const deleted = (await world.log("scalekit.accounts.delete")).filter((entry) => entry.identifier === id);
  assert.ok(deleted.length >= 2, "the accounts are gone at ScaleKit");
  assert.equal((await world.document(other.run.id)).id, other.run.id);
  assert.equal(JSON.parse((await user("export", other.id)).stdout).briefings.length, 14);
  assert.deepEqual(ask(db(), "PRAGMA integrity_check"), [["ok"]]);

  const again = await user("erase", id);
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stderr, /Nothing is kept about/);
  const back = await world.connect(id, "sanity", "slack");
  assert.equal((await world.briefToEnd(back)).status, "succeeded", "who comes back is a new user");
});

test("the command line is checked", async () => {
  for (const args of [[], ["erase"], ["export"], ["rename", "u"], ["erase", "u", "file"], ["export", "u", "f", "g"],
    ["export", "u", "--disconnect"], ["erase", "u", "--disconnect", "--keep-accounts"], ["erase", "x".repeat(101)]])
    assert.equal((await user(...args)).code, 64, args.join(" "));
});
