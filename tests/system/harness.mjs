// The real binary and the sandbox, for tests of the whole.
//
//   const world = await startWorld({ env: { BRIEFD_MAX_RUNS: "4" }, sandboxArgs: ["--token-ttl=2"] });
//   const user = world.user();                       // a name nobody else has
//   await world.connect(user, "sanity", "slack");
//   const { body } = await world.brief(user, { mode: "preview" });
//   const run = await world.untilEnd(body.id);
//   await world.close();                             // fails when the binary misbehaved
//
// Settings are short where waiting would be long. A test waits for what it wants to see (until,
// untilEnd, logged, eventually) and never for time to pass.

import { mkdtemp, rm } from "node:fs/promises";
import http from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { send } from "./client.mjs";
import { loadContract } from "./contract.mjs";
import { bareEnvironment, eventually, said, sanitizerReport, startProgram } from "./processes.mjs";

export { eventually } from "./processes.mjs";

export const ROOT = resolve(fileURLToPath(import.meta.url), "../../..");
export const BINARY = process.env.BRIEFD_BIN ?? join(ROOT, "build/debug/src/briefd");
export const CONNECTIONS = { sanity: "sanitymcp-sandbox", slack: "slack-sandbox",
  github: "github-sandbox" };
export const CHANNEL = "C0NEWSROOM1";

const SCOPES = "briefings:read,briefings:write,connections:read,connections:write";
const FAST = {
  BRIEFD_MODEL_RETRY_BUDGET: "5s",
  BRIEFD_MODEL_FIRST_BYTE_TIMEOUT: "5s",
  BRIEFD_MODEL_IDLE_BYTES_TIMEOUT: "3s",
  BRIEFD_MODEL_IDLE_EVENTS_TIMEOUT: "4s",
  BRIEFD_MODEL_TOTAL_TIMEOUT: "20s",
  BRIEFD_TOOL_TIMEOUT: "5s",
  BRIEFD_DELIVERY_SETTLE: "200ms",
  BRIEFD_DELIVERY_RETRY: "50ms",
  BRIEFD_RECONCILE_PAUSE: "200ms",
  BRIEFD_STOP_GRACE: "5s",
};

/** For worlds in which requests are held: nothing is given up because it takes long. */
export const UNHURRIED = Object.fromEntries(["TOOL", "MODEL_FIRST_BYTE", "MODEL_IDLE_BYTES", "MODEL_IDLE_EVENTS",
  "MODEL_TOTAL"].map((name) => [`BRIEFD_${name}_TIMEOUT`, "10m"]));

let users = 0;

/** The settings that make briefd talk to this sandbox. */
export function settingsFor(ready) {
  return {
    SCALEKIT_ENV_URL: ready.scalekit,
    SCALEKIT_CLIENT_ID: ready.client_id,
    SCALEKIT_CLIENT_SECRET: ready.client_secret,
    ANTHROPIC_API_KEY: ready.anthropic_api_key,
    ANTHROPIC_BASE_URL: ready.anthropic,
    SANITY_CONNECTION: CONNECTIONS.sanity,
    SLACK_CONNECTION: CONNECTIONS.slack,
    SANITY_PROJECT_NAME: "newsroom",
    SLACK_CHANNEL: CHANNEL,
  };
}

class World {
  #sandbox;
  #agent = new http.Agent({ keepAlive: true });
  #programs = []; // every briefd that was started, the service last
  #service = null;
  #expected = new Set(); // programs that were told to end

  /** Use startWorld(). */
  constructor(folder, sandbox, ready, env, binary) {
    this.folder = folder;
    this.ready = ready; // addresses and credentials of the sandbox
    this.#sandbox = sandbox;
    this.binary = binary;
    this.env = { ...bareEnvironment(), ...settingsFor(ready), ...FAST,
      BRIEFD_LISTEN: "127.0.0.1:0", BRIEFD_DB: join(folder, "briefd.db"), ...env };
    this.url = null; // of the service, changes with every start
    this.key = null; // an API key with every scope but admin
  }

  // ---- the sandbox ----

  /** The control port: control("POST", "/faults", rule). */
  async control(method, path, body) {
    const answer = await send(this.ready.control, method, path, { body });
    if (answer.status !== 200) throw new Error(`sandbox: ${method} ${path}: ${answer.text}`);
    return answer.body;
  }

  fault = (...rules) => this.control("POST", "/faults", rules);

  /**
   * Holds the next request that this rule meets, until release(): what has to happen meanwhile takes as
   * long as it takes. reached() waits until it is there.
   */
  async hold(rule) {
    const { ids: [id] } = await this.fault({ ...rule, action: { type: "hold", ...rule.action } });
    const hits = async () => (await this.control("GET", "/faults")).faults.find((one) => one.id === id)?.hits;
    return {
      reached: () => eventually(async () => (await hits()) > 0, "the held request"),
      release: () => this.control("DELETE", `/faults?id=${encodeURIComponent(id)}`),
    };
  }

  clearFaults = () => this.control("DELETE", "/faults");
  claude = (override) => this.control("POST", "/claude", override);
  latency = (values) => this.control("POST", "/latency", values);
  token = (values) => this.control("POST", "/token", values);
  variants = (values) => this.control("POST", "/variants", values);
  listeners = (values) => this.control("POST", "/listeners", values);
  stats = () => this.control("GET", "/stats");

  /** This user's next message is posted, but nobody gets to know it: the channel cannot be read back. */
  loseDelivery(user) {
    const body = { data: { ok: false, error: "not_in_channel" }, execution_id: "1" };
    const endpoint = "scalekit.execute_tool";
    return this.fault(
      { endpoint, match: { tool: "slack_send_message", identifier: user }, action: { type: "status", status: 504, effect: true } },
      { endpoint, match: { tool: "slack_fetch_conversation_history", identifier: user }, count: -1, action: { type: "body", body } });
  }

  /** Entries of the journal; "scalekit.*" takes all of that half. */
  async log(endpoint, after = 0) {
    const query = new URLSearchParams({ after, ...(endpoint && { endpoint }) });
    return (await this.control("GET", `/log?${query}`)).entries;
  }

  /** The messages that this user's account posted. */
  async posts(user, more = {}) {
    const query = new URLSearchParams({ ...(user && { identifier: user }), ...more });
    return (await this.control("GET", `/slack?${query}`)).messages;
  }

  /** Calls of tools on behalf of a user, in order. */
  async toolCalls(user) {
    return (await this.log("scalekit.execute_tool")).filter((entry) => entry.identifier === user);
  }

  // ---- users ----

  /** A name that no other test has. */
  user = (label = "user") => `${label}_${process.pid}_${++users}`;

  /** Walks through the consent page for each connector. */
  async connect(user, ...connectors) {
    for (const connector of connectors) {
      await this.control("POST", "/connect",
        { identifier: user, connection: CONNECTIONS[connector] ?? connector });
    }
    return user;
  }

  /** A new user with Sanity and Slack. */
  connected = (label) => this.connect(this.user(label), "sanity", "slack");

  /** Sets {status?, choice?, revoked?} of an account, which is made when it is not there. */
  account = (user, connector, values) => this.control("POST", "/accounts",
    { identifier: user, connection: CONNECTIONS[connector] ?? connector, ...values });

  // ---- briefd's HTTP side ----

  /** key: another API key; null for none. More options: client.mjs. Fails when the answer is not one that the
   *  service's OpenAPI document describes. */
  async request(method, path, { key = this.key, headers = {}, ...more } = {}) {
    const bearer = key === null ? {} : { authorization: `Bearer ${key}` };
    const answer = await send(this.url, method, path, { headers: { ...bearer, ...headers }, agent: this.#agent, ...more });
    (await loadContract(BINARY)).check(method, path, answer);
    return answer;
  }

  /** POST /briefings. */
  brief(user, fields = {}, headers = {}) {
    return this.request("POST", "/briefings", { body: { user_id: user, ...fields }, headers });
  }

  /** POST /briefings, which must be accepted; the document. */
  async accepted(user, fields, headers) {
    const answer = await this.brief(user, fields, headers);
    if (answer.status !== 202) throw new Error(`not accepted: ${answer.status} ${answer.text}`);
    return answer.body;
  }

  async document(id) {
    const answer = await this.request("GET", `/briefings/${id}`);
    if (answer.status !== 200) throw new Error(`GET ${id}: ${answer.status} ${answer.text}`);
    return answer.body;
  }

  /** Long-polls until predicate(document); the document. */
  async until(id, predicate, seconds = 60) {
    const end = Date.now() + seconds * 1000;
    let etag, document;
    while (Date.now() < end) {
      const wait = Math.max(1, Math.min(30, Math.ceil((end - Date.now()) / 1000)));
      const answer = await this.request("GET", `/briefings/${id}${etag ? `?wait=${wait}` : ""}`,
        { headers: etag ? { "if-none-match": etag } : {} });
      if (answer.status === 304) continue;
      if (answer.status !== 200) throw new Error(`GET ${id}: ${answer.status} ${answer.text}`);
      etag = answer.headers.etag;
      document = answer.body;
      if (predicate(document)) return document;
      if (document.terminal) break;
    }
    throw new Error(`${id} did not become what was waited for: ${JSON.stringify(document)}\n${said(this.#service)}`);
  }

  untilEnd = (id, seconds) => this.until(id, (document) => document.terminal, seconds);

  /** Posts a briefing and follows it to its end. */
  async briefToEnd(user, fields, seconds) {
    return this.untilEnd((await this.accepted(user, fields)).id, seconds);
  }

  // ---- briefd's processes ----

  /** Starts a briefd command without waiting for it; see startProgram(). */
  spawn(args, { env = {}, cwd = this.folder, bare = false } = {}) {
    const own = bare ? { ...bareEnvironment(), ...env } : { ...this.env, ...env };
    for (const name of Object.keys(own)) if (own[name] === null) delete own[name];
    const program = startProgram(this.binary, args, { env: own, cwd });
    this.#programs.push(program);
    return program;
  }

  /** Runs a briefd command to its end; {code, signal, stdout, stderr}. A null in env unsets. */
  async cli(args, options) {
    const program = this.spawn(args, options);
    this.#expected.add(program);
    return program.ended;
  }

  async newKey(scopes = SCOPES, name = "system-tests") {
    const made = await this.cli(["keys", "create", name, "--scope", scopes]);
    if (made.code !== 0) throw new Error(`keys create: ${made.code}\n${made.stderr}`);
    return made.stdout.trim();
  }

  /** Starts the service on the same database and waits until it is ready. */
  async start(env = {}) {
    if (this.#service && !this.#service.exit) throw new Error("the service is running already");
    this.key ??= await this.newKey();
    this.#service = this.spawn(["serve"], { env });
    const ready = await this.logged("ready");
    this.url = ready.listen;
    return ready;
  }

  /** Ends the service by a signal and waits; {code, signal, stdout, stderr}. */
  async stop(signal = "SIGTERM", code = 0) {
    this.signal(signal);
    const exit = await this.#service.ended;
    const wanted = signal === "SIGKILL" ? exit.signal === "SIGKILL" : exit.code === code;
    if (!wanted) throw new Error(`${signal} ended briefd with ${exit.code ?? exit.signal}\n${said(this.#service)}`);
    return exit;
  }

  kill = () => this.stop("SIGKILL");

  /** Sends a signal to the service, and does not wait. */
  signal(signal) {
    if (signal !== "SIGHUP") this.#expected.add(this.#service);
    this.#service.kill(signal);
  }

  /** For a service that ends by itself. */
  async ended() {
    this.#expected.add(this.#service);
    return this.#service.ended;
  }

  get pid() {
    return this.#service.child.pid;
  }

  /** The service's log lines since its last start, parsed. */
  logs = () => this.#service.stderr.map(parsed).filter(Boolean);

  /** The first log line of this event for which test(line) is true, past or to come. */
  async logged(event, test = () => true, seconds = 60) {
    const fits = (line) => {
      const entry = parsed(line);
      return entry?.event === event && test(entry);
    };
    return parsed(await this.#service.line(fits, seconds));
  }

  /** Ends everything. Fails when briefd ended by itself or a sanitizer had something to say. */
  async close() {
    const problems = [];
    if (this.#service?.exit && !this.#expected.has(this.#service))
      problems.push(`briefd ended by itself (${this.#service.exit.code ?? this.#service.exit.signal})`);
    if (this.#service && !this.#service.exit) {
      // Whatever still runs when a file's tests are over need not be waited for.
      await this.control("DELETE", "/faults").catch(() => {});
      await this.stop().catch((error) => problems.push(error.message));
    }
    for (const program of this.#programs) {
      if (!program.exit) program.kill("SIGKILL");
      await program.ended;
      const report = sanitizerReport(program.stderr);
      if (report) problems.push(report);
    }
    this.#agent.destroy();
    this.#sandbox.kill("SIGTERM");
    await this.#sandbox.ended;
    await rm(this.folder, { recursive: true, force: true });
    if (problems.length) {
      const service = this.#service ? said(this.#service) : "";
      throw new Error(`${problems.join("\n")}\n${service}`);
    }
  }

  eventually = eventually;
}

function parsed(line) {
  if (!line.startsWith("{")) return null;
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

/** A sandbox and, unless briefd is false, the service with an API key. */
export async function startWorld({ sandboxArgs = [], env = {}, briefd = true, binary = BINARY } = {}) {
  const folder = await mkdtemp(join(tmpdir(), "briefd-system-"));
  const sandbox = startProgram(process.execPath,
    [join(ROOT, "tests/sandbox/briefd-sandbox"), ...sandboxArgs], { env: bareEnvironment(), cwd: folder });
  const ready = parsed(await sandbox.line((line) => line.startsWith("{")));
  const world = new World(folder, sandbox, ready, env, binary);
  if (briefd) {
    await world.start().catch(async (error) => {
      await world.close().catch(() => {});
      throw error;
    });
  }
  return world;
}
