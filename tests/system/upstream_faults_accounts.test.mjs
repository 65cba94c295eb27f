// Before the first question to the model: reading the accounts, asking who is connected, listing tools.

import assert from "node:assert/strict";
import { suite } from "./faults_runner.mjs";
import { FAULTS, kinds, problem, rowsFor, toolError } from "./faults_table.mjs";

const ACCOUNTS = { endpoint: "scalekit.accounts.list" };
const TOOLS = { endpoint: "scalekit.tools.scoped" };
const PROBE = { endpoint: "scalekit.execute_tool", match: { tool: "slack_auth_test" } };
const UNAVAILABLE = "connector_service_unavailable";

const posted = { then: "the briefing goes out" };
const blockedOn = (connector, status) => ({ then: "the briefing waits for the user",
  middle: async (c) => {
    await c.blocked(connector, status);
    await c.world.clearFault?.(c);
    await c.reconnect(connector);
  } });
const unavailable = (says) => ({ then: "the briefing ends as unavailable", end: UNAVAILABLE, replies: 0,
  says });

suite("accounts", [
  ...rowsFor("the accounts, once", ACCOUNTS, ({ kind }, name) => {
    if (["fine", "broken", "later", "ours"].includes(kind)) return posted;
    if (["status_400", "status_404", "not_active"].includes(name)) return posted;
    if (kind === "account") return null;
    return unavailable(/^ScaleKit .*connections/);
  }),
  ...rowsFor("the accounts, for ever", { ...ACCOUNTS, count: -1 }, ({ kind }) =>
    (["broken", "later", "nonsense", "failed", "refused"].includes(kind) ? unavailable() : null)),
]);
