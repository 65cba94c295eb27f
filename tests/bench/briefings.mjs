// N briefings at once, each for a user of its own, from POST to the post in the channel.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import { send } from "../system/client.mjs";
import { cpuOf, memoryOf, resetPeak } from "./proc.mjs";
import { percentile, say, table } from "./table.mjs";
import { forEach, Service, temporaryFolder, wait } from "./world.mjs";

const STALLED_MS = 60_000;

/** Bytes of the stored steps, for each briefing: close to what its transcript holds. */
function storedBytes(database) {
  const script = `import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
print(db.execute("SELECT avg(n) FROM (SELECT sum(length(sealed)) n FROM steps GROUP BY run_id)").fetchone()[0] or 0)`;
  return Number(execFileSync("python3", ["-c", script, database], { encoding: "utf8" }));
}

/** Waits until enough(stats), or nothing has happened for a while. */
async function until(world, n, enough) {
  let last = -1;
  let moved = Date.now();
  for (;;) {
    const stats = await world.stats();
    if (enough(stats)) return;
    if (stats.requests !== last) moved = Date.now();
    last = stats.requests;
    if (Date.now() - moved > STALLED_MS) return;
    await wait(n > 100 ? 100 : 5);
  }
}

/** Looks again and again how many threads there are, which is how many briefings run. */
function countThreads(pid) {
  const idle = memoryOf(pid).threads;
  let most = idle;
  const timer = setInterval(() => { most = Math.max(most, memoryOf(pid).threads); }, 20);
  return () => {
    clearInterval(timer);
    return most - idle;
  };
}

function startFor(world, env = {}) {
  return new Service(temporaryFolder(), { ...env, ...world.settings, BRIEFD_MAX_RUNS: "6000",
    BRIEFD_MAX_UPSTREAM_CONNECTIONS: "6000", BRIEFD_MODEL_FIRST_BYTE_TIMEOUT: "10m",
    BRIEFD_MODEL_TOTAL_TIMEOUT: "20m" }).start();
}

export async function briefingsAtOnce(world, n, latency, { profile } = {}) {
  say(`${n} briefings at once, ${latency.model} ms a reply, ${latency.tool} ms a tool`);
  const users = await world.users(n);
  await world.latency(latency.model, latency.tool);
  const service = await startFor(world);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
  const headers = { authorization: `Bearer ${await service.newKey()}` };
  const call = (method, path, more) => send(service.url, method, path, { headers, agent, ...more });
  try {
    const watch = await watchBegin(world, service, profile);
    const ids = [];
    await forEach(n, async (i) => {
      const answer = await call("POST", "/briefings", { body: { user_id: users[i], deadline_seconds: 3600 } });
      if (answer.status !== 202) throw new Error(`POST /briefings: ${answer.status} ${answer.text}`);
      ids[i] = answer.body.id;
    });
    await until(world, n, ({ posts }) => posts - watch.posts >= n);
    const documents = [];
    await forEach(n, async (i) => {
      for (;;) {
        const { body } = await call("GET", `/briefings/${ids[i]}?wait=30`);
        if (!body?.terminal) continue;
        documents[i] = body;
        return;
      }
    });
    const seen = await watchEnd(world, service, watch);
    const events = (await call("GET", `/briefings/${ids[0]}/events`)).body.data;
    await service.stop();
    return row({ n, latency, documents, events, seen, stored: storedBytes(service.env.BRIEFD_DB),
      service });
  } finally {
    agent.destroy();
    await service.stop();
  }
}

async function watchBegin(world, service, profile) {
  await resetPeak(service.pid);
  const stats = await world.stats();
  const recorder = profile && spawn("perf", ["record", "-q", "-e", "cpu-clock", "-F", "999", "-g",
    "--call-graph", "fp", "-o", profile, "-p", String(service.pid)], { stdio: "ignore" });
  return { recorder, ...stats, mostRunning: countThreads(service.pid), cpu: cpuOf(service.pid),
    otherCpu: world.cpu, ownCpu: process.cpuUsage(), time: performance.now() };
}

async function watchEnd(world, service, begin) {
  const own = process.cpuUsage(begin.ownCpu);
  const seen = { cpu: cpuOf(service.pid) - begin.cpu, ms: performance.now() - begin.time,
    otherCpu: world.cpu - begin.otherCpu, ownCpu: (own.user + own.system) / 1000,
    memory: memoryOf(service.pid), mostRunning: begin.mostRunning() };
  const stats = await world.stats();
  seen.connections = stats.connections - begin.connections;
  seen.posts = stats.posts - begin.posts;
  if (begin.recorder) {
    begin.recorder.kill("SIGINT");
    await once(begin.recorder, "exit");
  }
  return seen;
}

/** What a briefing waits for at best: its replies and its rounds of tools, one after the other. */
function idealMs(events, latency) {
  const count = (type) => events.filter((event) => event.type === type).length;
  // Calls of one turn run beside each other, and so could the probes of the preparation.
  const rounds = count("tools_called") + count("delivered") + count("prepared");
  return count("model_reply") * latency.model + rounds * latency.tool;
}

function row({ n, latency, documents, events, seen, stored, service }) {
  const time = (text) => new Date(text).getTime();
  const ideal = idealMs(events, latency);
  const succeeded = documents.filter(({ status }) => status === "succeeded");
  if (succeeded.length < n) {
    const other = documents.find(({ status }) => status !== "succeeded");
    say(`${n - succeeded.length} did not succeed, one of them: ${JSON.stringify(other)}`);
    for (const line of service.complaints()) say(line);
  }
  const over = documents.map((d) => time(d.finished_at) - time(d.created_at) - ideal);
  const spanMs = Math.max(...documents.map((d) => time(d.finished_at))) -
    Math.min(...documents.map((d) => time(d.created_at)));
  const share = (ms) => `${Math.round(100 * ms / seen.ms)}%`;
  return {
    "at once": n,
    "done": succeeded.length,
    "posts": seen.posts,
    "ideal ms": ideal,
    "over p50": percentile(over, 0.5),
    "over p99": percentile(over, 0.99),
    "a second": 1000 * n / spanMs,
    "CPU ms each": seen.cpu / n,
    "peak MiB": seen.memory.peak / 1024,
    "running": seen.mostRunning,
    "stored KiB": stored / 1024,
    "connections": seen.connections,
    "CPU: briefd": share(seen.cpu),
    "upstream": share(seen.otherCpu),
    "client": share(seen.ownCpu),
  };
}

export function showBriefings(rows, latency) {
  table(`Briefings at once: ${latency.model} ms a reply of Claude, ${latency.tool} ms a tool call`, rows, [
    "over: ms from created_at to finished_at beyond the ideal",
    "running: the most threads at one moment beyond those of an idle process; stored: a briefing's results in the database",
    "CPU: share of one core while they ran: the sum near all cores, or the upstream near 100%, was the limit",
  ]);
}

// Every thread of glibc keeps what it freed for itself, 25 KiB in the run of a briefing; the service's
// unit lets it keep small pieces only, at no cost that could be measured.
const SMALL_CACHE = "glibc.malloc.tcache_max=128";

/** What a briefing holds while it waits for the model: where it spends its time. */
export async function memoryOfWaiting(world, n, { withCache }) {
  say(`the memory of ${n} briefings that wait for the model`);
  const users = await world.users(n);
  await world.latency(600_000, 0);
  const service = await startFor(world, withCache ? {} : { GLIBC_TUNABLES: SMALL_CACHE });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
  const headers = { authorization: `Bearer ${await service.newKey()}` };
  const idle = memoryOf(service.pid);
  const { model_calls: before } = await world.stats();
  await forEach(n, (i) => send(service.url, "POST", "/briefings", { headers, agent,
    body: { user_id: users[i] } }));
  await until(world, n, ({ model_calls: asked }) => asked - before >= n);
  const full = memoryOf(service.pid);
  service.child.kill("SIGKILL");
  await service.ended;
  agent.destroy();
  return { "waiting": n, "GLIBC_TUNABLES": withCache ? null : SMALL_CACHE, "threads": full.threads,
    "idle MiB": idle.rss / 1024, "RSS MiB": full.rss / 1024, "anonymous": full.anonymous / 1024, "KiB each": (full.rss - idle.rss) / n };
}

export function showMemory(rows) {
  table("Memory of briefings that wait for the first reply of the model", rows,
    ["in each: about 20 KiB of its transcript (what was frozen, and the question as it was sent)",
      "SQLite's cache, up to 16 MiB, is shared by all"]);
}
