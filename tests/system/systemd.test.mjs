// What a service manager is told, and what the units say.

import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { withoutFaultPoints } from "../crash/fault_points.mjs";
import { BINARY, eventually, ROOT, startWorld } from "./harness.mjs";

let world;
before(async () => { world = await startWorld({ briefd: false }); });
after(() => world?.close());

/** The other end of NOTIFY_SOCKET; told() gives what has come so far. */
async function manager(t, name = join(world.folder, `notify-${process.hrtime.bigint()}`)) {
  const child = spawn("python3", [join(ROOT, "tests/system/notify_socket.py"), name], { stdio: ["pipe", "pipe", "inherit"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (more) => { text += more; });
  t.after(() => child.stdin.end());
  const told = () => text.split("\n").slice(0, -1).map((line) => JSON.parse(line));
  await eventually(() => told().length > 0, "the socket is there");
  return { name, told: () => told().slice(1),
    until: (test, what) => eventually(() => told().slice(1).find(test), what) };
}

test("ready, reloading, ready again, stopping", async (t) => {
  const { name, told, until } = await manager(t);
  await world.start({ NOTIFY_SOCKET: name });
  await until((message) => message.READY === "1", "READY");
  assert.match(told()[0].STATUS, /^0 briefings running, 0 waiting$/);
  world.signal("SIGHUP");
  const reloading = await until((message) => message.RELOADING === "1", "RELOADING");
  assert.match(reloading.MONOTONIC_USEC, /^\d+$/);
  await eventually(() => told().filter((message) => message.READY === "1").length === 2, "READY again");
  assert.ok(!told().some((message) => message.WATCHDOG), "nobody asked for signs of life");
  await world.stop();
  assert.equal(told().at(-1).STOPPING, "1");
});

test("stopping is said at once, while a briefing in flight and a long-poll still get their answers", async (t) => {
  const { name, until } = await manager(t);
  await world.start({ NOTIFY_SOCKET: name });
  await world.fault({ endpoint: "anthropic.messages", count: 1, action: { type: "delay", ms: 1500 } });
  const user = await world.connected();
  const from = (await world.stats()).last;
  const { id } = await world.accepted(user);
  await eventually(async () => (await world.log("anthropic.messages", from)).length > 0, "Claude is asked");
  const { headers } = await world.request("GET", `/briefings/${id}`);
  const parked = world.request("GET", `/briefings/${id}?wait=60`, { headers: { "if-none-match": headers.etag } });
  world.signal("SIGTERM");
  const stopping = await until((message) => message.STOPPING === "1", "STOPPING");
  assert.match(stopping.STATUS, /1 briefings running/);
  assert.ok([200, 304].includes((await parked).status));
  assert.equal((await world.ended()).code, 0);
  await world.start();
  assert.equal((await world.untilEnd(id)).status, "succeeded");
  await world.stop();
});

test("signs of life come by themselves, to an abstract socket as well, and not for another process", async (t) => {
  const { name, told } = await manager(t, `@briefd-test-${process.pid}`);
  await world.start({ NOTIFY_SOCKET: name, WATCHDOG_USEC: "600000" });
  await eventually(() => told().filter((message) => message.WATCHDOG === "1").length >= 3, "WATCHDOG");
  await world.stop();
  const other = await manager(t);
  await world.start({ NOTIFY_SOCKET: other.name, WATCHDOG_USEC: "600000", WATCHDOG_PID: "1" });
  await world.briefToEnd(await world.connected(), { mode: "preview" });
  assert.ok(!other.told().some((message) => message.WATCHDOG));
  await world.stop();
});

test("no sign of life comes from a service whose scheduler stands still", { skip: withoutFaultPoints }, async (t) => {
  const { name, told } = await manager(t);
  const signs = () => told().filter((message) => message.WATCHDOG === "1").length;
  const faults = join(world.folder, "faults");
  await writeFile(faults, "scheduler_hangs");
  await world.start({ NOTIFY_SOCKET: name, WATCHDOG_USEC: "600000", BRIEFD_FAULT_FILE: faults });
  await eventually(() => world.logs().filter((line) => line.event === "scheduler_stands_still").length >= 5, "it is noticed");
  const before = signs();
  assert.ok(before <= 2, `${before} signs, of which two fit into the time allowed since the scheduler was seen last`);
  await rm(faults);
  await eventually(() => signs() > before, "signs of life again");
  await world.briefToEnd(await world.connected(), { mode: "preview" });
  await world.stop();
});

test("a manager that is gone, or a socket that is none, is no matter", async () => {
  for (const name of ["/nowhere/notify", "relative", "@"]) {
    await world.start({ NOTIFY_SOCKET: name });
    await world.stop();
  }
});

// ---- the units ----

const units = join(ROOT, "config/systemd");
let folder; // the units with programs that exist on this machine
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "briefd-units-"));
  for (const name of await readdir(units)) {
    const text = await readFile(join(units, name), "utf8");
    await writeFile(join(folder, name), text.replaceAll("/usr/bin/briefd", BINARY));
  }
});
after(() => rm(folder, { recursive: true, force: true }));

test("systemd reads the units without a complaint", () => {
  const names = ["briefd.service", "briefd-briefing@u_7f.service", "briefd-briefing@u_7f.timer"];
  const { status, stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", ...names.map((name) => join(folder, name))],
    { encoding: "utf8", env: { ...process.env, SYSTEMD_UNIT_PATH: `${folder}:` } });
  const own = stderr.split("\n").filter((line) => line.includes("briefd"));
  assert.deepEqual([status, own], [0, []]);
});

test("systemd rates what the services are locked into as OK or better", () => {
  for (const name of ["briefd.service", "briefd-briefing@.service"]) {
    const output = execFileSync("systemd-analyze",
      ["security", "--offline=true", "--no-pager", join(folder, name)], { encoding: "utf8" });
    const [, exposure] = /Overall exposure level for .*: ([\d.]+) /.exec(output);
    assert.ok(Number(exposure) <= 4, `${name}: ${exposure}`); // 4 and less is OK
  }
});

test("the timer comes on weekday mornings, by what its file says", async () => {
  const text = await readFile(join(units, "briefd-briefing@.timer"), "utf8");
  const [, when] = /^OnCalendar=(.*)$/m.exec(text);
  const next = execFileSync("systemd-analyze", ["calendar", "--iterations=5", when], { encoding: "utf8" });
  const days = [...next.matchAll(/(?:Next elapse|Iter\. #\d|\(in UTC\)): (\w{3}) .* 07:00:00/g)].map((match) => match[1]);
  assert.ok(days.length >= 5 && !days.includes("Sat") && !days.includes("Sun"), next);
  assert.ok(!/^Unit=/m.test(text), "it calls the service of its own name");
});
