import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { errorCode, useSandbox } from "./testing.mjs";

const sandbox = useSandbox();
const accounts = "/api/v1/connected_accounts";
const details = `${accounts}/details?connector=slack-sandbox&identifier=ada`;
const selection = { connector: "slack-sandbox", identifier: "ada" };

describe("connected accounts", () => {
  it("are listed in pages for one person or for all", async () => {
    for (const who of ["ada", "bo", "cy"]) await sandbox.connect("slack-sandbox", who);
    await sandbox.connect("github-sandbox", "ada");
    const found = [];
    let token = "";
    do {
      const { body } = await sandbox.api("GET", `${accounts}?page_size=3&page_token=${encodeURIComponent(token)}`);
      found.push(...body.connected_accounts);
      token = body.next_page_token;
      assert.equal(body.total_size, 4);
    } while (token);
    assert.equal(new Set(found.map(({ id }) => id)).size, 4);

    const ada = await sandbox.api("GET",
      `${accounts}?identifier=ada&connection_names=slack-sandbox&connection_names=github-sandbox`);
    assert.deepEqual(ada.body.connected_accounts.map((a) => [a.provider, a.status]),
      [["SLACK", "ACTIVE"], ["GITHUB", "ACTIVE"]]);
    assert.ok(!("api_config" in ada.body.connected_accounts[0]));
  });

  it("are listed by connector or by connection_names, never both, 99 at most", async () => {
    for (const query of ["connector=slack-sandbox&connection_names=github-sandbox", "page_size=100",
      "page_token=rubbish"]) {
      assert.equal((await sandbox.api("GET", `${accounts}?${query}`)).status, 400, query);
    }
    assert.equal((await sandbox.api("GET", `${accounts}?page_size=99`)).status, 200);
    assert.equal((await sandbox.api("GET", `${accounts}?connector=slack`)).status, 404);
  });

  it("show every status there is", async () => {
    for (const status of ["CONNECTION_STATUS_UNSPECIFIED", "ACTIVE", "EXPIRED", "PENDING_AUTH",
      "PENDING_VERIFICATION", "DISCONNECTED"]) {
      await sandbox.control("POST", "/accounts", { identifier: "ada", connection: "slack-sandbox", status });
      assert.equal((await sandbox.api("GET", details)).body.connected_account.status, status);
    }
  });

  it("are created once, need connected_account, and go away when deleted", async () => {
    assert.equal((await sandbox.api("POST", accounts, selection)).status, 400);
    const body = { ...selection, connected_account: { authorization_details: { oauth_token: {} } } };
    const created = await sandbox.api("POST", accounts, body);
    assert.equal(created.status, 201);
    assert.equal(created.body.connected_account.status, "PENDING_AUTH");
    const again = await sandbox.api("POST", accounts, body);
    assert.equal(again.status, 400);
    assert.equal(errorCode(again), "RESOURCE_ALREADY_EXISTS");

    assert.deepEqual(await sandbox.api("POST", `${accounts}:delete`, selection), { status: 200, body: {} });
    assert.equal((await sandbox.api("POST", `${accounts}:delete`, selection)).status, 404);
    assert.equal((await sandbox.api("GET", details)).status, 404);
  });

  it("of an unknown id are an internal error, as in life", async () => {
    const answer = await sandbox.api("GET", `${accounts}/details?id=ca_1`);
    assert.equal(answer.status, 500);
    assert.equal(errorCode(answer), "INTERNAL");
  });

  it("can be disconnected", async () => {
    const { id } = await sandbox.connect("slack-sandbox");
    const answer = await sandbox.api("POST", `${accounts}/${id}:disconnect`);
    assert.equal(answer.body.connected_account.status, "DISCONNECTED");
  });
});
