// What the kernel knows: of processes (CPU time, memory) and of this machine.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";
import { ROOT } from "../system/harness.mjs";

const TICK_MS = 1000 / Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

/** CPU time of a process in ms, user and system together. */
export function cpuOf(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The name may hold anything, so count from its closing bracket: state is the third field.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** {rss, anonymous, file, peak, threads}: the sizes in KiB. */
export function memoryOf(pid) {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const number = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
  return { rss: number("VmRSS"), anonymous: number("RssAnon"), file: number("RssFile"),
    peak: number("VmHWM"), threads: number("Threads") };
}

/** Makes the peak begin anew from what is used now. */
export async function resetPeak(pid) {
  const { writeFile } = await import("node:fs/promises");
  await writeFile(`/proc/${pid}/clear_refs`, "5").catch(() => {});
}

/** Bytes that a process gave to write(), and bytes that had to reach a disk. */
export function writtenBy(pid) {
  const io = readFileSync(`/proc/${pid}/io`, "utf8");
  return Number(/^write_bytes: (\d+)/m.exec(io)[1]);
}

export function machine() {
  const [first, ...others] = cpus();
  const git = (...args) => execFileSync("git", args, { cwd: ROOT, encoding: "utf8" }).trim();
  const dirty = git("status", "--porcelain", "--", "src", "meson.build") ? ", with changes" : "";
  return {
    CPU: `${first.model}, ${others.length + 1} cores`,
    memory: `${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
    kernel: release(),
    node: process.version,
    load: `${loadavg()[0].toFixed(1)} in the last minute, before the start`,
    commit: `${git("rev-parse", "--short=12", "HEAD")}${dirty}`,
  };
}
