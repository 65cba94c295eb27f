#!/usr/bin/env node
// ./dev bench: measures briefd and prints tables. It judges nothing; it says what it saw, on which
// machine and of which commit.

import { parseArgs } from "node:util";
import { briefingsAtOnce, memoryOfWaiting, showBriefings, showMemory } from "./briefings.mjs";
import { http } from "./http.mjs";
import { parked } from "./parked.mjs";
import { machine } from "./proc.mjs";
import { start } from "./start.mjs";
import { steps } from "./steps.mjs";
import { streams } from "./streams.mjs";
import { pairs, print } from "./table.mjs";
import { ReplayWorld, SandboxWorld } from "./world.mjs";

const HELP = `./dev bench [--quick] [--only PART,…] [--at-once N,…] [--sandbox] [--profile FILE]

  --quick           smaller numbers and shorter runs: about a minute
  --only PART,…     start, http, parked, streams, steps, memory, latency, no-latency
  --at-once N,…     how many briefings at once (1,100,1000,5000; with --quick 1,100)
  --sandbox         briefings talk to the sandbox itself, not to a replay of what it said: strict, and
                    so slow that it is the limit
  --profile FILE    perf records briefd while the last of those run

Each part starts what it needs, on the loopback, and leaves nothing behind. The database lies in
BENCH_DIR (TMPDIR): the disk below it counts.
`;

async function briefings(latency, { counts, profile, sandbox }) {
  const world = await (sandbox ? SandboxWorld : ReplayWorld).start();
  try {
    const rows = [];
    for (const n of counts) {
      const isLast = n === counts.at(-1);
      rows.push(await briefingsAtOnce(world, n, latency, { profile: isLast ? profile : undefined }));
    }
    showBriefings(rows, latency);
  } finally {
    await world.close();
  }
}

async function memory({ quick }) {
  const world = await ReplayWorld.start();
  try {
    const rows = [];
    for (const n of quick ? [500] : [1000, 5000]) {
      for (const withCache of [true, false]) rows.push(await memoryOfWaiting(world, n, { withCache }));
    }
    showMemory(rows);
  } finally {
    await world.close();
  }
}

const PARTS = {
  start,
  http,
  parked,
  streams,
  steps,
  memory,
  "latency": (chosen) => briefings({ model: 300, tool: 50 }, chosen),
  "no-latency": (chosen) => briefings({ model: 0, tool: 0 }, chosen),
};

function options() {
  const { values } = parseArgs({ options: {
    "quick": { type: "boolean", default: false },
    "only": { type: "string", default: Object.keys(PARTS).join(",") },
    "at-once": { type: "string" },
    "profile": { type: "string" },
    "sandbox": { type: "boolean", default: false },
    "help": { type: "boolean" },
  } });
  const parts = values.only.split(",");
  const unknown = parts.find((name) => !Object.hasOwn(PARTS, name));
  if (unknown) throw new Error(`there is no part "${unknown}"; see --help`);
  const counts = (values["at-once"] ?? (values.quick ? "1,100" : "1,100,1000,5000")).split(",");
  if (!counts.every((n) => /^[1-9]\d{0,3}$/.test(n)))
    throw new Error("--at-once takes numbers from 1 to 9999");
  return { ...values, parts, counts: counts.map(Number) };
}

try {
  const chosen = options();
  if (chosen.help) {
    process.stdout.write(HELP);
  } else {
    pairs("Machine", machine());
    for (const name of chosen.parts) await PARTS[name](chosen);
    print("");
  }
} catch (error) {
  process.stderr.write(`bench: ${error.message}\n`);
  process.exitCode = 1;
}
