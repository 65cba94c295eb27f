// One process serves a database file, and only one that it can use.

import assert from "node:assert/strict";
import { copyFile, mkdir, open, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";
import { BINARY, startWorld } from "./harness.mjs";

const NAME = basename(BINARY).slice(0, 15);

let world, user, done;
before(async () => {
  world = await startWorld();
  user = await world.connected();
  done = await world.briefToEnd(user); // so that there are sealed rows
});
after(() => world?.close());

/** A folder with a copy of the database, as the stopped service left it. */
async function copied(name) {
  const folder = join(world.folder, name);
  await mkdir(folder);
  for (const file of ["briefd.db", "briefd.db.key"]) await copyFile(join(world.folder, file), join(folder, file));
  return { folder, db: join(folder, "briefd.db") };
}

test("a second service on the same database is refused, naming the file and the process", async () => {
  const { code, stderr } = await world.cli(["serve"]);
  assert.equal(code, 1);
  assert.ok(stderr.includes(`${world.folder}/briefd.db.lock is held by process ${world.pid} (${NAME})`), stderr);
  assert.equal((await world.request("GET", "/readyz")).status, 200);
});

test("a second service with the very same settings is told of the database, not of the port", async () => {
  const { host } = new URL(world.url);
  const { code, stderr } = await world.cli(["serve"], { env: { BRIEFD_LISTEN: host } });
  assert.equal(code, 1);
  assert.ok(stderr.includes(`briefd.db.lock is held by process ${world.pid} (${NAME})`), stderr);
});

test("neither is one that comes to the database by a symbolic link", async () => {
  const link = join(world.folder, "by-another-name.db");
  await symlink("briefd.db", link);
  await copyFile(join(world.folder, "briefd.db.key"), `${link}.key`);
  const { code, stderr } = await world.cli(["serve"], { env: { BRIEFD_DB: link } });
  assert.equal(code, 1);
  assert.ok(stderr.includes(`briefd.db.lock is held by process ${world.pid} (${NAME})`), stderr);
});

test("a migration beside a running service is refused, naming the process", async () => {
  const { code, stderr } = await world.cli(["migrate"]);
  assert.equal(code, 1);
  assert.ok(stderr.includes(`process ${world.pid}`), stderr);
});

test("briefd run beside a running service is refused with the request to send instead", async () => {
  const { host } = new URL(world.url);
  const args = ["run", "--user", "it's me", "--preview", "--timezone", "Europe/Oslo", "--idempotency-key", "daily 1",
    "--params", "{\"slack_channel\":\"C0NEWSROOM1\"}"];
  const { code, stdout, stderr } = await world.cli(args, { env: { BRIEFD_LISTEN: host } });
  assert.equal(code, 1);
  assert.equal(stdout, "");
  assert.ok(stderr.includes(`briefd.db.lock is held by process ${world.pid} (${NAME})`), stderr);
  // The shell makes of it what is said there.
  const command = stderr.slice(stderr.indexOf("curl"));
  const { execFileSync } = await import("node:child_process");
  const words = execFileSync("sh", ["-c", command.replace(/^curl/, "printf '%s\\n'")], { encoding: "utf8" }).split("\n");
  assert.ok(words.includes(`${world.url}/briefings`), words.join("|"));
  assert.ok(words.includes("Idempotency-Key: daily 1"), words.join("|"));
  const body = JSON.parse(words.find((word) => word.startsWith("{")));
  assert.deepEqual(body, { user_id: "it's me", mode: "preview", timezone: "Europe/Oslo",
    params: { slack_channel: "C0NEWSROOM1" } });
  assert.equal((await world.request("POST", "/briefings", { body })).status, 202);
});

test("the keys command works beside a running service", async () => {
  const { code, stdout } = await world.cli(["keys", "list"]);
  assert.equal(code, 0);
  assert.match(stdout, /system-tests/);
});

test("a taken port is named", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = `127.0.0.1:${server.address().port}`;
  const { code, stderr } = await world.cli(["serve"], { env: { BRIEFD_LISTEN: address, BRIEFD_DB: "other.db" } });
  server.close();
  assert.equal(code, 1);
  assert.ok(stderr.includes(address), stderr);
});

test("an address that is not this machine's is named", async () => {
  const { code, stderr } = await world.cli(["serve"], { env: { BRIEFD_LISTEN: "192.0.2.1:8080", BRIEFD_DB: "other.db",
    BRIEFD_PUBLIC_URL: "https://briefd.example" } });
  assert.notEqual(code, 0);
  assert.ok(stderr.includes("192.0.2.1"), stderr);
});

test("a folder in which nothing can be written is named", async () => {
  // Not even root can make a file there.
  const { code, stderr } = await world.cli(["serve"], { env: { BRIEFD_DB: "/proc/self/briefd.db" } });
  assert.notEqual(code, 0);
  assert.ok(stderr.includes("/proc/self/briefd.db"), stderr);
});

test("the database and its key are for their owner alone", async () => {
  for (const name of ["briefd.db", "briefd.db.key", "briefd.db.lock"])
    assert.equal((await stat(join(world.folder, name))).mode & 0o777, 0o600, name);
});

test("a database of a newer version is refused", async () => {
  await world.stop();
  const { folder, db } = await copied("newer");
  const file = await open(db, "r+");
  await file.write(Buffer.from([0, 0, 0, 99]), 0, 4, 60); // SQLite's user_version
  await file.close();
  const before = await readFile(db);
  for (const args of [["serve"], ["migrate"], ["keys", "list"], ["run", "--user", user]]) {
    const { code, stderr } = await world.cli(args, { cwd: folder, env: { BRIEFD_DB: db } });
    assert.notEqual(code, 0, args.join(" "));
    assert.match(stderr, /briefd\.db has version 99.*newer/);
  }
  assert.ok((await readFile(db)).equals(before), "it was written to");
});

test("a file that is no database, or another program's, is refused and left alone", async () => {
  const text = join(world.folder, "text.db");
  await writeFile(text, "This is a letter, and no database at all.\n".repeat(100));
  const { code, stderr } = await world.cli(["serve"], { env: { BRIEFD_DB: text } });
  assert.notEqual(code, 0);
  assert.ok(stderr.includes(text), stderr);
  assert.match(await readFile(text, "utf8"), /^This is a letter/);
});

test("without its sealing key a database that needs it is refused, not given a new one", async () => {
  const { folder, db } = await copied("keyless");
  await rm(`${db}.key`);
  for (const env of [{}, { BRIEFD_SEAL_KEY: Buffer.alloc(32, 1).toString("base64") }]) {
    const { code, stderr } = await world.cli(["serve"], { cwd: folder, env: { BRIEFD_DB: db, ...env } });
    assert.equal(code, 78, stderr);
    assert.match(stderr, /key/);
  }
  await assert.rejects(stat(`${db}.key`));
});

test("a migration makes a database, and says when there is nothing to do", async () => {
  const db = join(world.folder, "fresh.db");
  const first = await world.cli(["migrate"], { env: { BRIEFD_DB: db } });
  assert.equal(first.code, 0, first.stderr);
  const again = await world.cli(["migrate"], { env: { BRIEFD_DB: db } });
  assert.equal(again.code, 0);
  assert.notEqual(again.stdout + again.stderr, first.stdout + first.stderr);
});

test("what was accepted is still there after all this", async () => {
  await world.start();
  const after = await world.document(done.id);
  assert.equal(after.status, "succeeded");
  assert.equal(after.delivery.text, done.delivery.text);
});
