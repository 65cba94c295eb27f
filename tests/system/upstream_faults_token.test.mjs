// Our access token: fetching it, and losing it in the middle of a briefing. Everybody uses the one
// token, so briefings go one after the other here.

import assert from "node:assert/strict";
import { duringReply, sideBySide, suite } from "./faults_runner.mjs";
import { FAULTS, rowsFor } from "./faults_table.mjs";

const TOKEN = { endpoint: "scalekit.token" };
const EXECUTE = "scalekit.execute_tool";
const REVOKED = { setup: (c) => c.world.token({ revoke_all: true }) };

/** The token is refused when this tool is run, so that another one is fetched there. */
const refusedAt = (tool) => ({ endpoint: EXECUTE, match: { tool }, action: FAULTS.our_token.action });

const isMended = ({ kind }, name) => name !== "large" && (["fine", "broken", "later"].includes(kind) ||
  name === "status_500");
/** 400, 401 and 403 are about our secret: upstream_faults_credentials.test.mjs. */
const isAboutUs = (name) => ["status_400", "status_403", "not_active", "our_token", "our_token_bare",
  "token_revoked", "reauthentication", "no_refresh_token"].includes(name);

sideBySide(() => {
  suite("the access token", [
    ...rowsFor("fetching it, once", TOKEN, (fault, name) => {
      if (isAboutUs(name)) return null;
      if (isMended(fault, name)) return { ...REVOKED, then: "the briefing goes out" };
      if (fault.kind === "silent") return null;
      return { ...REVOKED, then: "the briefing ends and says so", replies: 0,
        end: "connector_service_unavailable", says: /^ScaleKit gave no usable answer about the conn/ };
    }),
    ...["sanitymcp_list_projects", "sanitymcp_query_documents"].flatMap((tool) => [
      { name: `it ends at ${tool}: another one is fetched`, faults: [refusedAt(tool)] },
      { name: `it ends at ${tool}, and fetching fails once: the model never knows`,
        faults: [refusedAt(tool), { ...TOKEN, action: FAULTS.reset_after.action }] },
      { name: `it ends at ${tool}, and a page comes instead of another: the model asks again`,
        replies: 4, faults: [refusedAt(tool), { ...TOKEN, action: FAULTS.html.action }] },
    ]),
    ...rowsFor("fetching another one in the middle", TOKEN, (fault, name) => {
      if (isAboutUs(name) || fault.kind === "silent") return null;
      if (isMended(fault, name)) return { then: "the model never knows" };
      return { then: "the model asks again", replies: 4 };
    }, [refusedAt("sanitymcp_list_projects")]),
    { name: "it ends at the message: another one is fetched, and the message is posted once", sends: 2,
      faults: [refusedAt("slack_send_message")] },
    { name: "it ends at the message, and fetching fails: the message waits, and is posted once", sends: 2,
      faults: [refusedAt("slack_send_message"), { ...TOKEN, action: FAULTS.html.action }] },
    { name: "it is revoked between two questions: nobody notices",
      ...duringReply(2, (c) => c.world.token({ revoke_all: true })),
      check: async (c) => {
        const refused = await c.asked(EXECUTE);
        assert.ok(refused.some(({ status }) => status === 401), "the old token was not used");
      } },
  ], { together: 1 });

  suite("an access token that cannot be had", [
    { name: "503 each time: the briefing ends and says so",
      faults: [{ ...TOKEN, count: -1, action: FAULTS.status_503.action }], replies: 0,
      end: "connector_service_unavailable", says: /HTTP 503 UNAVAILABLE: unavailable$/ },
  ], { together: 1 });

  for (const name of ["hang_headers", "hang_body"]) {
    suite(`a token endpoint with ${FAULTS[name].says}`, [
      { name: "the time of the briefing ends", brief: { deadline_seconds: 10 }, replies: 0,
        faults: [{ ...TOKEN, action: FAULTS[name].action }], end: "deadline_exceeded" },
    ], { together: 1 });
  }

  suite("an access token that lives for a second", [
    { name: "is fetched again and again while the briefing goes on",
      faults: [{ endpoint: "anthropic.messages", count: 3, action: { type: "delay", ms: 700 } }],
      check: async (c) => assert.ok((await c.world.log("scalekit.token")).length >= 3) },
  ], { sandboxArgs: ["--token-ttl=1"] });
});
