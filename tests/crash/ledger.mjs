// What must hold for every briefing, however often the process died: read from the two sides that
// cannot agree by accident, briefd's documents and events, and the sandbox's journal.
//
//   const { user, fields } = await ownWords(world);      // its prompts are nobody else's
//   const ledger = new Ledger(world);
//   await ledger.read();                                // the journal so far; again before each check
//   const { breaches, repeats } = await ledger.check(id);
//
// Needs the service to be up. A breach is a sentence; `repeats` is how many model calls were made
// for replies that had been asked for before.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ROOT } from "../system/harness.mjs";

/** Settings with which nothing is tried again because the machine is slow: only crashes count. */
export const PATIENT = {
  BRIEFD_STOP_GRACE: "1m",
  ...Object.fromEntries(["TOOL", "MODEL_FIRST_BYTE", "MODEL_IDLE_BYTES", "MODEL_IDLE_EVENTS", "MODEL_TOTAL"]
    .map((name) => [`BRIEFD_${name}_TIMEOUT`, "5m"])),
};

const DELIVERED = ["confirmed", "reconciled"];

/**
 * A connected user whose Sanity project has a name of its own, which stands in the first message:
 * so every prompt, and its hash in the journal, belongs to this user. {user, fields}: the fields of
 * a request, with a budget for many calls that a crash made uncertain, which are charged at their
 * worst.
 */
export async function ownWords(world, label = "crash") {
  const user = await world.connected(label);
  const { projects } = await world.control("GET", `/sanity?identifier=${user}`);
  projects[0].displayName = user;
  await world.control("POST", "/sanity", { identifier: user, projects, project: user });
  return { user, fields: { params: { sanity_project: user }, budget: { max_usd: "5.00" } } };
}

/** Looks at the database of a process that is not running; every broken rule, or "". */
export function brokenTables(world) {
  const { status, stdout, stderr } = spawnSync("python3",
    [join(ROOT, "tests/fault/invariants.py"), world.env.BRIEFD_DB], { encoding: "utf8" });
  return status === 0 ? "" : stdout + stderr;
}

/** All events of a briefing, in order. */
export async function eventsOf(world, id) {
  const events = [];
  for (;;) {
    const { status, text, body } =
      await world.request("GET", `/briefings/${id}/events?after=${events.at(-1)?.n ?? 0}`);
    if (status !== 200) throw new Error(`events of ${id}: ${status} ${text}`);
    events.push(...body.data);
    if (body.data.length === 0 || events.at(-1).n >= body.last_event) return events;
  }
}

export class Ledger {
  #asked = new Map(); // prompt hash → model requests, in order
  #replies = new Map(); // request id → the model request
  #tools = new Map(); // run → its tool calls
  #last = 0; // everything up to here was read
  #early = new Set(); // and these beyond it
  #reading = Promise.resolve();

  constructor(world) {
    this.world = world;
  }

  /** Reads what the journal has by now; may be called at any time. */
  read() {
    this.#reading = this.#reading.then(() => this.#readOn());
    return this.#reading;
  }

  async #readOn() {
    const entries = await this.world.log(undefined, this.#last);
    // What is still under way is not known yet, and read once more.
    const open = entries.find(({ status }) => status === null);
    const last = open ? open.n - 1 : entries.at(-1)?.n ?? this.#last;
    for (const entry of entries) {
      if (entry.status === null || this.#early.has(entry.n)) continue;
      if (entry.n > last) this.#early.add(entry.n);
      if (entry.endpoint === "anthropic.messages" && entry.prompt_hash) {
        add(this.#asked, entry.prompt_hash, entry);
        this.#replies.set(entry.request_id, entry);
      }
      if (entry.endpoint === "scalekit.execute_tool" && entry.agent_run_id)
        add(this.#tools, entry.agent_run_id, entry);
    }
    this.#last = last;
    for (const n of this.#early) if (n <= last) this.#early.delete(n);
  }

  /** Everything about one briefing, which must have ended. */
  async check(id) {
    const run = await this.world.document(id);
    const events = await eventsOf(this.world, id);
    const posts = (await this.world.posts(run.user_id, { all: true }))
      .filter(({ text }) => text.includes(id));
    const breaches = [
      ...numbering(run, events), ...attempts(run, events), ...ending(run, events, posts),
      ...this.#askedAgain(events), ...this.#calledAgain(id, events),
    ].map((breach) => `${id} (${run.user_id}): ${breach}`);
    return { run, events, posts, breaches, repeats: this.#repeats(events) };
  }

  /** A reply that was stored is never asked for again. */
  #askedAgain(events) {
    return events.filter(({ type }) => type === "model_reply").flatMap(({ at, data }) => {
      const reply = this.#replies.get(data.request_id);
      if (!reply) return [`reply ${data.turn} is one that nobody gave: ${data.request_id}`];
      return this.#asked.get(reply.prompt_hash)
        .filter(({ time }) => Date.parse(time) > Date.parse(at))
        .map(({ time }) => `reply ${data.turn} was stored at ${at} and asked for again at ${time}`);
    });
  }

  /** Neither is the result of a tool. */
  #calledAgain(id, events) {
    const calls = this.#tools.get(id) ?? [];
    return events.filter(({ type }) => type === "tool_result").flatMap(({ at, data }) => {
      const call = calls.find(({ execution_id: execution }) => execution === data.execution_id);
      if (!call) return [`the result of ${data.tool} is one that nobody gave: ${data.execution_id}`];
      return calls.filter((other) => other.tool === call.tool &&
          JSON.stringify(other.params) === JSON.stringify(call.params) &&
          Date.parse(other.time) > Date.parse(at))
        .map(({ time }) => `the result of ${call.tool} was stored at ${at}, called again at ${time}`);
    });
  }

  #hashes(events) {
    const hashes = events.filter(({ type }) => type === "model_reply")
      .map(({ data }) => this.#replies.get(data.request_id)?.prompt_hash);
    return [...new Set(hashes)];
  }

  #repeats(events) {
    return this.#hashes(events).reduce((sum, hash) => sum + (this.#asked.get(hash)?.length ?? 1) - 1, 0);
  }

  /** A briefing that was checked for the last time. */
  forget({ run, events }) {
    this.#tools.delete(run.id);
    for (const hash of this.#hashes(events)) {
      for (const { request_id: request } of this.#asked.get(hash) ?? []) this.#replies.delete(request);
      this.#asked.delete(hash);
    }
  }
}

function add(map, key, value) {
  if (!map.has(key)) map.set(key, []);
  map.get(key).push(value);
}

function numbering(run, events) {
  const gap = events.findIndex(({ n }, i) => n !== i + 1);
  if (gap >= 0) return [`event ${gap + 1} is missing: ${events.map(({ n }) => n)}`];
  if (events.length !== run.progress.last_event)
    return [`${events.length} events, and last_event is ${run.progress.last_event}`];
  return [];
}

function attempts(run, events) {
  const count = (type) => events.filter((event) => event.type === type).length;
  const breaches = [];
  if (run.attempt !== count("claimed"))
    breaches.push(`attempt ${run.attempt}, claimed ${count("claimed")} times`);
  if (run.progress.turn !== count("model_reply") && count("started_over") === 0)
    breaches.push(`turn ${run.progress.turn}, and ${count("model_reply")} replies were stored`);
  if (run.progress.tool_calls !== count("tool_result"))
    breaches.push(`${run.progress.tool_calls} tool calls, and ${count("tool_result")} results`);
  return breaches;
}

/** Status, delivery and channel tell one story. */
function ending(run, events, posts) {
  const story = `${run.status} ${run.error?.code ?? ""} ${run.delivery.state}, ${posts.length} posts`;
  const breaches = [];
  if (posts.length > 1) breaches.push(`posted more than once: ${story}`);
  switch (run.status) {
  case "succeeded":
    if (run.mode === "preview") {
      if (posts.length > 0 || run.delivery.state !== "previewed") breaches.push(`a preview: ${story}`);
    } else if (posts.length !== 1 || !DELIVERED.includes(run.delivery.state)) {
      breaches.push(`it says that it was posted: ${story}`);
    } else if (posts[0].ts !== run.delivery.ts || posts[0].sent_text !== run.delivery.text) {
      breaches.push(`another message than ${posts[0].ts}: ${JSON.stringify(run.delivery)}`);
    }
    break;
  case "failed":
    if (run.error.code !== "delivery_unknown") breaches.push(`failed: ${story}: ${run.error.detail}`);
    else if (!run.needs_attention) breaches.push(`nobody is asked to look: ${story}`);
    else if (!events.some(({ type }) => type === "delivery_intended"))
      breaches.push(`nothing can have been posted: ${story}`);
    break;
  case "cancelled":
    if (posts.length > 0) breaches.push(`cancelled: ${story}`);
    break;
  default:
    breaches.push(`not ended as it should: ${story}`);
  }
  return breaches;
}
