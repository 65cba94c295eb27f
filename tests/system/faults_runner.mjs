// Runs briefings through faults of the upstreams, one test for each row of a table, and checks of each
// what must hold whatever went wrong.
//
//   name      a sentence
//   faults    rules for the sandbox, limited to this row's briefing; a list or a function of the case
//   claude    what Claude does instead, likewise
//   setup     before the briefing: setup(case)
//   middle    while it runs: middle(case)
//   brief     fields of the request
//   end       "succeeded" (default) or the error's code
//   replies   stored replies of the model (3: an ordinary briefing)
//   turn      of the last one, where a briefing started over
//   paid      replies that the model wrote, or a test of it (default: as many as were stored)
//   sends     requests that asked Slack to post (default: 1 for a success, else 0)
//   posts     messages in the channel (default: 1 for a success, else 0)
//   state     of the delivery (default: follows from the end)
//   says      what error.detail, or the summary of a success, must match
//   slow      a large number for rows that wait long: they begin first
//   waits     true: it ends because a time is over (a timeout, the retries'), so times are short for it.
//             All other rows have as much time as the machine needs
//   check     more of this row's own: check(case), with case.run, case.events and case.post
//   retries   repeated questions to the model
//
// Rows of one suite run side by side in one world, which they must not disturb for each other: a fault
// that everybody feels (the token, the brake for overloads, our credentials) is for a suite of its own
// with `together: 1`.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { CHANNEL, CONNECTIONS, UNHURRIED, startWorld } from "./harness.mjs";

const PATIENT = { ...UNHURRIED, BRIEFD_MODEL_RETRY_BUDGET: "2m" };
const SLOW = Number(process.env.BRIEFD_TEST_SLOW ?? 1); // a sanitizer's build takes longer for everything
const SHORT = { BRIEFD_MODEL_RETRY_BUDGET: `${4 * SLOW}s`, ...Object.fromEntries(Object.keys(UNHURRIED).map((name) =>
  [name, `${(name.includes("TOTAL") ? 20 : 4) * SLOW}s`])) };
const WAITING = 8; // rows at once whose times are short

/** A suite: its rows in a world of their own, those that wait in another one at the same time. */
export function suite(title, rows, { env, together = 12, ...more } = {}) {
  const patient = rows.filter(({ waits }) => !waits);
  const waiting = rows.filter(({ waits }) => waits);
  sideBySide(() => {
    if (patient.length > 0) part(title, patient, { ...more, together, env: { ...PATIENT, ...env } });
    if (waiting.length > 0)
      part(`${title}, and time`, waiting, { ...more, together: Math.min(together, WAITING), env: { ...SHORT, ...env } });
  });
}

/** Rows in one world, then a look at what is left behind. */
function part(title, rows, { env, sandboxArgs, together, restart }) {
  describe(title, { concurrency: 1 }, () => {
    const owners = new Map(); // of briefings
    let world;
    before(async () => {
      world = await startWorld({ env, sandboxArgs });
      await world.claude({ settings: { fast_stream: true } });
    });
    after(() => world?.close());

    describe("each", { concurrency: together }, () => {
      const slowFirst = [...rows].sort((a, b) => (b.slow ?? 0) - (a.slow ?? 0));
      for (const row of slowFirst) test(row.name, () => follow(world, row, owners));
    });
    test("afterwards the service is well and nothing was repeated or told", async () => {
      if (restart) await world.stop().then(() => world.start());
      await aftermath(world, owners);
    });
  });
}

/** Suites in worlds of their own, at the same time. */
export function sideBySide(run) {
  describe("at the same time", { concurrency: true }, run);
}

/** One briefing with its user, its faults and what the sandbox saw of it. */
class Case {
  constructor(world, row, user, lake) {
    this.world = world;
    this.row = row;
    this.user = user;
    this.mark = lake.projects[0].id; // stands in this briefing's prompts and in no other's
    this.tag = this.mark.slice(0, 6); // stands in everything that this user's providers know
    this.documents = lake.documents;
    this.id = null;
    this.rules = []; // ids of this briefing's faults
    this.hits = {}; // of those that are over
    this.since = 0; // where the sandbox's journal begins for this briefing
  }

  /** The same rule, for this briefing alone. */
  own(rule) {
    const mine = rule.endpoint.startsWith("anthropic.") ? { body_contains: this.mark } :
      rule.endpoint === "scalekit.token" ? {} : { identifier: this.user };
    return { ...rule, match: { ...mine, ...rule.match } };
  }

  async fault(...rules) {
    if (rules.length === 0) return;
    this.rules.push(...(await this.world.fault(...rules.map((rule) => this.own(rule)))).ids);
  }

  /** Holds one request of this briefing; see World.hold(). */
  hold = (rule) => this.world.hold(this.own(rule));

  /** Ends this briefing's faults, and notes how often each came to pass. */
  async mend() {
    const { faults } = await this.world.control("GET", "/faults");
    for (const id of this.rules.splice(0)) {
      this.hits[id] = faults.find((fault) => fault.id === id).hits;
      await this.world.control("DELETE", `/faults?id=${encodeURIComponent(id)}`);
    }
  }

  /** Requests for this user at an endpoint of ScaleKit, of one tool or all. */
  async asked(endpoint, tool) {
    return (await this.world.log(endpoint, this.since)).filter((entry) => entry.identifier === this.user &&
      (tool === undefined || entry.tool === tool));
  }

  /** Waits until the briefing is blocked on these connectors, and checks what it tells. */
  async blocked(statuses) {
    const run = await this.world.until(this.id, ({ status }) => status === "blocked");
    assert.deepEqual(run.blocked_on, Object.entries(statuses).map(([connector, status]) => ({
      connector, status, connect_url: `${this.world.url}/?connect=${connector}` })));
    assert.equal(run.needs_attention, false);
    assert.equal(run.error, null);
    return run;
  }

  /** Connects as the user would, and asks briefd to look. */
  async reconnect(connector) {
    await this.world.account(this.user, connector, { status: "ACTIVE", revoked: false });
    const answer = await this.world.request("POST",
      `/users/${this.user}/connections/${connector}/check`);
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.body.status, "ACTIVE");
  }
}

async function follow(world, row, owners) {
  const user = await world.connected();
  const c = new Case(world, row, user, await world.control("GET", `/sanity?identifier=${user}`));
  c.since = (await world.stats()).last;
  const own = (list) => (typeof list === "function" ? list(c) : list ?? []);
  await row.setup?.(c);
  const mine = { contains: c.mark };
  await world.claude([...own(row.claude).map((o) => ({ ...o, for: mine })),
    { script: "editorial", for: mine }]);
  await c.fault(...own(row.faults));
  const asked = { params: { sanity_project: c.mark }, ...row.brief };
  try {
    c.id = (await world.accepted(user, asked)).id;
    owners.set(c.id, user);
    await row.middle?.(c);
    c.run = await world.untilEnd(c.id, 60 * SLOW);
  } finally {
    await c.mend();
  }
  const idle = Object.entries(c.hits).filter(([, hits]) => hits === 0);
  assert.deepEqual(idle, [], "a fault never came to pass");
  const page = await world.request("GET", `/briefings/${c.id}/events`);
  c.events = page.body.data;
  c.posts = await world.posts(user);
  c.post = c.posts[0];
  checkEnd(c);
  await checkDelivery(c);
  await checkReplies(c);
  await checkOthers(c);
  checkWords(c);
  await row.check?.(c);
  assert.equal((await world.request("GET", "/healthz")).status, 200);
}

// ---- what must hold of each ----

function checkEnd({ run, row, events }) {
  const end = row.end ?? "succeeded";
  const story = JSON.stringify(run.error ?? run);
  assert.equal(run.error?.code ?? run.status, end, story);
  assert.equal(run.status, end === "succeeded" ? end : "failed");
  assert.equal(run.needs_attention, end === "delivery_unknown");
  assert.deepEqual(events.map(({ n }) => n), events.map((_, i) => i + 1), "events have gaps");
  assert.equal(run.progress.last_event, events.length);
}

function stateOf({ end = "succeeded", state }) {
  const usual = { succeeded: "confirmed", delivery_unknown: "unknown", delivery_rejected: "rejected" };
  return state ?? usual[end] ?? "none";
}

async function checkDelivery(c) {
  const { run, row, posts } = c;
  const usual = (row.end ?? "succeeded") === "succeeded" ? 1 : 0;
  const sends = await c.asked("scalekit.execute_tool", "slack_send_message");
  assert.equal(sends.length, row.sends ?? usual, "requests to post");
  assert.equal(posts.length, row.posts ?? usual, "messages in the channel");
  assert.ok(posts.length <= 1, "two messages");
  assert.equal(run.delivery.state, stateOf(row));
  for (const { params } of sends) {
    assert.deepEqual(Object.keys(params).sort(), ["channel", "text", "unfurl_links", "unfurl_media"]);
    assert.equal(params.channel, CHANNEL);
  }
  for (const post of posts) {
    assert.equal(post.channel, CHANNEL);
    assert.equal(post.sent_text, run.delivery.text);
    assert.ok(post.text.endsWith(`\n_Briefing ${c.id}_`));
    if (run.delivery.ts) assert.equal(post.ts, run.delivery.ts);
  }
}

/** No stored reply was asked for again, and the model wrote no more than the row says. */
async function checkReplies(c) {
  const { world, row, events, run } = c;
  const stored = events.filter(({ type }) => type === "model_reply").map(({ data }) => data.request_id);
  const replies = row.replies ?? 3;
  assert.equal(stored.length, replies, "stored replies");
  assert.equal(run.progress.turn, row.turn ?? replies);
  const again = events.filter(({ type }) => type === "model_retry").length;
  if (row.retries !== undefined) assert.equal(again, row.retries, "repeated questions");
  const log = await world.log("anthropic.messages", c.since);
  for (const id of stored) {
    const at = log.findIndex((entry) => entry.request_id === id);
    if (isUseless(log[at])) continue;
    const twins = log.filter(({ prompt_hash: hash }) => hash === log[at].prompt_hash);
    assert.equal(twins.at(-1), log[at], "a stored reply was asked for again");
  }
  const overrides = (await world.control("GET", "/claude")).overrides;
  const written = overrides.filter((one) => one.for.contains === c.mark)
    .reduce((n, one) => n + one.hits, 0);
  const paid = row.paid ?? replies;
  if (typeof paid === "function") assert.ok(paid(written), `${written} replies were written`);
  else assert.equal(written, paid, "replies that the model wrote");
}

/** A reply that arrived and is asked for again all the same: cut off, or not what the API promises. */
function isUseless({ stop_reason: stop, script, status }) {
  return stop === "max_tokens" || script === "invalid_tool_json" || status === "stream:unknown_delta";
}

/** Nothing of another user in this one's briefing, and nothing of it at another user's. */
async function checkOthers(c) {
  const calls = await c.world.log("scalekit.execute_tool", c.since);
  const strangers = calls.filter((entry) => entry.agent_run_id === c.id && entry.identifier !== c.user);
  assert.deepEqual(strangers, [], "a tool was run for another user");
  const shown = JSON.stringify([c.run, c.events, c.posts]);
  for (const [, tag] of shown.matchAll(/\[([0-9a-f]{6})\]/g)) {
    assert.equal(tag, c.tag, "something of another user is shown");
  }
}

const UNREADABLE = [/\(null\)/, /%[sdz]/, /[\u0000-\u001f\u007f]/, / {2}/, /<!?(html|doctype)/i,
  /HTTP 0\b/, /\( ?\)/, /request \)/, / [,.;:)]/, /[:,;(]\.?$/, /\.\.$/, /undefined|\bE_[A-Z]+/];

/** What a person reads is made for reading. */
function checkWords(c) {
  const { run, row, world } = c;
  const { client_secret: secret, anthropic_api_key: key } = world.ready;
  const texts = [run.summary, run.error?.detail].filter((text) => text !== undefined);
  for (const text of texts) {
    assert.equal(typeof text, "string");
    assert.ok(text.length >= 20 && text.length <= 700, text);
    for (const sign of UNREADABLE) assert.doesNotMatch(text, sign);
    assert.ok(![secret, key, world.key].some((word) => text.includes(word)), "a secret is shown");
  }
  assert.match(run.summary, /[.!]$/);
  if (row.says) assert.match(run.error?.detail ?? run.summary, row.says);
}

// ---- what must hold of all together ----

async function aftermath(world, owners) {
  const log = await world.log("anthropic.messages");
  const asked = log.filter((entry) => entry.completed && !isUseless(entry))
    .map(({ prompt_hash: hash }) => hash);
  const twice = asked.filter((hash, i) => asked.indexOf(hash) !== i);
  assert.deepEqual(twice, [], "a reply that arrived was asked for again");
  const posts = await world.posts();
  const markers = posts.map(({ text }) => /_Briefing (br_\w+)_$/.exec(text)[1]);
  assert.equal(new Set(markers).size, markers.length, "a briefing was posted twice");
  const stray = posts.filter(({ identifier }, i) => (owners.get(markers[i]) ?? identifier) !== identifier);
  assert.deepEqual(stray, [], "a briefing was posted into another's workspace");

  await world.clearFaults();
  await world.claude({ clear: true });
  assert.equal((await world.request("GET", "/readyz")).status, 200);
  const user = await world.connected();
  const run = await world.briefToEnd(user);
  assert.equal(run.status, "succeeded", JSON.stringify(run.error));
  assert.equal((await world.posts(user)).length, 1);

  const lines = world.logs().map((line) => JSON.stringify(line)).join("\n");
  const { client_secret: secret, anthropic_api_key: key } = world.ready;
  for (const word of [secret, key, world.key]) assert.ok(!lines.includes(word), "a secret is logged");
  assert.doesNotMatch(lines, /\[[0-9a-f]{6}\]/, "a document's title is logged");
}

/**
 * Part of a row: while the n-th question to the model waits for its answer, `act(case)` happens, however
 * long that takes.
 */
export const duringReply = (n, act) => ({
  setup: async (c) => { c.held = await c.hold({ endpoint: "anthropic.messages", skip: n - 1 }); },
  middle: async (c) => {
    await c.held.reached();
    await act(c);
    await c.held.release();
  },
});

export const CONNECTION = CONNECTIONS;
