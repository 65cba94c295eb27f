import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { errorCode, useSandbox } from "./testing.mjs";

const sandbox = useSandbox();
const accounts = "/api/v1/connected_accounts";

describe("access tokens", () => {
  it("are given for the right credentials", async () => {
    const { access_token: token, token_type: type, expires_in: seconds } = await sandbox.newToken();
    assert.equal(type, "Bearer");
    assert.equal(seconds, 3600);
    assert.ok(token.length > 200);
  });

  it("are refused for a wrong secret, grant type, field or media type", async () => {
    const { client_id, client_secret } = sandbox.sandbox.credentials;
    const good = { grant_type: "client_credentials", client_id, client_secret };
    for (const [fields, headers, status, error] of [
      [{ ...good, client_secret: "wrong" }, {}, 401, "invalid_client"],
      [{ ...good, grant_type: "password" }, {}, 400, "unsupported_grant_type"],
      [{ ...good, audience: "x" }, {}, 400, "invalid_request"],
      [{ client_id, client_secret }, {}, 400, "invalid_request"],
      [good, { "content-type": "application/json" }, 400, "invalid_request"],
    ]) {
      const answer = await sandbox.form(fields, headers);
      assert.equal(answer.status, status);
      assert.equal((await answer.json()).error, error);
    }
  });

  it("end when their time is over", async () => {
    await sandbox.control("POST", "/token", { ttl: 0.05 });
    sandbox.token = (await sandbox.newToken()).access_token;
    let answer;
    const until = Date.now() + 5000;
    do answer = await sandbox.api("GET", accounts);
    while (answer.status === 200 && Date.now() < until);
    assert.equal(answer.status, 401);
    assert.equal(errorCode(answer), "UNAUTHENTICATED");
    assert.equal(answer.body.code, 16);
    assert.equal(answer.body.message, "Token expired");
  });

  it("can all be revoked at once", async () => {
    assert.equal((await sandbox.api("GET", accounts)).status, 200);
    await sandbox.control("POST", "/token", { revoke_all: true });
    assert.equal((await sandbox.api("GET", accounts)).status, 401);
  });

  it("are asked for before anything else", async () => {
    const answer = await sandbox.api("POST", "/api/v1/execute_tool", { nonsense: 1 },
      { authorization: "Basic abc" });
    assert.equal(answer.status, 401);
    assert.equal(answer.body.message, "Token empty");
  });
});
