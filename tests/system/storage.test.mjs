// A full disk, a database that may only be read, one that is locked, and a damaged one: refused or degraded
// with a clear message, nothing accepted that cannot be kept, and at work again when it is possible.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, copyFileSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeFileSync,
  writeSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { UNHURRIED, eventually, startWorld } from "./harness.mjs";
import { withoutFaultPoints } from "../crash/fault_points.mjs";
import { cannotMount, mountSmall, readOnly, unmount } from "./mounts.mjs";

let world, disk, database;
before(async () => {
  world = await startWorld({ briefd: false, env: UNHURRIED });
  disk = join(world.folder, "disk");
  if (cannotMount) mkdirSync(disk);
  else mountSmall(disk, 8 << 20);
  database = join(disk, "briefd.db");
  world.env.BRIEFD_DB = database;
  await world.start();
});
after(async () => {
  await world?.stop().catch(() => {});
  unmount(disk);
  await world?.close();
});

/** Takes every free byte of the disk. */
function fill() {
  const file = openSync(join(disk, "filler"), "a");
  for (let size = 1 << 20; size > 0; size >>= 1) {
    try {
      for (;;) if (writeSync(file, Buffer.alloc(size)) < size) break;
    } catch (error) {
      assert.equal(error.code, "ENOSPC");
    }
  }
  closeSync(file);
}
const empty = () => rmSync(join(disk, "filler"));
const ready = () => world.request("GET", "/readyz", { key: null });
const isReady = (status) => eventually(async () => (await ready()).status === status, `readyz ${status}`);

/** Asks for briefings until one is refused; the refusal, and the ids of those that were accepted. */
async function acceptUntilRefused() {
  const ids = [];
  for (;;) {
    const user = world.user("full");
    const answer = await world.brief(user, {}, { "idempotency-key": user });
    if (answer.status !== 202) return { refused: answer, ids, user };
    ids.push(answer.body.id);
    assert.ok(ids.length < 2000, "the disk never fills");
  }
}

function assertUnavailable(answer) {
  assert.deepEqual([answer.status, answer.body.code, answer.body.retryable], [503, "storage_unavailable", true],
    answer.text);
  assert.match(answer.headers["retry-after"], /^[1-9]\d*$/);
  assert.doesNotMatch(answer.text, /\.db|SQLite/);
}

test("with a full disk nothing is accepted that cannot be kept, and reading goes on", { skip: cannotMount }, async () => {
  fill();
  const { refused, ids, user } = await acceptUntilRefused();
  assertUnavailable(refused);
  await isReady(503);
  assert.equal((await ready()).body.storage_writable, false);
  assert.equal((await world.request("GET", "/healthz", { key: null })).status, 200);
  for (const id of ids) assert.equal((await world.document(id)).id, id);
  const story = await world.logged("request_failed");
  assert.match(story.detail, /disk is full/);

  empty();
  await isReady(200);
  const again = await world.brief(user, {}, { "idempotency-key": user });
  assert.equal(again.status, 202, again.text);
  const { body } = await world.request("GET", "/briefings?limit=100");
  assert.deepEqual(body.data.map(({ id }) => id).sort(), [...ids, again.body.id].sort().slice(-100));
});

// A result comes while the disk is full: where the request is held, what is in flight, how the message is known.
const MODEL = (skip) => ({ endpoint: "anthropic.messages", skip });
const TOOL = (tool) => ({ endpoint: "scalekit.execute_tool", match: { tool } });
for (const [what, where] of [["the first reply of the model", MODEL(0)], ["the last reply of the model", MODEL(2)],
  ["the result of a tool", TOOL("sanitymcp_list_releases")], ["the answer to the message", TOOL("slack_send_message")]]) {
  test(`${what} that comes while the disk is full is kept, and paid for once`, { skip: cannotMount }, async () => {
    const user = await world.connected();
    const { last } = await world.stats();
    const before = (await world.stats()).effects;
    const held = await world.hold({ ...where, action: { when: "after" } });
    const { id } = await world.accepted(user);
    await held.reached();
    fill();
    await held.release();
    await world.logged("result_waits", (line) => line.run === id && /disk is full/.test(line.detail));
    await isReady(503);
    empty();
    const run = await world.untilEnd(id);
    await isReady(200);
    assert.deepEqual([run.status, run.delivery.state, run.attempt], ["succeeded", "confirmed", 1], JSON.stringify(run));
    const after = (await world.stats()).effects;
    assert.equal(after.model_calls - before.model_calls, 3, "each reply was paid for once");
    assert.equal((await world.log("scalekit.execute_tool", last)).filter(({ tool }) => !/auth_test|whoami/.test(tool)).length, 6);
    assert.equal((await world.posts(user)).length, 1);
  });
}

test("a briefing whose next step meets a full disk waits, and goes on when there is room", { skip: cannotMount }, async () => {
  const user = await world.connected();
  const { id: blocked } = await world.accepted(world.user());
  await world.until(blocked, (run) => run.status === "blocked");
  // While it asks once more who is connected; the next thing to be written is the intent.
  const held = await world.hold({ ...TOOL("slack_auth_test"), skip: 1 });
  const { id } = await world.accepted(user);
  await held.reached();
  fill();
  await held.release();
  await world.logged("end_waits", (line) => line.run === id);
  assert.deepEqual(await world.posts(user), [], "nothing is sent that was not written down before");
  assertUnavailable(await world.request("POST", `/briefings/${blocked}/cancel`));
  empty();
  const run = await world.untilEnd(id);
  assert.deepEqual([run.status, run.delivery.state], ["succeeded", "confirmed"], JSON.stringify(run));
  assert.equal((await world.posts(user)).length, 1);
  assert.equal((await world.document(blocked)).status, "blocked");
});

test("an orderly end while a result waits for room does not hang, and the next start goes on", { skip: cannotMount },
  async () => {
    await world.stop();
    await world.start({ BRIEFD_STOP_GRACE: "1s" });
    const user = await world.connected();
    const held = await world.hold(MODEL(1));
    const { id } = await world.accepted(user);
    await held.reached();
    fill();
    await held.release();
    await world.logged("result_waits", (line) => line.run === id);
    await world.stop();
    empty();
    await world.start();
    const run = await world.untilEnd(id);
    assert.equal(run.status, "succeeded", JSON.stringify(run.error));
    assert.equal((await world.posts(user)).length, 1);
  });

// Faults of the disk that come and go while the service runs: every write, or every sync, or all of it fails.
for (const [what, points] of [["may only be read", "io_write"], ["does not sync any more", "io_sync"],
  ["fails altogether", "io_read io_write io_sync"], ["is full for SQLite alone", "io_full"]]) {
  test(`a disk that ${what} while briefings are under way: nothing is accepted, and all go on afterwards`,
    { skip: withoutFaultPoints }, async () => {
      await world.stop();
      const file = join(world.folder, "faults");
      await world.start({ BRIEFD_FAULT_FILE: file });
      const users = await Promise.all(Array.from({ length: 4 }, () => world.connected()));
      const { model_calls: before } = (await world.stats()).effects;
      const held = await world.hold({ ...MODEL(1), action: { when: "after" } });
      const ids = [];
      for (const user of users) ids.push((await world.accepted(user)).id);
      await held.reached();
      writeFileSync(file, points);
      await held.release();
      await world.logged("result_waits");
      assertUnavailable(await world.brief(world.user()));
      await isReady(503);
      assert.equal((await ready()).body.storage_writable, false);
      assert.equal((await world.request("GET", "/healthz", { key: null })).status, 200);
      rmSync(file);
      await isReady(200);
      for (const [i, id] of ids.entries()) {
        const run = await world.untilEnd(id);
        assert.deepEqual([run.status, (await world.posts(users[i])).length], ["succeeded", 1], JSON.stringify(run));
      }
      assert.equal((await world.stats()).effects.model_calls - before, 3 * ids.length, "each reply was paid for once");
      assert.equal((await world.brief(world.user())).status, 202);
    });
}

test("a service that is killed while the disk is full loses nothing it accepted", { skip: cannotMount }, async () => {
  const { id } = await world.accepted(world.user("kept"));
  await world.until(id, (run) => run.status === "blocked");
  fill();
  const { ids } = await acceptUntilRefused();
  await world.kill();
  empty();
  await world.start();
  for (const kept of [id, ...ids]) assert.equal((await world.document(kept)).id, kept);
});

test("a database on a disk that may only be read is refused with the reason", { skip: cannotMount }, async () => {
  await world.stop();
  readOnly(disk);
  for (const command of ["serve", "migrate"]) {
    const { code, stderr } = await world.cli([command]);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /briefd\.db/);
    assert.match(stderr, /[Rr]ead-only|may not write/);
  }
  // A backup only reads.
  const copy = await world.cli(["backup", join(world.folder, "copy.db")]);
  if (copy.code !== 0) assert.match(copy.stderr, /[Rr]ead-only|may not write|unable to open/);
  readOnly(disk, false);
  await world.start();
  await isReady(200);
});

test("while another process holds the database, requests are refused, and served when it lets go", async (t) => {
  const holder = spawn("python3", ["-c", "import sqlite3, sys; db = sqlite3.connect(sys.argv[1], isolation_level=None);"
    + "db.execute('BEGIN IMMEDIATE'); print('held', flush=True); sys.stdin.read(); db.execute('ROLLBACK')", database],
  { stdio: ["pipe", "pipe", "inherit"] });
  await once(holder.stdout, "data");
  t.after(() => holder.kill());
  assertUnavailable(await world.brief(world.user()));
  const { status, body } = await ready();
  assert.deepEqual([status, body.storage_writable], [503, false]);
  const story = await world.logged("request_failed", (line) => /another process/.test(line.detail));
  assert.match(story.detail, /briefd\.db/);
  holder.stdin.end();
  await once(holder, "exit");
  await isReady(200);
  assert.equal((await world.brief(world.user())).status, 202);
});

test("damage that shows while the service runs is said, and nothing more is accepted", async () => {
  const { id } = await world.accepted(world.user());
  await world.until(id, (run) => run.status === "blocked");
  await world.stop(); // everything is in the one file now
  copyFileSync(database, join(world.folder, "good.db"));
  await world.start();
  const { size } = statSync(database);
  const file = openSync(database, "r+");
  writeSync(file, Buffer.alloc(size - 4096, 0xa5), 0, size - 4096, 4096);
  closeSync(file);
  let answer;
  for (let i = 0; i < 200 && answer?.status !== 503; i++) answer = await world.brief(world.user());
  assertUnavailable(answer);
  await isReady(503);
  assertUnavailable(await world.brief(world.user())); // whoever met the damage, nobody writes any more
  await world.logged("request_failed", (line) => /the file is damaged|is damaged, and not written any more/.test(line.detail));
  const count = (event) => world.logs().filter((line) => line.event === event).length;
  assert.ok(count("keys_not_read") <= 1 + count("keys_read_again"), "said once a change, not at every look");
  // No briefing ends because of it: each is taken up again from a file that is whole.
  assert.deepEqual(world.logs().filter((line) => line.code === "internal_replay_mismatch"), []);
  await world.kill();
});

test("a damaged database is refused at the start, with advice, and a backup takes its place", async () => {
  const { code, stderr } = await world.cli(["serve"]);
  assert.equal(code, 1, stderr);
  assert.match(stderr, /briefd\.db.*(damaged|malformed)/);
  assert.match(stderr, /backup/);
  const backup = await world.cli(["backup", join(world.folder, "damaged.db")]);
  assert.equal(backup.code, 1);

  const restored = await world.cli(["restore", join(world.folder, "good.db"), "--force"]);
  assert.equal(restored.code, 0, restored.stderr);
  await world.start();
  await isReady(200);
  const user = await world.connected();
  assert.equal((await world.briefToEnd(user)).status, "succeeded");
});

test("a file that is shorter than it was is refused", async () => {
  await world.stop();
  const bytes = readFileSync(database);
  writeFileSync(database, bytes.subarray(0, bytes.length / 2));
  const { code, stderr } = await world.cli(["serve"]);
  assert.equal(code, 1, stderr);
  assert.match(stderr, /briefd\.db.*(damaged|malformed)/);
  writeFileSync(database, bytes);
  await world.start();
});
