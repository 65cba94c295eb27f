// Durable steps a second, and how many fsyncs they took: steps.c, linked with the store.

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { say, table } from "./table.mjs";
import { buildProgram, temporaryFolder } from "./world.mjs";

const WRITERS = [1, 16, 256];

export function steps({ quick }) {
  const program = buildProgram("steps");
  const rows = WRITERS.map((writers) => {
    say(`durable steps, ${writers} writers`);
    const folder = temporaryFolder();
    const text = execFileSync(program, [join(folder, "briefd.db"), String(writers), quick ? "1" : "5"], { encoding: "utf8" });
    const seen = JSON.parse(text);
    return {
      "writers": writers,
      "steps a second": seen.steps / seen.seconds,
      "fsyncs a second": seen.fsyncs / seen.seconds,
      "steps a fsync": seen.steps / seen.fsyncs,
      "fsync ms": seen.fsync_ms / seen.fsyncs,
      "p50 ms": seen.p50_ms,
      "p99 ms": seen.p99_ms,
      "CPU µs each": 1000 * seen.cpu_ms / seen.steps,
    };
  });
  table("Durable steps: 4 KiB of result, an event and the briefing's row, one transaction each", rows);
}
