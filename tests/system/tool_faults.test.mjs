// Running read tools: the first call of a briefing, and one of four calls that go out together.

import assert from "node:assert/strict";
import { suite } from "./faults_runner.mjs";
import { rowsFor, toolError } from "./faults_table.mjs";

const PROJECTS = { endpoint: "scalekit.execute_tool", match: { tool: "sanitymcp_list_projects" } };
const QUERY = { endpoint: "scalekit.execute_tool", match: { tool: "sanitymcp_query_documents" } };
const RELEASES = { endpoint: "scalekit.execute_tool", match: { tool: "sanitymcp_list_releases" } };
const DIGITS = "9007199254740993123";
const MENDED = ["fine", "broken", "later", "ours"];

const results = (c) => c.events.filter(({ type }) => type === "tool_result").map(({ data }) => data);

/** Nobody but the sandbox notices. */
const mended = { then: "the briefing goes out as always", check: (c) => {
  assert.ok(results(c).every(({ ok }) => ok));
  assert.equal(results(c).length, 5);
} };

/** The model is told, and asks again. */
const told = (n = 6) => ({ then: "the model asks again", replies: 4, check: (c) => {
  assert.equal(results(c).length, n);
  assert.equal(results(c).filter(({ ok }) => !ok).length, 1);
} });

/** The model asked again in vain: it says so, is reminded, and says so again. */
const inVain = (replies) => ({ then: "nothing is posted", end: "not_delivered", replies,
  says: /^the model ended without sending the message, also after a reminder; nothing was posted/ });

const waits = (connector, status = "EXPIRED") => ({ then: "the briefing waits for its user and goes on",
  middle: async (c) => {
    const run = await c.blocked({ [connector]: status });
    assert.ok(run.started_at);
    await c.mend();
    await c.reconnect(connector);
  },
  check: ({ run }) => assert.equal(run.attempt, 2) });

suite("read tools", [
  ...rowsFor("the first tool, once", PROJECTS, ({ kind }) => {
    if (MENDED.includes(kind)) return mended;
    return kind === "account" ? waits("sanity") : told();
  }),
  ...rowsFor("the first tool, each time", { ...PROJECTS, count: -1 }, ({ kind }) =>
    (["broken", "later", "silent", "nonsense", "failed", "refused"].includes(kind) ? inVain(4) : null)),
  ...rowsFor("one of four tools, once", { ...QUERY, skip: 1 }, ({ kind }) => {
    if (MENDED.includes(kind)) return mended;
    return kind === "account" ? waits("sanity") : told();
  }),
  ...rowsFor("three of four tools, each time", { ...QUERY, count: -1 }, ({ kind }) =>
    (["nonsense", "failed", "refused"].includes(kind) ? inVain(5) : null)),

  ...["no_permission", "FORBIDDEN", "EXEC_FAILED"].map((word) => ({
    name: `a tool fails with ${word} of the provider: the model is told`,
    faults: [{ ...RELEASES, action: { type: "status", status: word === "EXEC_FAILED" ? 500 : 403,
      body: toolError(7, word, "the provider said no") } }],
    ...told(),
  })),
  { name: "a provider's rate limit with 429 is waited for, not told",
    faults: [{ ...QUERY, action: { type: "status", status: 429,
      body: toolError(8, "RATE_LIMITED", "HubSpot API rate limit exceeded") } }], ...mended },
  { name: "a failure inside a 200 is told to the model",
    faults: [{ ...RELEASES, action: { type: "body",
      body: { data: { ok: false, error: "internal_error" }, execution_id: "5" } } }], ...told() },
  { name: "an MCP error inside a 200 is told to the model",
    faults: [{ ...RELEASES, action: { type: "body", body: { data: { isError: true,
      content: [{ type: "text", text: "Dataset is being restored" }] }, execution_id: "5" } } }],
    ...told() },
  { name: "an error text beside no data is told to the model",
    faults: [{ ...PROJECTS, action: { type: "body", body: { error: "try later" } } }], ...told() },
  { name: "integers above 2^53 in a result reach the model digit for digit", replies: 4,
    faults: [{ ...PROJECTS, action: { type: "body", body: `{"data":{"rev":${DIGITS}},"execution_id":"5"}` } },
      { endpoint: "anthropic.messages", count: -1, match: { body_contains: DIGITS }, action: { type: "delay", ms: 0 } }] },
  { name: "half characters and controls in a result reach the model as something it can read", replies: 4,
    faults: [{ ...PROJECTS, action: { type: "body",
      body: '{"data":{"t":"half \\ud83d, bell \\u0007, nul \\u0000"},"execution_id":"5"}' } }], check: (c) =>
      assert.ok(results(c).every(({ ok }) => ok)) },
  { name: "an account that is gone: the briefing waits for its user",
    faults: [{ ...PROJECTS, action: { type: "status", status: 404, body: { code: 5,
      message: "connected account not found", details: [{ error_code: "RESOURCE_NOT_FOUND" }] } } }],
    ...waits("sanity", "NOT_CONNECTED") },
  { name: "a result of 300 KB is cut, and the model is told so",
    setup: (c) => {
      const [sample] = c.documents;
      const long = "All about the harbour bridge. ".repeat(400);
      return c.world.control("POST", "/sanity", { identifier: c.user, documents: Array.from(
        { length: 25 }, (_, i) => ({ ...sample, _id: `drafts.long-${i}`, title: `${i} ${long}` })) });
    },
    check: (c) => {
      const sizes = results(c).map(({ bytes }) => bytes);
      assert.ok(Math.max(...sizes) > 65_536 && Math.max(...sizes) < 65_700, `${sizes}`);
      assert.match(c.post.text, /Drafts Awaiting Review \(5\)/);
    } },
  { name: "all four tools fail together, twice: the briefing ends before it burns more money",
    faults: [{ ...QUERY, count: -1, action: { type: "status", status: 400 } },
      { ...RELEASES, count: -1, action: { type: "status", status: 400 } }],
    end: "tool_failed", replies: 3, says: /^\d tool calls in a row ended in an error$/ },
], { together: 24 });
