// Before the first question to the model: reading the accounts, asking who is connected, listing tools; and reading
// the accounts again when a briefing is taken up.

import assert from "node:assert/strict";
import { duringReply, suite } from "./faults_runner.mjs";
import { FAULTS, rowsFor } from "./faults_table.mjs";

const ACCOUNTS = { endpoint: "scalekit.accounts.list" };
const TOOLS = { endpoint: "scalekit.tools.scoped" };
// Asked for by name, the tools fit into one page.
const NO_FILTER = { ...TOOLS, count: 1, action: { type: "status", status: 400,
  body: { code: 3, message: "unknown filter", details: [] } } };
const PROBE = { endpoint: "scalekit.execute_tool", match: { tool: "slack_auth_test" } };
const MENDED = ["fine", "broken", "later", "ours"];
const LASTING = ["broken", "later", "silent", "nonsense", "failed", "refused"];

const posted = { then: "the briefing goes out" };
const unavailable = (says) => ({ then: "the briefing ends and says so", replies: 0, says,
  end: "connector_service_unavailable" });

/** The briefing waits for its user, who connects again. */
const waits = (statuses) => ({ then: "the briefing waits for its user and then goes out",
  middle: async (c) => {
    await c.blocked(statuses);
    await c.mend();
    for (const connector of Object.keys(statuses)) await c.reconnect(connector);
  },
  check: ({ run }) => {
    assert.equal(run.attempt, 2);
    assert.deepEqual(run.blocked_on, []);
  } });

suite("preparing", [
  ...rowsFor("the accounts, once", ACCOUNTS, ({ kind }, name) => {
    const isAskedOneByOne = ["status_400", "status_404", "not_active"].includes(name);
    if (MENDED.includes(kind) || kind === "account" || isAskedOneByOne) return posted;
    return unavailable(/^ScaleKit gave no usable answer about the connections: (HTTP \d|n\w+ \w+ within)/);
  }),
  ...rowsFor("the accounts, each time", { ...ACCOUNTS, count: -1 }, ({ kind }) => {
    if (kind === "account") return waits({ sanity: "EXPIRED", slack: "EXPIRED" });
    return LASTING.includes(kind) ? unavailable() : null;
  }),

  ...rowsFor("who is connected, once", PROBE, ({ kind }) => {
    if (MENDED.includes(kind) || kind === "refused") return posted;
    if (kind === "account") return waits({ slack: "EXPIRED" });
    return unavailable(/^ScaleKit gave no usable answer about the connections: (HTTP \d|n\w+ \w+ within)/);
  }),
  ...rowsFor("who is connected, each time", { ...PROBE, count: -1 }, ({ kind }) => {
    if (kind === "account") return waits({ slack: "EXPIRED" });
    if (kind === "refused") return { then: "the briefing goes out without it" };
    return LASTING.includes(kind) ? unavailable() : null;
  }),

  { name: "there is no tool that says who is connected, and \"not found\" is all that is said", ...posted,
    faults: [{ ...PROBE, count: -1, action: { type: "status", status: 404, body: { code: 5,
      message: "resource not found", details: [{ error_code: "RESOURCE_NOT_FOUND" }] } } }] },
  { name: "the account is not found when it is asked who is connected", ...waits({ slack: "EXPIRED" }),
    faults: [{ ...PROBE, action: { type: "status", status: 404, body: { code: 5,
      message: "connected account not found", details: [{ error_code: "RESOURCE_NOT_FOUND" }] } } }] },

  ...rowsFor("the first page of tools", TOOLS, ({ kind }, name) => {
    if (MENDED.includes(kind) || ["status_400", "not_active"].includes(name)) return posted;
    if (kind === "account") {
      return { then: "the briefing ends and names the cause", end: "connector_not_ready", replies: 0,
        says: /^ScaleKit lists no tools before the user connects again: HTTP 401 / };
    }
    return unavailable(/^ScaleKit gave no usable list of tools: (HTTP \d|n\w+ \w+ within)/);
  }),
  ...rowsFor("the second page of tools", { ...TOOLS, skip: 1 }, ({ kind }) =>
    (["broken", "later", "ours"].includes(kind) ? posted :
      ["nonsense", "failed", "silent"].includes(kind) ? unavailable() : null), [NO_FILTER]),
  ...rowsFor("the tools, each time", { ...TOOLS, count: -1 }, ({ kind }) =>
    (LASTING.includes(kind) ? unavailable() : null)),
], { together: 40 });

/** A start in the middle of a briefing, which reads the accounts again and meets these. */
const takenUp = (names, then, row) => names.map((name) => {
  const { setup, middle } = duringReply(2, ({ world }) => world.stop());
  return { name: `the accounts, after a start in the middle: ${FAULTS[name].says}; ${then}`, setup,
    brief: { budget: { max_usd: "5.00" } }, ...row, middle: async (c) => {
      await middle(c);
      await c.fault({ ...ACCOUNTS, action: FAULTS[name].action });
      await c.world.start();
      await row.middle?.(c);
    } };
});
// The second question was asked before the stop, and called off.
suite("taking a briefing up again", [
  ...takenUp(["reset_after", "truncated", "status_503", "our_token"], "the briefing goes out", { paid: 4 }),
  ...takenUp(["html", "status_500", "status_409"], "the briefing ends and says so", { replies: 1, paid: 2,
    end: "connector_service_unavailable", says: /^ScaleKit gave no usable answer about the connections: / }),
], { together: 1, env: { BRIEFD_STOP_GRACE: "100ms" } });
