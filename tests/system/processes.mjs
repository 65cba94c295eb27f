// Child processes of tests: started in an environment of their own, read line by line, and never
// left behind.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const alive = new Set();
const REPORT = /(AddressSanitizer|LeakSanitizer|ThreadSanitizer|MemorySanitizer|runtime error:)/;

process.once("exit", () => {
  for (const child of alive) child.kill("SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => process.exit(1));

/** Nothing of the caller's environment but what a program needs to run at all. */
export function bareEnvironment() {
  const kept = ["PATH", "HOME", "LANG", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS",
    "LSAN_OPTIONS"];
  return Object.fromEntries(kept.filter((name) => name in process.env)
    .map((name) => [name, process.env[name]]));
}

/**
 * A running program.
 *
 *   stdout, stderr       lists of lines so far
 *   line(test, seconds)  the first line of stderr or stdout, past or to come, for which test(line)
 *                        is true
 *   ended                promise of {code, signal, stdout, stderr} (texts)
 *   kill(signal)         sends it
 */
export function startProgram(command, args, { env, cwd, stdin = "ignore" }) {
  const child = spawn(command, args, { env, cwd, stdio: [stdin, "pipe", "pipe"] });
  alive.add(child);
  const program = { child, stdout: [], stderr: [], exit: null };
  const waiting = new Set();
  const read = (stream, list) => createInterface({ input: stream, crlfDelay: Infinity })
    .on("line", (line) => {
      list.push(line);
      for (const waiter of [...waiting]) waiter.offer(line);
    });
  read(child.stdout, program.stdout);
  read(child.stderr, program.stderr);
  const text = (lines) => lines.map((line) => `${line}\n`).join("");

  program.ended = new Promise((resolve) => {
    child.once("error", (error) => program.stderr.push(`${command}: ${error.message}`));
    child.once("close", (code, signal) => {
      alive.delete(child);
      program.exit = { code, signal, stdout: text(program.stdout), stderr: text(program.stderr) };
      for (const waiter of [...waiting]) waiter.fail(`${command} ended (${code ?? signal})`);
      resolve(program.exit);
    });
  });

  program.line = (test, seconds = 60) => {
    const found = [...program.stdout, ...program.stderr].find(test);
    if (found !== undefined) return Promise.resolve(found);
    return new Promise((resolve, reject) => {
      const waiter = {
        offer: (line) => test(line) && leave(resolve, line),
        fail: (why) => leave(reject, new Error(`${why} before the line came:\n${said(program)}`)),
      };
      const timer = setTimeout(() => waiter.fail(`${seconds} s passed`), seconds * 1000);
      const leave = (settle, value) => {
        clearTimeout(timer);
        waiting.delete(waiter);
        settle(value);
      };
      waiting.add(waiter);
      if (program.exit) waiter.fail(`${command} has ended (${program.exit.code ?? program.exit.signal})`);
    });
  };
  program.kill = (signal) => child.kill(signal);
  return program;
}

/** The end of what a program said, for messages. */
export function said(program) {
  return [...program.stdout.slice(-20), ...program.stderr.slice(-60)].join("\n");
}

/** What a sanitizer reported, or null. */
export function sanitizerReport(lines) {
  const at = lines.findIndex((line) => REPORT.test(line));
  return at < 0 ? null : lines.slice(at, at + 60).join("\n");
}

/** Asks again and again until the answer is truthy; for conditions that nobody announces. */
export async function eventually(ask, what, seconds = 60) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`${seconds} s passed, and still not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
