import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { errorCode, useSandbox } from "./testing.mjs";

const sandbox = useSandbox();
const send = (text, more = {}) => sandbox.tool("slack_send_message",
  { channel: "C0NEWSROOM1", text, ...more });
const history = async (params = {}) => (await sandbox.tool("slack_fetch_conversation_history",
  { channel: "C0NEWSROOM1", ...params })).body.data;

describe("execute_tool", () => {
  beforeEach(() => sandbox.connect("slack-sandbox"));

  it("finds the account by id, by connector and identifier, or by identifier alone", async () => {
    const { id } = await sandbox.connect("slack-sandbox");
    const call = (fields) => sandbox.api("POST", "/api/v1/execute_tool",
      { tool_name: "slack_auth_test", ...fields });
    assert.equal((await call({ connected_account_id: id })).status, 200);
    assert.equal((await call({ connector: "slack-sandbox", identifier: "ada" })).status, 200);
    assert.equal((await call({ identifier: "ada" })).status, 200);
    assert.equal((await call({})).status, 400);
    assert.equal((await call({ identifier: "nobody" })).status, 404);
    assert.equal((await call({ connected_account_id: "ca_1" })).status, 404);
  });

  it("refuses accounts that are not active, and says so", async () => {
    await sandbox.control("POST", "/accounts",
      { identifier: "ada", connection: "slack-sandbox", status: "EXPIRED" });
    const answer = await send("x");
    assert.equal(answer.status, 400);
    assert.match(answer.body.message, /not active/);
  });

  it("passes on a provider that refuses a token before ScaleKit knows", async () => {
    await sandbox.control("POST", "/accounts",
      { identifier: "ada", connection: "slack-sandbox", revoked: true });
    const answer = await send("x");
    assert.equal(answer.status, 401);
    assert.equal(errorCode(answer), "TOOL_ERROR");
    assert.ok(answer.body.details[0].tool_error_info.execution_id);
  });

  it("tells unknown tools from tools that it does not play", async () => {
    assert.equal((await sandbox.tool("slack_sendmessage")).status, 400);
    const answer = await sandbox.tool("slack_archive_conversation", { channel: "C0NEWSROOM1" });
    assert.equal(answer.status, 501);
    assert.equal(errorCode(answer), "TOOL_ERROR");
  });

  it("wants params, not tool_input, and at most 255 characters of agent_run_id", async () => {
    const answer = await sandbox.api("POST", "/api/v1/execute_tool",
      { tool_name: "slack_auth_test", identifier: "ada", tool_input: {} });
    assert.equal(answer.status, 400);
    assert.equal((await sandbox.tool("slack_auth_test", {}, { agent_run_id: "x".repeat(256) })).status, 400);
  });

  it("wraps lists", async () => {
    await sandbox.connect("github-sandbox");
    const login = (await sandbox.tool("github_user_get_authenticated")).body.data.login;
    const owner = `press-${login.split("-").pop()}`;
    const issues = await sandbox.tool("github_issues_list", { owner, repo: "newsroom-site" });
    assert.equal(issues.body.data.array.length, 3);
    const other = await sandbox.tool("github_issues_list", { owner: "press-000000", repo: "newsroom-site" });
    assert.equal(other.status, 404);
    assert.equal(errorCode(other), "TOOL_ERROR");
  });
});

describe("Slack", () => {
  beforeEach(() => sandbox.connect("slack-sandbox"));

  it("stores a message the way Slack rewrites it, and counts it", async () => {
    const { body } = await send("*R&D* <b> <https://e.com/?a=1|link> see https://f.org/x. <!here>");
    assert.equal(body.data.ok, true);
    const [message] = (await sandbox.control("GET", "/slack", {}, new URLSearchParams({ identifier: "ada" })))
      .messages;
    assert.equal(message.ts, body.data.ts);
    assert.equal(message.text,
      "*R&amp;D* &lt;b&gt; <https://e.com/?a=1|link> see <https://f.org/x>. <!here>");
    assert.equal(message.sent_text.slice(0, 5), "*R&D*");
    assert.equal((await sandbox.control("GET", "/stats")).effects.slack_posts, 1);
  });

  it("refuses inside a 200", async () => {
    for (const [channel, text, error] of [
      ["C0NOWHERE00", "x", "channel_not_found"], ["C0PRIVATE01", "x", "not_in_channel"],
      ["C0ARCHIVED1", "x", "is_archived"], ["C0NEWSROOM1", "", "no_text"],
      ["C0NEWSROOM1", "x".repeat(4001), "msg_too_long"],
    ]) {
      const { status, body } = await send(text, { channel });
      assert.equal(status, 200);
      assert.deepEqual(body.data, { ok: false, error });
    }
    assert.equal((await send("é".repeat(4000))).body.data.ok, true);
    assert.equal((await sandbox.control("GET", "/stats")).effects.slack_posts, 1);
  });

  it("gives history newest first, in pages, between two times", async () => {
    const sent = [];
    for (let i = 0; i < 5; i++) sent.unshift((await send(`message ${i}`)).body.data.ts);
    const found = [];
    let cursor;
    do {
      const page = await history({ limit: 2, cursor, oldest: "1000000000" });
      found.push(...page.messages.map(({ ts }) => ts));
      cursor = page.response_metadata?.next_cursor;
      assert.equal(page.has_more, cursor !== undefined);
    } while (cursor);
    assert.deepEqual(found.slice(0, 5), sent);
    const between = await history({ oldest: sent[3], latest: sent[0] });
    assert.deepEqual(between.messages.map(({ ts }) => ts), [sent[1], sent[2]]);
    assert.deepEqual(await history({ cursor: "rubbish" }), { ok: false, error: "invalid_cursor" });
  });

  it("says in history who wrote what", async () => {
    const me = (await sandbox.tool("slack_auth_test")).body.data;
    await send("_Briefing br_1_");
    await sandbox.control("POST", "/slack",
      { identifier: "ada", channel: "C0NEWSROOM1", text: "> _Briefing br_1_" });
    const [theirs, mine] = (await history()).messages;
    assert.deepEqual([mine.user, mine.bot_id], [me.user_id, me.bot_id]);
    assert.notEqual(theirs.user, me.user_id);
  });

  it("shows one user nothing of another", async () => {
    await sandbox.connect("slack-sandbox", "bo");
    await send("for ada");
    const bo = await sandbox.tool("slack_fetch_conversation_history", { channel: "C0NEWSROOM1" },
      { identifier: "bo" });
    assert.ok(!JSON.stringify(bo.body).includes("for ada"));
  });

  it("has a page for people", async () => {
    await send("*bold* _br_1_ <img src=x>\n• item");
    const page = await (await fetch(`${sandbox.base}/slack/C0NEWSROOM1`)).text();
    assert.match(page, /<strong>bold<\/strong> <em>br_1<\/em> &lt;img src=x&gt;/);
    assert.match(page, /class="item"/);
  });
});
