// How long a start takes, and what an idle process holds.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { BINARY } from "../system/harness.mjs";
import { cpuOf, memoryOf } from "./proc.mjs";
import { percentile, say, table } from "./table.mjs";
import { ALONE, Service, temporaryFolder } from "./world.mjs";

/** Starts briefd and ends it again; {ms, cpu, memory} when it said that it is ready. */
async function startOnce(service) {
  const begin = performance.now();
  const child = spawn(BINARY, ["serve"], { env: service.env, cwd: service.folder,
    stdio: ["ignore", "ignore", "pipe"] });
  let text = "";
  const seen = await new Promise((resolve, reject) => {
    child.stderr.on("data", (chunk) => {
      const ms = performance.now() - begin;
      text += chunk;
      if (/"event":"ready"/.test(text))
        resolve({ ms, cpu: cpuOf(child.pid), memory: memoryOf(child.pid) });
    });
    child.once("exit", (code) => reject(new Error(`briefd ended (${code}): ${text}`)));
  });
  child.removeAllListeners("exit");
  child.kill("SIGTERM");
  await once(child, "exit");
  return seen;
}

export async function start({ quick }) {
  const times = quick ? 5 : 20;
  say(`${2 * times} starts`);
  const rows = [];
  const folder = temporaryFolder();
  const service = new Service(folder, ALONE);
  for (const isNew of [true, false]) {
    const seen = [];
    for (let i = 0; i < times; i++) {
      for (const end of isNew ? ["", "-wal", "-shm", ".key", ".lock"] : [])
        rmSync(join(folder, `briefd.db${end}`), { force: true });
      seen.push(await startOnce(service));
    }
    const ms = seen.map((one) => one.ms);
    const { memory } = seen.at(-1);
    rows.push({ "database": isNew ? "new" : "there", "starts": times, "ready ms, best": Math.min(...ms),
      "median": percentile(ms, 0.5), "worst": Math.max(...ms), "CPU ms": seen.at(-1).cpu,
      "RSS MiB": memory.rss / 1024, "anonymous": memory.anonymous / 1024, "threads": memory.threads });
  }
  table("Start to ready, and the memory of an idle process", rows,
    ["from before the fork to the line that says so; memory at that moment"]);
}
