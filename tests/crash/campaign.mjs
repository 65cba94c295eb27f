// The long campaign: briefings always in flight, the process killed at random moments, started again
// on the same database, and everything checked that must hold (ledger.mjs), until the time is over.
//
//   node tests/crash/campaign.mjs SECONDS [SEED] [--sigterm]     exit status 1 when something did not hold
//
// With --sigterm every end is an orderly one, which must lose, repeat and look for nothing at all.
// BRIEFD_BIN is the binary. The seed is printed; with it the same moments are chosen again, counted
// in requests that the sandbox has seen, though not the same interleavings.

import os from "node:os";
import { pathToFileURL } from "node:url";
import { startWorld } from "../system/harness.mjs";
import { Ledger, PATIENT, brokenTables, ownWords } from "./ledger.mjs";

const CLIENTS = 24; // each with one briefing in flight
const DRAIN_SECONDS = 180; // for what is in flight when the time is over

/** mulberry32: numbers in [0, 1). */
export function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Runs it; {seed, kills, terms, runs, posts, duplicates, losses, unknown, repeats, breaches, …}. */
export async function campaign(seconds, seed, isOrderly = false) {
  const world = await startWorld({ env: PATIENT });
  const c = new Campaign(world, seconds, seed, isOrderly);
  try {
    await world.latency({ model_ms: 20, tool_ms: 5 });
    return await c.run();
  } finally {
    await world.close();
  }
}

class Campaign {
  #up = Promise.resolve(); // settles when the service answers again

  constructor(world, seconds, seed, isOrderly) {
    this.world = world;
    this.isOrderly = isOrderly;
    this.until = Date.now() + seconds * 1000;
    this.random = randomFrom(seed);
    this.ledger = new Ledger(world);
    this.open = new Set(); // accepted and not yet checked
    this.result = { seed, seconds, kills: 0, terms: 0, runs: 0, posts: 0, duplicates: 0, losses: 0,
      unknown: 0, cancelled: 0, previewed: 0, reconciled: 0, repeats: 0, breaches: [] };
  }

  get isOver() {
    return Date.now() >= this.until;
  }

  async run() {
    const { result, world } = this;
    const clients = Promise.all(Array.from({ length: CLIENTS }, () => this.#client()));
    const failed = clients.then(() => null, (error) => error);
    await Promise.race([this.#killer(), failed.then((error) => { if (error) throw error; })]);
    const late = world.eventually(async () => this.open.size === 0, "all have ended", DRAIN_SECONDS);
    await Promise.race([clients, late]).catch((error) => result.breaches.push(error.message));
    result.losses += this.open.size;
    for (const id of this.open) result.breaches.push(`${id} was accepted and has not ended`);
    const { effects } = await world.stats();
    if (effects.slack_posts !== result.posts)
      result.breaches.push(`${effects.slack_posts} posts, ${result.posts} of them of briefings`);
    result.modelCalls = effects.model_calls;
    return result;
  }

  // ---- the callers ----

  async #client() {
    while (!this.isOver) {
      const { user, fields } = await ownWords(this.world, "campaign");
      const dice = this.random();
      const body = { ...fields, ...(dice < 0.1 && { mode: "preview" }) };
      const { id } = await this.#persist(() => this.#accept(user, body));
      this.open.add(id);
      if (dice > 0.95) await this.#cancel(id, Math.floor(this.random() * 3));
      await this.#persist(() => this.world.untilEnd(id, DRAIN_SECONDS));
      await this.#check(id);
      this.open.delete(id);
    }
  }

  /** The key makes it one briefing, however often the answer gets lost. */
  async #accept(user, fields) {
    const answer = await this.world.brief(user, fields, { "idempotency-key": user });
    if (answer.status !== 202) throw new Error(`not accepted: ${answer.status} ${answer.text}`);
    return answer.body;
  }

  /** At a turn, if there is still something to cancel. */
  async #cancel(id, turn) {
    await this.#persist(() => this.world.until(id, ({ progress, terminal }) => terminal || progress.turn >= turn,
      DRAIN_SECONDS));
    await this.#persist(async () => {
      const { status, text } = await this.world.request("POST", `/briefings/${id}/cancel`);
      if (![200, 202, 409].includes(status)) throw new Error(`cancel: ${status} ${text}`);
    });
  }

  /** Again when the process died over it. */
  async #persist(ask) {
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        const isDown = ["ECONNREFUSED", "ECONNRESET", "EPIPE"].includes(error.code) || / 503 /.test(error.message);
        if (!isDown) throw error;
        await this.#up;
        await new Promise(setImmediate);
      }
    }
  }

  async #check(id) {
    const { result } = this;
    const seen = await this.#persist(async () => {
      await this.ledger.read();
      return this.ledger.check(id);
    });
    const { run, breaches, posts, repeats } = seen;
    result.runs++;
    result.posts += posts.length;
    result.duplicates += Math.max(0, posts.length - 1);
    result.repeats += repeats;
    result.unknown += run.error?.code === "delivery_unknown" ? 1 : 0;
    result.cancelled += run.status === "cancelled" ? 1 : 0;
    result.previewed += run.delivery.state === "previewed" ? 1 : 0;
    result.reconciled += run.delivery.state === "reconciled" ? 1 : 0;
    result.breaches.push(...breaches);
    if (this.isOrderly && (repeats > 0 || run.delivery.state === "reconciled"))
      result.breaches.push(`${id}: ${repeats} repeats, ${run.delivery.state}, and nothing was killed`);
    if (repeats > Math.max(0, run.attempt - 1))
      result.breaches.push(`${id}: ${repeats} model calls were repeated in ${run.attempt} attempts`);
    this.ledger.forget(seen);
  }

  // ---- the killer ----

  async #killer() {
    const { world, result } = this;
    while (!this.isOver) {
      const { last } = await world.stats();
      const wanted = last + 1 + Math.floor(this.random() ** 2 * 250);
      await world.eventually(async () => this.isOver || (await world.stats()).last >= wanted,
        `request ${wanted}`, 60);
      if (this.isOver) return;
      let rise;
      this.#up = new Promise((resolve) => { rise = resolve; });
      await this.#end();
      const broken = brokenTables(world);
      if (broken) result.breaches.push(broken);
      await this.#start();
      rise();
    }
  }

  async #end() {
    const { world, result } = this;
    const dice = this.random();
    if (this.isOrderly || dice < 0.2) {
      result.terms++;
      return world.stop("SIGTERM");
    }
    if (dice < 0.3) world.signal("SIGTERM"); // and does not get the time to obey
    result.kills++;
    return world.stop("SIGKILL").catch((error) => {
      if (dice >= 0.3) throw error; // it may have obeyed in time
    });
  }

  /** Sometimes it dies while it is still recovering. */
  async #start() {
    const { world, result } = this;
    while (!this.isOrderly && this.random() < 0.15) {
      const started = world.start().catch(() => null);
      for (let turns = this.random() * 300; turns > 0; turns--) await new Promise(setImmediate);
      result.kills++;
      await world.stop("SIGKILL");
      await started;
    }
    await world.start();
  }
}

function report(r) {
  const [cpu] = os.cpus();
  console.log(`seed ${r.seed}, ${r.seconds} s on ${os.cpus().length} × ${cpu?.model.trim()}, node ${process.version}`);
  console.log(`${r.kills} kills, ${r.terms} orderly ends, ${r.runs} runs, ${r.posts} posts ` +
    `(${r.reconciled} found in the channel), ${r.duplicates} duplicates, ${r.losses} losses`);
  console.log(`${r.previewed} previews, ${r.cancelled} cancelled, ${r.unknown} of unknown delivery, ` +
    `${r.modelCalls} model calls, ${r.repeats} of them repeated`);
  for (const breach of r.breaches.slice(0, 20)) console.log(`BREACH ${breach}`);
  console.log(r.breaches.length === 0 ? "everything held" : `${r.breaches.length} breaches`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const words = process.argv.slice(2);
  const isOrderly = words.includes("--sigterm");
  const [first, second] = words.filter((word) => word !== "--sigterm");
  const seconds = Number(first);
  const seed = Number(second ?? Date.now() % 1_000_000_000);
  if (!(seconds > 0) || !Number.isInteger(seed)) {
    console.error("node tests/crash/campaign.mjs SECONDS [SEED] [--sigterm]");
    process.exit(2);
  }
  console.log(`seed ${seed}`);
  const result = await campaign(seconds, seed, isOrderly);
  report(result);
  process.exitCode = result.breaches.length === 0 && result.duplicates === 0 && result.losses === 0 ? 0 : 1;
}
