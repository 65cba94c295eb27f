// Small and broken disks for tests. A file that wants to mount something runs in a mount namespace of
// its own, so that nobody else sees it and nothing is left behind:
//
//   import { cannotMount, mountSmall, readOnly, unmount } from "./mounts.mjs";   // runs the file again
//   test("…", { skip: cannotMount }, …);
//
// cannotMount is false, or the reason why not: it takes root.

import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";

const INSIDE = "BRIEFD_TEST_MOUNTS";

function mayUnshare() {
  return process.getuid() === 0 && spawnSync("unshare", ["--mount", "true"]).status === 0;
}

if (!process.env[INSIDE] && mayUnshare()) {
  const { status } = spawnSync("unshare", ["--mount", "--propagation", "private", process.execPath,
    ...process.execArgv, ...process.argv.slice(1)], { stdio: "inherit", env: { ...process.env, [INSIDE]: "1" } });
  process.exit(status ?? 1);
}

export const cannotMount = process.env[INSIDE] ? false : "mounting a small disk takes root";

/** A disk of so many bytes under a new folder. */
export function mountSmall(folder, bytes) {
  mkdirSync(folder);
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", folder]);
}

/** Nothing can be written under the folder any more, also by root; false makes it writable again. */
export function readOnly(folder, wanted = true) {
  if (wanted) {
    execFileSync("mount", ["--bind", folder, folder]);
    execFileSync("mount", ["-o", "remount,bind,ro", folder]);
  } else {
    execFileSync("umount", [folder]);
  }
}

/** Whatever is mounted there goes away. */
export const unmount = (folder) => spawnSync("umount", ["-l", folder]);
