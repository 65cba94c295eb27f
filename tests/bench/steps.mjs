// Durable steps a second, and how many fsyncs they took: steps.c, linked with the store.

import { execFileSync } from "node:child_process";
import { dirname, join } from "node:path";
import { BINARY } from "../system/harness.mjs";
import { say, table } from "./table.mjs";
import { temporaryFolder } from "./world.mjs";

const WRITERS = [1, 16, 256];

export function steps({ quick }) {
  const build = dirname(dirname(BINARY));
  say(`building ${build}/tests/bench/steps`);
  execFileSync("ninja", ["-C", build, "tests/bench/steps"], { stdio: ["ignore", "ignore", "inherit"] });
  const rows = WRITERS.map((writers) => {
    say(`durable steps, ${writers} writers`);
    const folder = temporaryFolder();
    const text = execFileSync(join(build, "tests/bench/steps"),
      [join(folder, "briefd.db"), String(writers), quick ? "1" : "5"], { encoding: "utf8" });
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
