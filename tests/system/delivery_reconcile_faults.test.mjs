// Looking into the channel after a message whose outcome nobody knows: every fault of the reads, pages
// that do not end, apps that may read once in a while, and channels that do not tell the truth.

import assert from "node:assert/strict";
import { CHANNEL } from "./harness.mjs";
import { duringReply, sideBySide, suite } from "./faults_runner.mjs";
import { FAULTS, rowsFor, toolError } from "./faults_table.mjs";

const EXECUTE = "scalekit.execute_tool";
const SEND = { endpoint: EXECUTE, match: { tool: "slack_send_message" } };
const PROBE = { endpoint: EXECUTE, match: { tool: "slack_auth_test" } };
const HISTORY = { endpoint: EXECUTE, match: { tool: "slack_fetch_conversation_history" } };
const PAGE_TWO = { endpoint: EXECUTE, match: { ...HISTORY.match, body_contains: "\"cursor\"" } };

const lost = { ...SEND, action: FAULTS.reset_before.action };
const arrived = { ...SEND, action: FAULTS.reset_after.action };
const inside = (data) => ({ type: "body", body: { data, execution_id: "5" } });
const says = (error) => inside({ ok: false, error });
/** Too large for many times; and ScaleKit's own 429 slows everybody down. */
const isForOne = (name) => name !== "huge" && !name.startsWith("status_429");
const SOON = ["broken", "later", "silent", "nonsense", "failed"]; // what may be another way in a moment

const reads = (c) => c.asked(EXECUTE, HISTORY.match.tool);
/** Reads from the first page on. */
const fromTheTop = async (c) => (await reads(c)).filter(({ params }) => params.cursor === undefined).length;

const found = { then: "the message is found", sends: 1, state: "reconciled" };
const absent = { then: "the message is sent once more", sends: 2 };
const nobody = (row) => ({ then: "nobody knows, and nothing more is sent", end: "delivery_unknown",
  sends: 1, posts: 1, ...row });
const late = (row) => nobody({ says:
  /nobody can know: .*; the channel could not be read in time \(.+\)\. Look into the channel for br_/, ...row });
const unread = (row) => nobody({ says:
  /nobody can know: .*; the channel cannot be read completely \(.+\)\. Look into the channel for br_/, ...row });

/** Messages of others, newest last, so that the channel has pages of fifteen. */
const crowd = (n) => async (c) => {
  for (let i = 0; i < n; i++) {
    await c.world.control("POST", "/slack", { identifier: c.user, channel: CHANNEL,
      text: `Somebody else's message ${i}` });
  }
};
/** The channel has this message of somebody, made while the last question waits: answer(id, us). */
const inChannel = (make, count = -1) => duringReply(3, async (c) => {
  const { body } = await c.world.request("GET", `/users/${c.user}/connections/slack`);
  const us = { user: body.account.user_id, bot_id: body.account.bot_id };
  assert.ok(us.user || us.bot_id, "we have a name at Slack");
  await c.fault({ ...HISTORY, count, action: inside({ ok: true, messages: [make(c.id, us)] }) });
});
const page = (next, messages = []) => inside({ ok: true, messages, has_more: true,
  response_metadata: { next_cursor: next } });

sideBySide(() => {
  suite("looking for a message", [
    ...rowsFor("reading the channel, once, after it arrived", HISTORY, ({ kind }) =>
      (SOON.includes(kind) ? found : null), [arrived]),
    ...rowsFor("reading the channel, once, when it did not arrive", HISTORY, ({ kind }) =>
      (SOON.includes(kind) ? absent : null), [lost]),
    ...rowsFor("asking first who is connected, once", { ...PROBE, skip: 2 }, ({ kind }) =>
      (SOON.includes(kind) || kind === "fine" || kind === "ours" ? found : null), [arrived]),
    ...["ratelimited", "fatal_error", "internal_error"].map((word) => ({
      name: `Slack says ${word} to a read, five times: it is read again`, ...found,
      faults: [arrived, { ...HISTORY, count: 5, action: says(word) }] })),
    { name: "a provider's rate limit is waited for as long as it asks", ...found,
      faults: [arrived, { ...HISTORY, count: 4, action: { type: "status", status: 429,
        headers: { "retry-after": "1" }, body: toolError(8, "RATE_LIMITED", "one read a minute") } }],
      check: async (c) => {
        const at = (await reads(c)).map(({ time }) => Date.parse(time));
        const gaps = at.slice(1, 5).map((time, i) => time - at[i]);
        assert.ok(gaps.every((ms) => ms >= 990), `${gaps} ms between the reads`);
      } },
    { name: "an app that is refused at a second page again and again reads on there, to the end", ...absent,
      faults: [lost, { ...PAGE_TWO, count: 9, action: says("ratelimited") }],
      setup: async (c) => {
        await c.world.variants({ slack_history_page: 15 });
        await crowd(20)(c);
      }, check: async (c) => {
        // Twice when the settle time is over, and perhaps once before.
        const tops = await fromTheTop(c);
        assert.ok(tops === 2 || tops === 3, `read ${tops} times from the top`);
      } },

    { name: "a cursor that comes twice: nobody knows", ...unread({ posts: 0 }),
      faults: [lost, { ...HISTORY, count: -1, action: page("again") }],
      check: async (c) => assert.equal((await reads(c)).length, 2) },
    { name: "two cursors in turns end after two hundred pages: nobody knows", ...unread({ posts: 0 }),
      faults: [lost,
        { endpoint: EXECUTE, match: { ...HISTORY.match, body_contains: "\"cursor\":\"one\"" }, count: -1,
          action: page("two") },
        { ...HISTORY, count: -1, action: page("one") }],
      check: async (c) => assert.equal((await reads(c)).length, 200) },
    { name: "more pages are promised and there is no cursor: nobody knows", ...unread({ posts: 0 }),
      faults: [lost, { ...HISTORY, action: inside({ ok: true, messages: [], has_more: true }) }] },
    ...[{ next_cursor: "one" }, { nextCursor: "one", hasMore: true }, { responseMetadata: { nextCursor: "one" } }]
      .map((next) => ({ name: `a next page named as ${JSON.stringify(next)} is read, too`, ...absent, posts: 1,
        faults: [lost,
          { endpoint: EXECUTE, match: { ...HISTORY.match, body_contains: "\"cursor\":\"one\"" }, count: 2,
            action: inside({ ok: true, messages: [], has_more: false }) },
          { ...HISTORY, count: 2, action: inside({ ok: true, messages: [], ...next }) }],
        check: async (c) => assert.equal((await reads(c)).filter(({ params }) => params.cursor === "one").length, 2) })),
    { name: "a full page that says nothing of others may not be the last: nobody knows", ...unread({ posts: 0 }),
      faults: [lost, { ...HISTORY, action: inside({ ok: true, messages: Array.from({ length: 15 }, (_, i) =>
        ({ user: "U0SOMEBODY", ts: `1763881200.${100000 + i}`, text: "x" })) }) }] },
    { name: "a cursor that is longer than any: nobody knows", ...unread({ posts: 0 }),
      faults: [lost, { ...HISTORY, action: page("x".repeat(5000)) }] },
    ...[null, 7, "none", { 0: {} }].map((messages) => ({
      name: `a history whose messages are ${JSON.stringify(messages)}: nobody knows`, ...unread({ posts: 0 }),
      faults: [lost, { ...HISTORY, action: inside({ ok: true, messages }) }] })),
    { name: "entries of the history that are no messages do no harm", ...absent,
      faults: [lost, { ...HISTORY, count: 2, action: inside({ ok: true, messages: [null, 7, [], "br_",
        { user: 5, text: {} }] }) }] },
    ...["channel_not_found", "not_in_channel", "missing_scope"].map((word) => ({
      name: `Slack says ${word} to a read: nobody knows`, ...unread(),
      faults: [arrived, { ...HISTORY, action: says(word) }] })),

    { name: "our marker in a message of another author is not ours", ...absent, faults: [lost],
      ...inChannel((id) => ({ user: "U0SOMEBODY", bot_id: "B0SOMEBODY", ts: "1763881200.000100",
        text: `_Briefing ${id}_` })) },
    { name: "a message of ours with another briefing's marker is not this one", ...absent, faults: [lost],
      ...inChannel((id, us) => ({ ...us, ts: "1763881200.000100",
        text: "_Briefing br_01M837HJEVM5312TSDJ6WTAQDQ_" })) },
    { name: "our marker by us without a ts: nobody knows", ...unread({ posts: 0 }), faults: [lost],
      ...inChannel((id, us) => ({ ...us, text: `_Briefing ${id}_` })) },
    { name: "our marker by nobody: nobody knows", ...unread({ posts: 0 }), faults: [lost],
      ...inChannel((id) => ({ ts: "1763881200.000100", text: `_Briefing ${id}_` })) },
    { name: "our marker by us in a block, where the text was moved: the message is found", faults: [lost],
      sends: 1, posts: 0, state: "reconciled", ...inChannel((id, us) => ({ ...us, ts: "1763881200.000100",
        text: "", blocks: [{ type: "rich_text", elements: [{ text: `Briefing ${id}` }] }] })) },

    { name: "another account is connected after the send: nobody knows", faults: [arrived,
      { ...PROBE, skip: 2, action: inside({ ok: true, team_id: "T0OTHER", user_id: "U0OTHER" }) }],
    ...nobody({ says: /another account is connected now/ }) },
    { name: "another account is connected while we look: what was read there proves nothing",
      faults: [lost, { ...PROBE, skip: 3,
        action: inside({ ok: true, team_id: "T0OTHER", user_id: "U0OTHER" }) }],
      ...nobody({ posts: 0, says: /another account is connected now/ }) },
  ], { together: 16 });

  suite("looking for a message in vain", [
    ...rowsFor("reading the channel, each time", { ...HISTORY, count: -1 }, ({ kind }, name) =>
      (SOON.includes(kind) && isForOne(name) ? late() : null), [arrived]),
    ...rowsFor("asking first who is connected, each time", { ...PROBE, skip: 2, count: -1 }, ({ kind }, name) =>
      (isForOne(name) && name !== "hang_undone" && SOON.includes(kind) ? nobody({ says: /nobody could be asked who is connected \(.+\)/ }) : null),
    [arrived]),
    { name: "Slack is busy each time: nobody knows", ...late({ says: /in time \(ratelimited\)/ }),
      faults: [arrived, { ...HISTORY, count: -1, action: says("ratelimited") }] },
    { name: "an app that may come back tomorrow: nobody knows", ...late(),
      faults: [arrived, { ...HISTORY, count: -1, action: { type: "status", status: 429,
        headers: { "retry-after": "86400" }, body: toolError(8, "RATE_LIMITED", "tomorrow") } }] },
  ], { together: 16, env: { BRIEFD_RECONCILE_TIMEOUT: "2s" } });
});
