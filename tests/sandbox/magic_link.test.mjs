import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { useSandbox } from "./testing.mjs";

const sandbox = useSandbox();
const callback = "http://127.0.0.1:1/oauth/slack/callback?tab=2";

async function newLink(more = {}) {
  const answer = await sandbox.api("POST", "/api/v1/connected_accounts/magic_link",
    { connector: "slack-sandbox", identifier: "ada", user_verify_url: callback, state: "s-1", ...more });
  assert.equal(answer.status, 200);
  return answer.body.link;
}

/** Opens a link as a browser: {status, html, cookie}. */
async function open(link, cookie) {
  const answer = await fetch(link, { headers: cookie ? { cookie } : {} });
  return { status: answer.status, html: await answer.text(),
    cookie: answer.headers.get("set-cookie")?.split(";")[0] };
}

async function decide(link, { html, cookie }, decision, choice = "0") {
  const reader = /name="reader" value="([^"]+)"/.exec(html)[1];
  const answer = await fetch(link, { method: "POST", redirect: "manual", headers: { cookie },
    body: new URLSearchParams({ reader, decision, choice }) });
  const location = answer.headers.get("location");
  return { status: answer.status, html: await answer.text(), back: location && new URL(location) };
}

const status = async () => (await sandbox.api("GET",
  "/api/v1/connected_accounts/details?connector=slack-sandbox&identifier=ada")).body.connected_account.status;

const verify = (id, identifier = "ada") => sandbox.api("POST", "/api/v1/connected_accounts/user/verify",
  { auth_request_id: id, identifier });

describe("an authorization link", () => {
  it("leads to an active account through consent and verification", async () => {
    const link = await newLink();
    assert.equal(await status(), "PENDING_AUTH");
    const page = await open(link);
    assert.equal(page.status, 200);
    assert.match(page.html, /Slack/);
    const { status: code, back } = await decide(link, page, "allow");
    assert.equal(code, 303);
    assert.equal(back.searchParams.get("tab"), "2");
    assert.equal(back.searchParams.get("state"), "s-1");
    assert.equal(await status(), "PENDING_VERIFICATION");

    const id = back.searchParams.get("auth_request_id");
    assert.equal((await verify(id, "mallory")).status, 403);
    assert.equal(await status(), "PENDING_VERIFICATION");
    const answer = await verify(id);
    assert.equal(answer.status, 200);
    assert.match(answer.body.post_user_verify_redirect_url, /^http:\/\/localhost:/);
    assert.equal(await status(), "ACTIVE");
    assert.equal((await verify(id)).status, 404);
  });

  it("opens once: again for the same browser, for no other, and not after the decision", async () => {
    const link = await newLink();
    const page = await open(link);
    assert.equal((await open(link)).status, 410);
    assert.equal((await open(link, page.cookie)).status, 200);
    await decide(link, page, "deny");
    assert.equal((await open(link, page.cookie)).status, 410);
  });

  it("expires", async () => {
    await sandbox.control("POST", "/variants", { link_ttl: 0 });
    assert.equal((await open(await newLink())).status, 410);
  });

  it("comes back with an error when the person says no", async () => {
    const link = await newLink();
    const { back } = await decide(link, await open(link), "deny");
    assert.equal(back.searchParams.get("error"), "access_denied");
    assert.equal(back.searchParams.get("state"), "s-1");
    assert.equal(back.searchParams.get("auth_request_id"), null);
    assert.equal(await status(), "PENDING_AUTH");
  });

  it("fails at the end without a user_verify_url", async () => {
    const link = await newLink({ user_verify_url: "" });
    const end = await decide(link, await open(link), "allow");
    assert.equal(end.status, 400);
    assert.match(end.html, /failed_to_exchange/);
    assert.equal(await status(), "PENDING_AUTH");
  });

  it("connects at once in an environment that does not verify", async () => {
    await sandbox.control("POST", "/variants", { verify_mode: "NONE" });
    const link = await newLink();
    const end = await decide(link, await open(link), "allow");
    assert.equal(end.status, 200);
    assert.equal(await status(), "ACTIVE");
  });

  it("connects the account that the person chose", async () => {
    const teams = [];
    for (const choice of ["0", "1"]) {
      const link = await newLink();
      const { back } = await decide(link, await open(link), "allow", choice);
      await verify(back.searchParams.get("auth_request_id"));
      teams.push((await sandbox.tool("slack_auth_test")).body.data.team_id);
    }
    assert.notEqual(teams[0], teams[1]);
  });

  it("of an older flow verifies nothing once a newer one was begun", async () => {
    const link = await newLink();
    const { back } = await decide(link, await open(link), "allow");
    await newLink();
    assert.equal((await verify(back.searchParams.get("auth_request_id"))).status, 400);
  });

  it("cannot be decided from another browser or by a foreign form", async () => {
    const link = await newLink();
    const page = await open(link);
    const foreign = await fetch(link, { method: "POST", headers: { cookie: page.cookie },
      body: new URLSearchParams({ decision: "allow" }) });
    assert.equal(foreign.status, 403);
    assert.equal((await fetch(link, { method: "POST", body: new URLSearchParams() })).status, 410);
  });

  it("is escaped on its page", async () => {
    const link = await newLink({ identifier: "<script>alert(1)</script>" });
    assert.ok(!(await open(link)).html.includes("<script>"));
  });
});

describe("verification", () => {
  it("of rubbish is 404, of nothing 400", async () => {
    assert.equal((await verify("rubbish")).status, 404);
    assert.equal((await verify("")).status, 400);
    assert.equal((await verify("x".repeat(1001))).status, 400);
  });
});
