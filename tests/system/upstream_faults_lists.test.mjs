// What ScaleKit's lists say: tools that are missing, pages, accounts of other people, accounts that
// are revoked before a briefing and in its middle.

import assert from "node:assert/strict";
import { duringReply, suite } from "./faults_runner.mjs";
import { CONNECTIONS } from "./harness.mjs";
import { FAULTS } from "./faults_table.mjs";

const EXECUTE = "scalekit.execute_tool";
const TOOLS = { endpoint: "scalekit.tools.scoped", count: -1 };
const ACCOUNTS = { endpoint: "scalekit.accounts.list", count: -1 };
const HISTORY = "slack_fetch_conversation_history";
const NAMES = ["sanitymcp_list_projects", "sanitymcp_query_documents", "sanitymcp_list_releases",
  "slack_send_message", HISTORY];

const scoped = (identifier, name, more) => ({ tool: { id: "tol_1", definition: { name,
  description: `The tool ${name}.`, input_schema: { type: "object", properties: {} }, ...more } },
identifier, connected_account_id: "ca_24834495392086178" });
const page = (tools, next = "") => ({ type: "body", body: { tools, next_page_token: next } });
const offered = (c, names = NAMES) => names.map((name) => scoped(c.user, name));
const without = (name) => NAMES.filter((one) => one !== name);
const missing = (...names) => ({ end: "tools_missing", replies: 0,
  says: new RegExp(`do not offer these tools of the recipe: ${names.join(", ")}$`) });

const account = (identifier, connector, more) => ({ id: "ca_24834495392086178", identifier,
  provider: "SANITYMCP", connector: CONNECTIONS[connector], connection_id: "conn_1", status: "ACTIVE",
  authorization_type: "OAUTH", updated_at: "2026-03-20T15:04:05Z", ...more });
const accounts = (...list) => ({ type: "body", body: { connected_accounts: list, total_size: 2 } });

/** A list that leaves briefings waiting for these connections. */
const waits = (statuses) => ({ middle: async (c) => {
  await c.blocked(statuses);
  await c.mend();
  for (const connector of Object.keys(statuses)) await c.reconnect(connector);
} });

/** The account is revoked then, and connected again when the briefing waits for it. */
const revokedDuring = (n, connector) => {
  const { setup, middle } = duringReply(n, (c) => c.world.account(c.user, connector, { revoked: true }));
  return { setup, middle: async (c) => {
    await middle(c);
    await c.blocked({ [connector]: "EXPIRED" });
    await c.reconnect(connector);
  }, check: ({ run }) => assert.equal(run.attempt, 2) };
};

suite("what the lists say", [
  ...NAMES.slice(0, 4).map((name) => ({ name: `${name} is not offered: the briefing names it and ends`,
    faults: (c) => [{ ...TOOLS, action: page(offered(c, without(name))) }], ...missing(name) })),
  { name: "no tool is offered: the briefing names them all",
    faults: [{ ...TOOLS, action: page([]) }], ...missing(...NAMES.slice(0, 4)) },
  { name: "tools of another user are not taken for this one's",
    faults: (c) => [{ ...TOOLS, action: page(offered({ user: `not-${c.user}` })) }],
    ...missing(...NAMES.slice(0, 4)) },
  { name: "no tool for the history is offered: the briefing goes out",
    faults: (c) => [{ ...TOOLS, action: page(offered(c, without(HISTORY))) }] },
  { name: "no tool for the history is offered and an answer is lost: nobody knows",
    faults: (c) => [{ ...TOOLS, action: page(offered(c, without(HISTORY))) },
      { endpoint: EXECUTE, match: { tool: "slack_send_message" }, action: FAULTS.reset_after.action }],
    sends: 1, posts: 1, end: "delivery_unknown", says: /there is no tool to read the channel back/ },
  { name: "the second page of tools is read, too",
    faults: (c) => [{ ...TOOLS, count: 1, action: page(offered(c, without(NAMES[0])), "p2") },
      { ...TOOLS, action: page(offered(c, [NAMES[0]])) }] },
  { name: "a tool that stands on two pages is one tool",
    faults: (c) => [{ ...TOOLS, count: 1, action: page(offered(c), "p2") },
      { ...TOOLS, action: page(offered(c)) }] },
  { name: "a page token that comes twice ends the briefing instead of reading for ever",
    faults: (c) => [{ ...TOOLS, action: page(offered(c, [NAMES[0]]), "again") }], replies: 0,
    end: "connector_service_unavailable", says: /list of tools: HTTP 200: the list does not end: .*twice/,
    check: async (c) => assert.equal((await c.asked("scalekit.tools.scoped")).length, 2) },
  { name: "entries that are no tools are left out",
    faults: (c) => [{ ...TOOLS, action: page([null, 7, {}, { tool: null }, { tool: { definition: 1 } },
      scoped(c.user, 5), scoped(c.user, ""), ...offered(c)]) }] },
  { name: "definitions that the model API would refuse are cleaned",
    faults: (c) => [{ ...TOOLS, action: page(NAMES.map((name) => scoped(c.user, name, {
      description: "x\ud800".repeat(900), extra: { a: 1 }, strict: "maybe",
      input_schema: { type: "array", properties: { $top: { type: "int", required: true },
        "a b": null }, required: "yes" } }))) }] },
  { name: "a schema that is none stands for any object",
    faults: (c) => [{ ...TOOLS, action: page(NAMES.map((name) => scoped(c.user, name,
      { description: 4, input_schema: "object" }))) }] },

  { name: "accounts of another user are not taken for this one's",
    faults: (c) => [{ ...ACCOUNTS, action: accounts(account("somebody", "sanity"),
      account("somebody", "slack")) }],
    ...waits({ sanity: "NOT_CONNECTED", slack: "NOT_CONNECTED" }) },
  { name: "an account of another connection is not taken for this one",
    faults: (c) => [{ ...ACCOUNTS, action: accounts(account(c.user, "sanity"),
      account(c.user, "slack", { connector: "slack-elsewhere" })) }],
    ...waits({ slack: "NOT_CONNECTED" }) },
  { name: "a status that nobody knows is not usable",
    faults: (c) => [{ ...ACCOUNTS, action: accounts(account(c.user, "sanity"),
      account(c.user, "slack", { status: "SUSPENDED" })) }], ...waits({ slack: "SUSPENDED" }) },
  { name: "an account list whose page token comes twice ends the briefing", replies: 0,
    faults: (c) => [{ ...ACCOUNTS, action: { type: "body", body: { connected_accounts: [
      account(c.user, "sanity")], next_page_token: "again" } } }],
    end: "connector_service_unavailable", says: /connections: HTTP 200: the list does not end/ },

  ...["sanity", "slack"].map((connector) => ({
    name: `${connector} is revoked before the briefing: it waits for its user`,
    setup: (c) => c.world.account(c.user, connector, { revoked: true }),
    ...waits({ [connector]: "EXPIRED" }) })),
  { name: "both are revoked before the briefing: it waits for both", setup: async (c) => {
    await c.world.account(c.user, "sanity", { revoked: true });
    await c.world.account(c.user, "slack", { revoked: true });
  }, ...waits({ sanity: "EXPIRED", slack: "EXPIRED" }) },
  { name: "an account is disconnected before the briefing: it waits for its user",
    setup: (c) => c.world.account(c.user, "slack", { status: "DISCONNECTED" }),
    ...waits({ slack: "DISCONNECTED" }) },
  { name: "Sanity is revoked before the first tool", ...revokedDuring(1, "sanity") },
  { name: "Sanity is revoked between two tools", ...revokedDuring(2, "sanity") },
  { name: "Slack is revoked before the message", ...revokedDuring(3, "slack") },
  { name: "Slack is revoked early, and it is noticed before the message",
    ...revokedDuring(1, "slack") },
  { name: "a caller that does not want to wait is told at once", brief: { if_blocked: "fail" },
    setup: (c) => c.world.account(c.user, "slack", { revoked: true }), replies: 0,
    end: "connector_not_ready" },
  { name: "a caller that does not want to wait is told in the middle, too", replies: 3,
    brief: { if_blocked: "fail" }, end: "connector_revoked", says: /slack account .* not usable/,
    ...duringReply(3, (c) => c.world.account(c.user, "slack", { revoked: true })) },
], { together: 24 });
