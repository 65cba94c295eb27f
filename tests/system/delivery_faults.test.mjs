// The one step that others see: every fault while the message is on its way, and while briefd looks
// into the channel because nobody said whether it arrived. Never two messages.

import assert from "node:assert/strict";
import { CHANNEL } from "./harness.mjs";
import { duringReply, suite } from "./faults_runner.mjs";
import { FAULTS, rowsFor, toolError } from "./faults_table.mjs";

const SEND = { endpoint: "scalekit.execute_tool", match: { tool: "slack_send_message" } };
const PROBE = { endpoint: "scalekit.execute_tool", match: { tool: "slack_auth_test" } };
const HISTORY = { endpoint: "scalekit.execute_tool",
  match: { tool: "slack_fetch_conversation_history" } };
const UNKNOWN = ["broken", "silent", "nonsense", "failed", "later"];

const isUnknown = ({ kind }, name) => UNKNOWN.includes(kind) && !name.startsWith("status_429");
const looks = async (c) => c.asked(HISTORY.endpoint, HISTORY.match.tool);

const atOnce = { then: "it is posted", check: async (c) => assert.equal((await looks(c)).length, 0) };
const found = { then: "it is found in the channel and not sent again", sends: 1, state: "reconciled",
  check: async (c) => assert.ok((await looks(c)).length >= 1) };
const absent = { then: "it is not in the channel and is sent once more", sends: 2,
  check: async (c) => assert.ok((await looks(c)).length >= 2) };
const unknown = (row) => ({ then: "nobody knows, and nothing more is sent", end: "delivery_unknown",
  ...row });
const INCOMPLETE =
  /nobody can know: .*; the channel cannot be read completely \(.* Look into the channel for br_/;
const TWICE = /^two sends got no answer and are not in the channel; nothing is sent again$/;
const again = { then: "it is sent again", sends: 2,
  check: async (c) => assert.equal((await looks(c)).length, 0) };
const told = { then: "the model is told and sends again", sends: 2, replies: 4 };
const waits = { then: "the briefing waits for its user and is posted then", sends: 2,
  middle: async (c) => {
    const run = await c.blocked({ slack: "EXPIRED" });
    assert.equal(run.delivery.state, "none");
    await c.mend();
    await c.reconnect("slack");
  } };

const inside = (data) => ({ type: "body", body: { data, execution_id: "5" } });
const slackSays = (error) => inside({ ok: false, error });
const sendFails = (action, row) => ({ faults: [{ ...SEND, action }], ...row });
const lost = { ...SEND, action: FAULTS.reset_before.action };
const arrived = { ...SEND, action: FAULTS.reset_after.action };

const NOT_NOW = {
  "429 with Retry-After": { least: 1000, action: { type: "status", status: 429,
    headers: { "retry-after": "1" }, body: toolError(8, "RATE_LIMITED", "too many messages") } },
  "429 without a word when to come back": { action: { type: "status", status: 429,
    body: toolError(8, "RATE_LIMITED", "too many messages") } },
  "ratelimited inside a 200": { action: slackSays("ratelimited") },
};
/** Between two sends there is at least what was asked for, and nothing was looked for in the channel. */
const inPeace = async (c, least) => {
  const at = (await c.asked(SEND.endpoint, SEND.match.tool)).map(({ time }) => Date.parse(time));
  const gaps = at.slice(1).map((time, i) => time - at[i]);
  assert.equal(gaps.length, 5);
  assert.ok(gaps.every((ms) => ms >= least - 20), `${gaps} ms between the sends`);
  assert.equal((await looks(c)).length, 0);
};

/** While the third question waits for its answer, `act` happens. */
const meanwhile = (act) => duringReply(3, act);

/** The same, and then the briefing waits for its user. */
const waitsAfter = ({ setup, middle }) => ({ setup, middle: async (c) => {
  await middle(c);
  await c.blocked({ slack: "EXPIRED" });
  await c.reconnect("slack");
} });

/** The n-th question is asked again by a service that was started anew. */
const startedAnew = (n) => {
  const { setup, middle } = duringReply(n, async ({ world }) => {
    await world.stop();
    await world.start();
  });
  return { setup, middle };
};

suite("the delivery, and a start in between", ["", "x", "xx", "xxx"].map((shift) => (
  { name: `a refusal in many characters of three bytes, shifted by ${shift.length}, is told in the same words after a start`,
    ...startedAnew(4), faults: [{ ...SEND, action: { type: "status", status: 400,
      body: toolError(3, "no_text", `${shift}${"\u20ac".repeat(300)}`) } }],
    sends: 2, replies: 4, paid: 5, brief: { budget: { max_usd: "5.00" } } })),
{ together: 1, env: { BRIEFD_STOP_GRACE: "100ms" } });

suite("the delivery", [
  ...rowsFor("sending, once", SEND, (fault, name) => {
    if (fault.kind === "fine") return atOnce;
    if (isUnknown(fault, name)) return fault.effect ? found : absent;
    return { refused: told, account: waits }[fault.kind] ?? again;
  }),
  ...rowsFor("sending, each time", { ...SEND, count: -1 }, (fault, name) => {
    if (isUnknown(fault, name)) {
      return fault.effect ? found : unknown({ sends: 2, says: TWICE });
    }
    return fault.kind !== "refused" ? null : { then: "the third refusal ends it", replies: 5, sends: 3,
      end: "delivery_rejected", says: /^nothing was posted, the provider refused 3 times: HTTP 4\d\d/ };
  }),
  { name: "sending is rate limited for longer than the briefing has: nothing was posted",
    faults: [{ ...SEND, count: -1, action: { type: "status", status: 429,
      headers: { "retry-after": "90" }, body: toolError(8, "RATE_LIMITED", "too many messages") } }],
    brief: { deadline_seconds: 60 }, end: "deadline_exceeded", sends: 1,
    says: /^nothing was posted: the provider said "not now": HTTP 429 TOOL_ERROR \(request \w+\)$/ },

  ...Object.entries(NOT_NOW).flatMap(([what, { action, least = 0 }]) => [
    { name: `${what}, each time: it is sent six times and no more`, faults: [{ ...SEND, count: -1, action }],
      end: "connector_service_unavailable", sends: 6, slow: 6,
      says: /^nothing was posted: the provider said "not now" 6 times, the last: \S/,
      check: (c) => inPeace(c, least) },
    { name: `${what}, five times: the sixth send is the message`, faults: [{ ...SEND, count: 5, action }],
      sends: 6, slow: 6, check: (c) => inPeace(c, least) },
  ]),
  { name: "every kind of \"not now\" in turns counts against the same six", sends: 6, slow: 6,
    faults: Object.values(NOT_NOW).flatMap(({ action }) => ({ ...SEND, count: 2, action })),
    end: "connector_service_unavailable", check: (c) => inPeace(c, 0) },
  { name: "an unknown outcome after five times \"not now\" is looked for, and sent once more at most", slow: 6,
    faults: [{ ...SEND, count: 5, action: slackSays("ratelimited") }, { ...SEND, count: -1,
      action: FAULTS.reset_before.action }], ...unknown({ sends: 7, says: TWICE }) },

  ...["channel_not_found", "not_in_channel", "is_archived", "msg_too_long"].map((word) =>
    ({ name: `Slack says ${word} inside a 200: ${told.then}`, ...sendFails(slackSays(word), told) })),
  ...["invalid_auth", "token_revoked", "account_inactive", "missing_scope"].map((word) =>
    ({ name: `Slack says ${word} inside a 200: ${waits.then}`, ...sendFails(slackSays(word), waits) })),
  { name: `Slack says ratelimited inside a 200: ${again.then}`,
    ...sendFails(slackSays("ratelimited"), again) },
  { name: `Slack says something unheard of inside a 200: ${absent.then}`,
    ...sendFails(slackSays("fatal_error"), absent) },
  { name: `a 403 of the provider about a missing scope: ${waits.then}`,
    ...sendFails({ type: "status", status: 403, body: toolError(7, "missing_scope", "no") }, waits) },
  { name: `a success without the message's ts: ${found.then}`,
    ...sendFails({ ...inside({ ok: true }), effect: true }, found) },
  { name: `a success without the message's ts that is none: ${absent.then}`,
    ...sendFails(inside({ ok: true }), absent) },
  { name: `an error of the tool beside a message that was posted: ${found.then}`,
    ...sendFails({ type: "status", status: 500, effect: true,
      body: toolError(13, "EXEC_FAILED", "timeout of the provider") }, found) },

  ...rowsFor("asking once more who is connected", { ...PROBE, skip: 1 }, ({ kind }) =>
    (kind === "account" ? { ...waits, sends: 1 } : atOnce)),
  { name: "nobody can be asked who is connected: nothing is sent", slow: 8,
    faults: [{ ...PROBE, skip: 1, count: -1, action: FAULTS.status_500.action }],
    end: "connector_service_unavailable",
    says: /^nothing was posted: slack could not be asked who is connected \(HTTP 500 INTERNAL: / },
  { name: "another Slack account is connected meanwhile: the briefing starts over for that one",
    ...meanwhile((c) => c.world.account(c.user, "slack", { choice: 1 })),
    replies: 6, turn: 3,
    check: ({ run, post }) => {
      assert.equal(run.attempt, 2);
      assert.match(post.workspace, /^Magazine /);
    } },
  { name: "Slack is revoked before the message is sent: the briefing waits for its user",
    ...waitsAfter(meanwhile((c) => c.world.account(c.user, "slack", { revoked: true }))) },

  ...rowsFor("reading the channel back after it arrived", HISTORY, ({ kind }) => {
    if (["fine", "broken", "later", "ours"].includes(kind)) return found;
    if (kind === "refused") return unknown({ sends: 1, posts: 1, says: INCOMPLETE });
    if (kind !== "account") return null; // tried again after a minute
    return { ...found, then: "the briefing waits for its user and finds it then", middle: async (c) => {
      const run = await c.blocked({ slack: "EXPIRED" });
      assert.equal(run.delivery.state, "intended");
      await c.reconnect("slack");
    } };
  }, [arrived]),
  { name: "the channel may not be read and the message did not arrive: nobody knows",
    faults: [lost, { ...HISTORY, action: { type: "status", status: 403,
      body: toolError(7, "missing_scope", "no") } }], ...unknown({ sends: 1, says: INCOMPLETE }) },
  { name: "the channel's history makes no sense: nobody knows",
    faults: [lost, { ...HISTORY, action: inside({ ok: true, messages: "none" }) }],
    ...unknown({ sends: 1, says: INCOMPLETE }) },
  { name: "a channel of many pages is read to its end before anything is sent again", faults: [lost],
    setup: async (c) => {
      await c.world.variants({ slack_history_page: 15 });
      for (let i = 0; i < 40; i++) {
        await c.world.control("POST", "/slack", { identifier: c.user, channel: CHANNEL,
          text: `Somebody else's message ${i}` });
      }
    }, sends: 2, check: async (c) => {
      const reads = await looks(c);
      const whole = reads.filter(({ params }) => params.cursor === undefined).length;
      assert.ok(whole >= 2, `${whole} reads`);
      assert.equal(reads.length, 3 * whole);
    } },
  { name: "another person's message with this briefing's marker is not taken for ours",
    faults: [lost], ...meanwhile((c) => c.world.control("POST", "/slack", { identifier: c.user,
      channel: CHANNEL, text: `Have you seen this?\n_Briefing ${c.id}_` })), sends: 2 },
], { together: 24 });
