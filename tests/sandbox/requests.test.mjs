import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { errorCode, useSandbox, violations } from "./testing.mjs";

const sandbox = useSandbox();
const magicLink = "/api/v1/connected_accounts/magic_link";
const good = { connector: "slack-sandbox", identifier: "ada" };

describe("requests", () => {
  it("may spell known fields in both ways", async () => {
    const answer = await sandbox.api("POST", magicLink, { ...good, userVerifyUrl: "http://127.0.0.1:1/x" });
    assert.equal(answer.status, 200);
  });

  it("are refused for an unknown field, which is named", async () => {
    const answer = await sandbox.api("POST", magicLink, { ...good, verify_url: "http://x" });
    assert.equal(answer.status, 400);
    assert.deepEqual(violations(answer).map(({ field, constraint }) => [field, constraint]),
      [["verify_url", "unknown_field"]]);
  });

  it("are refused for an unknown query parameter", async () => {
    const answer = await sandbox.api("GET", "/api/v1/connected_accounts/details?connector=slack-sandbox&identifer=a");
    assert.equal(answer.status, 400);
    assert.equal(violations(answer)[0].field, "identifer");
  });

  it("are refused for each broken rule about a field", async () => {
    for (const [fields, constraint] of [
      [{ state: "x".repeat(513) }, "max_len"],
      [{ identifier: "x".repeat(101) }, "max_len"],
      [{ id: "" }, "prefix"],
      [{ user_verify_url: "ftp://x" }, "pattern"],
      [{ connector: "slack/sandbox" }, "pattern"],
      [{ state: 7 }, "type"],
    ]) {
      const answer = await sandbox.api("POST", magicLink, { ...good, ...fields });
      assert.equal(answer.status, 400, JSON.stringify(fields));
      assert.equal(violations(answer)[0].constraint, constraint);
    }
  });

  it("count characters, not bytes", async () => {
    const answer = await sandbox.api("POST", magicLink, { ...good, identifier: "æ".repeat(100) });
    assert.equal(answer.status, 200);
  });

  it("need a JSON body with its media type", async () => {
    assert.equal((await sandbox.api("POST", magicLink, "{}", { "content-type": "text/plain" })).status, 415);
    assert.equal((await sandbox.api("POST", magicLink, "{")).status, 400);
    assert.equal((await sandbox.api("POST", magicLink, "[]")).status, 400);
  });

  it("for a connection that does not exist are 404", async () => {
    const answer = await sandbox.api("POST", magicLink, { ...good, connector: "Slack-Sandbox" });
    assert.equal(answer.status, 404);
    assert.equal(errorCode(answer), "RESOURCE_NOT_FOUND");
  });

  it("for a path that does not exist are 404", async () => {
    assert.equal((await sandbox.api("GET", "/api/v1/connected_account")).status, 404);
  });
});

describe("answers", () => {
  it("can be spelled in camel case, except for what tools gave", async () => {
    await sandbox.connect("slack-sandbox");
    await sandbox.control("POST", "/variants", { json_case: "camel", zero_values: "omit" });
    const accounts = await sandbox.api("GET", "/api/v1/connected_accounts?identifier=ada");
    assert.equal(accounts.body.connectedAccounts[0].connectionId.slice(0, 5), "conn_");
    assert.ok(!("nextPageToken" in accounts.body));
    const answer = await sandbox.tool("slack_auth_test");
    assert.ok(answer.body.executionId);
    assert.ok(answer.body.data.team_id);
  });
});
