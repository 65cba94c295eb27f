// The binary with fault points: BRIEFD_BIN_FAULTS, or BRIEFD_BIN when that build has them.

import { spawnSync } from "node:child_process";
import { BINARY, ROOT } from "../system/harness.mjs";

export const FAULTY_BINARY = process.env.BRIEFD_BIN_FAULTS ?? BINARY;

/** Why tests that need fault points are skipped; false when they run. */
export const withoutFaultPoints = hasFaultPoints() ? false :
  `${FAULTY_BINARY} has no fault points: build it with -Dfaults=true and set BRIEFD_BIN_FAULTS`;

/** A wish that nobody can fulfil ends a process that has fault points. */
function hasFaultPoints() {
  const { signal } = spawnSync(FAULTY_BINARY, ["version"],
    { cwd: ROOT, env: { ...process.env, BRIEFD_CRASH: "no count" }, encoding: "utf8" });
  return signal === "SIGABRT";
}

/**
 * Starts the service with an armed point and works with it until it has died or the work is done;
 * then it is told to end. True: it died, and its last words say that it was asked to. It is not
 * running afterwards.
 */
export async function diesAt(world, point, work) {
  const started = await world.start({ BRIEFD_CRASH: point }).catch(() => null);
  let exit = null;
  const end = world.ended().then((value) => { exit = value; });
  if (started) {
    await Promise.race([end, work().catch((error) =>
      world.eventually(() => exit, `${error.message}, and the process lives`))]);
    if (!exit) world.signal("SIGTERM");
  }
  await end;
  if (exit.code === 0) return false;
  const name = point.split(/[@:]/)[0];
  if (exit.signal !== "SIGABRT" || !exit.stderr.includes(`crash at "${name}", as asked for`))
    throw new Error(`it died of something else than ${point} (${exit.code ?? exit.signal}):\n${exit.stderr}`);
  return true;
}
