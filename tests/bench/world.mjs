// The processes of a measurement: briefd, and what it talks to. That is two sandboxes, one that plays
// ScaleKit and its tools and one that plays Claude, or a replay of what they said.

import { openSync, closeSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { execFileSync, spawn } from "node:child_process";
import http from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { send } from "../system/client.mjs";
import { BINARY, CHANNEL, CONNECTIONS, ROOT } from "../system/harness.mjs";
import { bareEnvironment, startProgram } from "../system/processes.mjs";
import { cpuOf } from "./proc.mjs";
import { nameOf, record } from "./record.mjs";

// Claude's stream, written whole, waits this part of the latency it is told: stream.mjs would
// spread the rest between pieces.
const SHARE_BEFORE_STREAM = 0.4;
const AT_ONCE = 64;

export const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs work(i) for i below n, at most `atOnce` at a time. */
export async function forEach(n, work, atOnce = AT_ONCE) {
  let next = 0;
  const lane = async () => {
    while (next < n) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(n, atOnce) }, lane));
}

class Sandbox {
  constructor(program, ready) {
    this.program = program;
    this.ready = ready;
    this.agent = new http.Agent({ keepAlive: true, maxSockets: AT_ONCE });
  }

  static async start() {
    const script = join(ROOT, "tests/sandbox/briefd-sandbox");
    const program = startProgram(process.execPath, [script], { env: bareEnvironment() });
    const ready = JSON.parse(await program.line((line) => line.startsWith("{")));
    return new Sandbox(program, ready);
  }

  async control(method, path, body) {
    const answer = await send(this.ready.control, method, path, { body, agent: this.agent });
    if (answer.status !== 200) throw new Error(`sandbox: ${method} ${path}: ${answer.text}`);
    return answer.body;
  }

  get cpu() {
    return cpuOf(this.program.child.pid);
  }

  async close() {
    this.agent.destroy();
    this.program.kill("SIGTERM");
    await this.program.ended;
  }
}

/** A briefd whose log goes to a file: reading it would cost the measurement CPU time. */
export class Service {
  #log;

  constructor(folder, env) {
    this.env = { ...bareEnvironment(), BRIEFD_LISTEN: "127.0.0.1:0",
      BRIEFD_KEY_RATE: "10000000", BRIEFD_KEY_BURST: "10000000", // one key asks for all of them
      BRIEFD_DB: join(folder, "briefd.db"), ...env };
    this.#log = join(folder, "briefd.log");
    this.folder = folder;
  }

  async start() {
    const fd = openSync(this.#log, "w");
    const begun = process.hrtime.bigint();
    this.child = spawn(BINARY, ["serve"], { env: this.env, cwd: this.folder,
      stdio: ["ignore", "ignore", fd] });
    closeSync(fd);
    this.ended = new Promise((resolve) => {
      this.child.once("error", (error) => {
        this.exit = { code: error.message };
        resolve(this.exit);
      });
      this.child.once("close", (code, signal) => {
        this.exit = { code, signal };
        resolve(this.exit);
      });
    });
    let ready;
    while (!ready) {
      if (this.exit) throw new Error(`briefd ended (${this.exit.code}):\n${this.said()}`);
      await wait(1);
      ready = this.said().split("\n").find((line) => line.includes('"event":"ready"') ||
        line.includes('"ready"'));
    }
    this.readyMs = Number(process.hrtime.bigint() - begun) / 1e6;
    this.url = JSON.parse(ready).listen;
    return this;
  }

  said = () => readFileSync(this.#log, "utf8");

  /** The last lines of its log that are no mere notes. */
  complaints = (n = 5) => this.said().split("\n").filter((line) => /"level":"(warn|error)"/.test(line))
    .slice(-n);

  get pid() {
    return this.child.pid;
  }

  async newKey(scopes = "briefings:read,briefings:write,connections:read,connections:write") {
    const made = await startProgram(BINARY, ["keys", "create", "bench", "--scope", scopes],
      { env: this.env, cwd: this.folder }).ended;
    if (made.code !== 0) throw new Error(`keys create: ${made.stderr}`);
    return made.stdout.trim();
  }

  async stop() {
    if (!this.exit) this.child.kill("SIGTERM");
    const timer = setTimeout(() => this.child.kill("SIGKILL"), 20_000);
    await this.ended;
    clearTimeout(timer);
  }
}

/** Settings that need nobody at the other side: nothing listens at these addresses. */
export const ALONE = {
  SCALEKIT_ENV_URL: "http://localhost:9",
  SCALEKIT_CLIENT_ID: "skc_1",
  SCALEKIT_CLIENT_SECRET: "test_secret",
  ANTHROPIC_BASE_URL: "http://localhost:9",
  ANTHROPIC_API_KEY: "sk-ant-api-bench",
  SANITY_CONNECTION: CONNECTIONS.sanity,
  SLACK_CONNECTION: CONNECTIONS.slack,
  SANITY_PROJECT_NAME: "newsroom",
  SLACK_CHANNEL: CHANNEL,
};

const folders = [];
process.once("exit", () => {
  for (const folder of process.env.BENCH_KEEP ? [] : folders) rmSync(folder, { recursive: true, force: true });
});

export function temporaryFolder() {
  const folder = mkdtempSync(join(process.env.BENCH_DIR ?? tmpdir(), "briefd-bench-"));
  folders.push(folder);
  return folder;
}

/** The sandbox: strict, and as dear as the real services would be to it. */
export class SandboxWorld {
  #users = 0;

  static async start() {
    const world = new SandboxWorld();
    [world.scalekit, world.claude] = await Promise.all([Sandbox.start(), Sandbox.start()]);
    return world;
  }

  /** How long replies and tools take from now on; the journals begin anew. */
  async latency(modelMs, toolMs) {
    await this.claude.control("POST", "/reset", {});
    await this.claude.control("POST", "/claude", { settings: { fast_stream: true,
      latency_model_ms: modelMs / SHARE_BEFORE_STREAM } });
    await this.scalekit.control("POST", "/latency", { tool_ms: toolMs });
  }

  /** Users with both accounts; those of before are used again. */
  async users(n) {
    const first = this.#users;
    await forEach(n - first, async (i) => {
      for (const connection of [CONNECTIONS.sanity, CONNECTIONS.slack]) {
        await this.scalekit.control("POST", "/connect", { identifier: nameOf(first + i), connection });
      }
    });
    this.#users = Math.max(n, first);
    return Array.from({ length: n }, (_, i) => nameOf(i));
  }

  get settings() {
    const { scalekit, claude } = this;
    return { ...ALONE,
      SCALEKIT_ENV_URL: scalekit.ready.scalekit,
      SCALEKIT_CLIENT_ID: scalekit.ready.client_id,
      SCALEKIT_CLIENT_SECRET: scalekit.ready.client_secret,
      ANTHROPIC_BASE_URL: claude.ready.anthropic,
      ANTHROPIC_API_KEY: claude.ready.anthropic_api_key };
  }

  /** {posts, requests, connections} so far. */
  async stats() {
    const [scalekit, claude] = await Promise.all([this.scalekit, this.claude]
      .map((sandbox) => sandbox.control("GET", "/stats")));
    return { posts: scalekit.effects.slack_posts, requests: scalekit.last + claude.last,
      connections: (scalekit.connections_opened.scalekit ?? 0) +
        (claude.connections_opened.anthropic ?? 0) };
  }

  get cpu() {
    return this.scalekit.cpu + this.claude.cpu;
  }

  async close() {
    await Promise.all([this.scalekit.close(), this.claude.close()]);
  }
}

/** What the sandbox answered once, answered again by a small C program (upstream.c), so that the
 * other side costs next to nothing. */
export class ReplayWorld {
  static async start() {
    const sandbox = await SandboxWorld.start();
    await sandbox.latency(0, 0);
    await sandbox.users(1);
    const recording = await record(sandbox);
    const world = new ReplayWorld();
    world.settings = sandbox.settings;
    await sandbox.close();
    world.program = startProgram(buildProgram("upstream"), [recording],
      { env: bareEnvironment(), stdin: "pipe" });
    world.url = JSON.parse(await world.program.line((line) => line.startsWith("{"))).url;
    Object.assign(world.settings, { SCALEKIT_ENV_URL: world.url, ANTHROPIC_BASE_URL: world.url });
    return world;
  }

  latency = (modelMs, toolMs) =>
    send(this.url, "POST", `/bench/latency?model=${modelMs}&tool=${toolMs}`);
  users = (n) => Array.from({ length: n }, (_, i) => nameOf(i));

  async stats() {
    const { body } = await send(this.url, "GET", "/bench/stats");
    if (body.unknown > 0) throw new Error(`${body.unknown} requests that were not recorded`);
    return body;
  }

  get cpu() {
    return cpuOf(this.program.child.pid);
  }

  async close() {
    this.program.child.stdin.end();
    await this.program.ended;
  }
}

/** One of the C programs beside this file. */
export function buildProgram(name) {
  const build = dirname(dirname(BINARY));
  execFileSync("ninja", ["-C", build, `tests/bench/${name}`], { stdio: ["ignore", "ignore", "inherit"] });
  return join(build, "tests/bench", name);
}
