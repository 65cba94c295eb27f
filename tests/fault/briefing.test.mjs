// The n-th failing call, for n = 0, 1, 2 … until none is left, while `briefd run` makes a briefing: of SQLite, of its reads,
// writes and syncs, of curl, of write(2), of starting a thread. Each time: a clean end, tables that agree with each other, and the same briefing taken up
// again afterwards without the fault, with at most one post in all.
//
// Needs a build with fault points (-Dfaults=true, as `./dev build asan` makes it); there the leak checker watches too. The
// normal suite looks at a sample of the many calls of SQLite, BRIEFD_TEST_LONG=1 at every one.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { BINARY, ROOT, startWorld } from "../system/harness.mjs";

const isLong = process.env.BRIEFD_TEST_LONG === "1";
const KNOWN_ENDS = [0, 1, 2, 3, 78];
const SAMPLE = 15;
const IO_SAMPLE = 4;
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

function brokenInvariants(database) {
  const checked = spawnSync("python3", [join(ROOT, "tests/fault/invariants.py"), database], { encoding: "utf8" });
  return checked.status === 0 ? "" : checked.stdout + checked.stderr;
}

/** One briefing with the n-th call failing, and once more without. How often the point was passed. */
async function failOnce(point, n) {
  const name = `${point}_${n}`;
  const user = await world.connected(name);
  const database = join(world.folder, `${name}.db`);
  const args = ["run", "--user", user, "--idempotency-key", name];
  const faulty = await world.cli(args, { env: { BRIEFD_DB: database, BRIEFD_FAULT: `${point}:${n}` } });
  const story = `${faulty.stdout}\n${faulty.stderr}`;
  assert.equal(faulty.signal, null, `${name} died:\n${story}`);
  assert.ok(KNOWN_ENDS.includes(faulty.code), `${name} ended with ${faulty.code}:\n${story}`);
  assert.doesNotMatch(story, REPORT, name);
  if (existsSync(database)) assert.equal(brokenInvariants(database), "", `${name}:\n${story}`);

  const again = await world.cli(args, { env: { BRIEFD_DB: database } });
  assert.ok(KNOWN_ENDS.includes(again.code) && again.code !== 78, `${name}, again:\n${again.stdout}\n${again.stderr}`);
  assert.equal(brokenInvariants(database), "", `${name}, again`);
  const posts = await world.posts(user);
  assert.ok(posts.length <= 1, `${name}: ${posts.length} posts`);
  if (again.code === 0) assert.equal(posts.length, 1, `${name}: succeeded without a post:\n${again.stdout}`);
  return Number(/was passed (\d+) times/.exec(faulty.stderr)?.[1] ?? 0);
}

/** How often a point is passed in a briefing without a fault. */
async function passes(point) {
  const user = await world.connected(`count_${point}`);
  const run = await world.cli(["run", "--user", user], {
    env: { BRIEFD_DB: join(world.folder, `count_${point}.db`), BRIEFD_FAULT: `${point}:1000000` },
  });
  assert.equal(run.code, 0, run.stderr);
  return Number(/was passed (\d+) times/.exec(run.stderr)[1]);
}

async function sweep(point, sample) {
  const total = await passes(point);
  assert.ok(total > 0, `the point ${point} is never passed`);
  const step = sample && !isLong ? Math.max(1, Math.floor(total / sample)) : 1;
  for (let n = 0; n < total; n += step) await failOnce(point, n);
}

test("a failing call of curl leaves a clean end and one post at most", { skip }, () => sweep("curl"));
test("a thread that cannot be started leaves a clean end and one post at most", { skip }, () => sweep("thread"));
test("a failing write leaves a clean end and one post at most", { skip }, () => sweep("write"));
test("a failing call of SQLite leaves a clean end and one post at most", { skip }, () => sweep("sqlite", SAMPLE));

for (const [point, what] of [
  ["io_read", "a failing read of the database"],
  ["io_write", "a failing write of the database"],
  ["io_short", "a write of the database that stops half-way"],
  ["io_full", "a disk without room for the database"],
  ["io_sync", "a failing sync of the database"],
]) {
  test(`${what} leaves a clean end and one post at most`, { skip }, () => sweep(point, IO_SAMPLE));
}
