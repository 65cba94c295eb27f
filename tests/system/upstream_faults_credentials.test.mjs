// Our own keys are refused: nothing runs until they are read anew, nothing that was accepted is lost,
// and what was paid for is not asked again.

import assert from "node:assert/strict";
import { suite } from "./faults_runner.mjs";
import { FAULTS } from "./faults_table.mjs";

const ASK = { endpoint: "anthropic.messages" };
const EXECUTE = "scalekit.execute_tool";
const oauth = (status, error) => ({ type: "status", status, body: { error, error_description: "no" } });
const http = (error) => ({ type: "stream", kind: "http", error });
const refused = FAULTS.our_token.action;
const tool = (name) => ({ endpoint: EXECUTE, match: { tool: name } });

/** A row: while `rules` hold, briefings wait; after a restart without them they go on. */
function refusal(name, rules, { revoke = false, says, ...row } = {}) {
  return {
    name: `${name}: briefings wait, and go on after a restart`,
    faults: rules.map((rule) => ({ count: -1, ...rule })),
    setup: async (c) => {
      if (revoke) await c.world.token({ revoke_all: true });
    },
    middle: async (c) => {
      const { world } = c;
      const run = await world.until(c.id, ({ phase }) => phase === "waiting_for_credentials");
      assert.equal(run.status, "queued");
      assert.equal(run.terminal, false);
      assert.equal(run.error, null);
      const left = await world.logged("credentials_rejected");
      assert.match(left.detail, says);
      const ready = await world.request("GET", "/readyz");
      assert.equal(ready.status, 503);
      assert.equal(ready.body.credentials_accepted, false);

      const other = await world.connected();
      const { id } = await world.accepted(other);
      const before = (await world.log()).length;
      assert.equal((await world.document(id)).status, "queued");
      assert.equal((await world.log()).length, before, "a briefing was begun with refused keys");

      await c.mend();
      await world.stop();
      await world.start();
      assert.equal((await world.untilEnd(id)).status, "succeeded");
      assert.equal((await world.posts(other)).length, 1);
    },
    check: ({ run }) => assert.equal(run.attempt, 2),
    ...row,
  };
}

suite("credentials that are refused", [
  refusal("401 of Anthropic at the first question", [{ ...ASK, action: http("authentication") }],
    { says: /^Anthropic refuses our API key: HTTP 401 authentication_error: .*\(request req_/ }),
  refusal("401 of Anthropic at the third question",
    [{ ...ASK, skip: 2, action: http("authentication") }], { says: /^Anthropic refuses our API key/ }),
  refusal("403 of Anthropic about the key's permission", [{ ...ASK, action: http("permission") }],
    { says: /HTTP 403 permission_error/ }),
  refusal("an organization on hold at Anthropic", [{ ...ASK, skip: 1, action: http("on_hold") }],
    { says: /HTTP 403 organization_on_hold/ }),
  refusal("an authentication error inside the stream", [{ ...ASK, action: { type: "stream",
    kind: "error_event", error_type: "authentication_error" } }],
  { says: /authentication_error/, paid: 4 }),

  ...[[401, "invalid_client"], [400, "invalid_client"], [403, "access_denied"]].map(([status, error]) =>
    refusal(`${status} ${error} of ScaleKit's token endpoint`,
      [{ endpoint: "scalekit.token", action: oauth(status, error) }],
      { revoke: true, says: new RegExp(`client credentials while .* \\(HTTP ${status}: ${error}`) })),
  refusal("401 invalid_client of ScaleKit's token endpoint in the middle",
    [{ ...tool("sanitymcp_query_documents"), count: 1, action: refused },
      { endpoint: "scalekit.token", action: oauth(401, "invalid_client") }],
    { setup: async ({ world }) => { await world.briefToEnd(await world.connected()); }, // there is a token
      says: /client credentials while sanitymcp_query_documents \(HTTP 401: invalid_client/ }),
  refusal("401 of ScaleKit for the accounts, with a new token, too",
    [{ endpoint: "scalekit.accounts.list", action: refused }], { says: /while reading the user's conn/ }),
  refusal("401 of ScaleKit for the tools", [{ endpoint: "scalekit.tools.scoped", action: refused }],
    { says: /while listing the user's tools \(HTTP 401 UNAUTHENTICATED: token expired\)$/ }),
  refusal("401 of ScaleKit for a read tool in the middle",
    [{ ...tool("sanitymcp_query_documents"), action: refused }], { says: /sanitymcp_query_documents/ }),
  refusal("401 of ScaleKit when asked who is connected",
    [{ ...tool("slack_auth_test"), skip: 1, action: refused }], { says: /asking who is connected/ }),
  refusal("401 of ScaleKit for the message", [{ ...tool("slack_send_message"), action: refused }],
    { sends: 3, says: /^nothing was posted: ScaleKit refuses our client credentials/ }),
], { together: 1 });
