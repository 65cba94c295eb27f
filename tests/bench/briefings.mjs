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

/** Waits until `n` posts came, or nothing has happened for a while. */
async function untilPosted(world, n, before) {
  let last = -1;
  let moved = Date.now();
  for (;;) {
    const { posts, requests } = await world.stats();
    if (posts - before >= n) return;
    if (requests !== last) moved = Date.now();
    last = requests;
    if (Date.now() - moved > STALLED_MS) return;
    await wait(n > 100 ? 100 : 5);
  }
}

export async function briefingsAtOnce(world, n, latency, { profile } = {}) {
  say(`${n} briefings at once, ${latency.model} ms a reply, ${latency.tool} ms a tool`);
  const users = await world.users(n);
  await world.latency(latency.model, latency.tool);
  const folder = temporaryFolder();
  const service = await new Service(folder, { ...world.settings, BRIEFD_MAX_RUNS: "6000",
    BRIEFD_MAX_UPSTREAM_CONNECTIONS: "6000", BRIEFD_MAX_DEADLINE: "1h" }).start();
  const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
  const headers = { authorization: `Bearer ${await service.newKey()}` };
  const call = (method, path, more) => send(service.url, method, path, { headers, agent, ...more });
  try {
    // The first briefing opens files and connections that later ones find.
    const watch = await watchBegin(world, service, profile);
    const ids = [];
    await forEach(n, async (i) => {
      const answer = await call("POST", "/briefings", { body: { user_id: users[i], deadline_seconds: 3600 } });
      if (answer.status !== 202) throw new Error(`POST /briefings: ${answer.status} ${answer.text}`);
      ids[i] = answer.body.id;
    });
    await untilPosted(world, n, watch.posts);
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
  return { recorder, ...stats, idle: memoryOf(service.pid), cpu: cpuOf(service.pid),
    otherCpu: world.cpu, ownCpu: process.cpuUsage(), time: performance.now() };
}

async function watchEnd(world, service, begin) {
  const own = process.cpuUsage(begin.ownCpu);
  const seen = { cpu: cpuOf(service.pid) - begin.cpu, ms: performance.now() - begin.time,
    otherCpu: world.cpu - begin.otherCpu, ownCpu: (own.user + own.system) / 1000,
    memory: memoryOf(service.pid), idle: begin.idle };
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
    "KiB each": (seen.memory.peak - seen.idle.rss) / n,
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
    "KiB each: peak RSS above that of the idle process; stored: a briefing's results in the database",
    "CPU: share of one core while they ran: the sum near all cores, or the upstream near 100%, was the limit",
  ]);
}
