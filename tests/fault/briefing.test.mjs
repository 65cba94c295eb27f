// The n-th failing call, for n = 0, 1, 2 … until none is left, while `briefd run` makes a briefing: of SQLite, of its
// reads, writes and syncs, of curl, of write(2), of starting a thread. Each time: a clean end, tables that agree with
// each other (invariants.py), and the same briefing taken up again afterwards without the fault, with at most one post
// in all. A statement that was left open ends the process, by an assertion of db_close().
//
// Needs a build with fault points (-Dfaults=true, as `./dev build asan` makes it); there the leak checker watches too. The
// normal suite looks at a sample of the many calls of SQLite, BRIEFD_TEST_LONG=1 (./dev test --all) at every one, and at
// more of those below it.
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { BINARY, ROOT, startWorld } from "../system/harness.mjs";

const isLong = process.env.BRIEFD_TEST_LONG === "1";
const KNOWN_ENDS = [0, 1, 2, 3, 78];
const EVERY = Infinity;
const SAMPLE = isLong ? EVERY : 15;
const TOLD_SAMPLE = isLong ? 60 : 8;
const IO_SAMPLE = isLong ? 40 : 4;
const CALLS_MAX = 5000; // a sweep that does not end is a failure, too
const AT_ONCE = 3;
const REPORT = /AddressSanitizer|LeakSanitizer|runtime error:|Assertion/;

// A build without fault points does not know the variable and says so.
const hasFaultPoints = !spawnSync(BINARY, ["check-config"], {
  env: { ...process.env, BRIEFD_FAULT: "none:0" }, encoding: "utf8",
}).stderr.includes("BRIEFD_FAULT");
const skip = hasFaultPoints ? false : "this build has no fault points (-Dfaults=true)";

let world;
before(async () => {
  if (!skip) world = await startWorld({ briefd: false });
});
after(() => world?.close());

const INVARIANTS = join(ROOT, "tests/fault/invariants.py");

/** What does not hold in a database, as text. */
const brokenInvariants = (database) => new Promise((resolve) => {
  execFile("python3", [INVARIANTS, database], (error, stdout, stderr) => resolve(error ? stdout + stderr : ""));
});

/** What was said about how often the armed point was passed: every end of the process says so. */
function passed({ stderr }, name) {
  const times = /fault point \S+ was passed (\d+) times/.exec(stderr)?.[1];
  assert.ok(times, `${name} does not say how often it was passed:\n${stderr}`);
  return Number(times);
}

/** A database with an endpoint that wants to be told of everything. */
async function withEndpoint(database) {
  const made = await world.cli(["migrate"], { env: { BRIEFD_DB: database } });
  assert.equal(made.code, 0, made.stderr);
  const added = spawnSync("python3", ["-c", `import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as db:
    db.execute("""INSERT INTO webhook_endpoints VALUES ('we_01arz3ndektsv4rrffq69g5fav', 'https://hooks.example/x', NULL,
        NULL, x'00', 'enabled', NULL, 1, 1, 0, 0, 0, 0)""")`, database], { encoding: "utf8" });
  assert.equal(added.status, 0, added.stderr);
}

/** One briefing with the n-th call failing, and once more without. How often the point was passed. */
async function failOnce(point, n, prepare) {
  const name = `${point}_${n}${prepare ? "_told" : ""}`;
  const user = await world.connected(name);
  const database = join(world.folder, `${name}.db`);
  await prepare?.(database);
  const args = ["run", "--user", user, "--idempotency-key", name];
  const faulty = await world.cli(args, { env: { BRIEFD_DB: database, BRIEFD_FAULT: `${point}:${n}` } });
  const story = `${faulty.stdout}\n${faulty.stderr}`;
  assert.equal(faulty.signal, null, `${name} died:\n${story}`);
  assert.ok(KNOWN_ENDS.includes(faulty.code), `${name} ended with ${faulty.code}:\n${story}`);
  assert.doesNotMatch(story, REPORT, name);
  if (existsSync(database)) assert.equal(await brokenInvariants(database), "", `${name}:\n${story}`);

  const again = await world.cli(args, { env: { BRIEFD_DB: database } });
  assert.ok(KNOWN_ENDS.includes(again.code) && again.code !== 78, `${name}, again:\n${again.stdout}\n${again.stderr}`);
  assert.equal(await brokenInvariants(database), "", `${name}, again`);
  const posts = await world.posts(user);
  assert.ok(posts.length <= 1, `${name}: ${posts.length} posts`);
  if (again.code === 0) assert.equal(posts.length, 1, `${name}: succeeded without a post:\n${again.stdout}`);
  return passed(faulty, name);
}

/** How often a point is passed in a briefing without a fault. */
async function passes(point, prepare) {
  const user = await world.connected(`count_${point}`);
  const database = join(world.folder, `count_${point}${prepare ? "_told" : ""}.db`);
  await prepare?.(database);
  const run = await world.cli(["run", "--user", user], {
    env: { BRIEFD_DB: database, BRIEFD_FAULT: `${point}:1000000` },
  });
  assert.equal(run.code, 0, run.stderr);
  return passed(run, point);
}

/** Until a briefing passes the point less often than it would take to fail; or about `sample` of those times. */
async function sweep(point, sample = EVERY, prepare = undefined) {
  const total = await passes(point, prepare);
  assert.ok(total > 0, `the point ${point} is never passed`);
  const step = Math.max(1, Math.floor(total / sample));
  let next = 0;
  let end = CALLS_MAX;
  const lane = async () => {
    for (let n = next; n < end; n = next) {
      next += step;
      if (await failOnce(point, n, prepare) <= n) end = Math.min(end, n);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  assert.ok(end < CALLS_MAX, `the sweep of ${point} does not end`);
}

test("each invariant is noticed when it does not hold", { skip }, async () => {
  const database = join(world.folder, "invariants.db");
  await withEndpoint(database);
  const user = await world.connected("invariants");
  const run = await world.cli(["run", "--user", user, "--idempotency-key", "k"], { env: { BRIEFD_DB: database } });
  assert.equal(run.code, 0, run.stderr);
  assert.equal(await brokenInvariants(database), "");
  const checked = spawnSync("python3", [INVARIANTS, "--break", database], { encoding: "utf8" });
  assert.equal(checked.status, 0, checked.stdout + checked.stderr);
});

test("a failing call of curl leaves a clean end and one post at most", { skip }, () => sweep("curl"));
test("a thread that cannot be started leaves a clean end and one post at most", { skip }, () => sweep("thread"));
test("a failing write leaves a clean end and one post at most", { skip }, () => sweep("write"));
test("a failing call of SQLite leaves a clean end and one post at most", { skip }, () => sweep("sqlite", SAMPLE));
test("a failing call of SQLite leaves nothing half told", { skip }, () => sweep("sqlite", TOLD_SAMPLE, withEndpoint));

for (const [point, what] of [
  ["io_read", "a failing read of the database"],
  ["io_write", "a failing write of the database"],
  ["io_short", "a write of the database that stops half-way"],
  ["io_full", "a disk without room for the database"],
  ["io_sync", "a failing sync of the database"],
]) {
  test(`${what} leaves a clean end and one post at most`, { skip }, () => sweep(point, IO_SAMPLE));
}
