import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { useSandbox } from "./testing.mjs";

const sandbox = useSandbox();
const endpoint = "scalekit.execute_tool";
const send = () => sandbox.tool("slack_send_message", { channel: "C0NEWSROOM1", text: "hello" });
const posts = async () => (await sandbox.control("GET", "/stats")).effects.slack_posts;
const fail = (action, more = {}) => sandbox.control("POST", "/faults", { endpoint, action, ...more });
const lastEntry = async () => (await sandbox.control("GET", "/log")).entries.at(-1);
const code = (error) => error.cause?.code ?? error.name;

describe("faults", () => {
  beforeEach(() => sandbox.connect("slack-sandbox"));

  for (const type of ["reset", "close_silent"]) {
    it(`cut a connection before or after the effect (${type})`, async () => {
      for (const [when, expected] of [["before", 0], ["after", 1]]) {
        await fail({ type, when });
        await assert.rejects(send(), (error) => ["ECONNRESET", "UND_ERR_SOCKET"].includes(code(error)));
        assert.equal(await posts(), expected);
        assert.equal((await lastEntry()).effect, when === "after");
      }
      assert.equal((await send()).status, 200);
    });
  }

  it("cut an answer short of its promised length, after the effect", async () => {
    await fail({ type: "truncate", bytes: 10 });
    await assert.rejects(send(), TypeError);
    assert.equal(await posts(), 1);
    assert.equal((await lastEntry()).status, "truncated");
  });

  it("answer any status, with headers and body, before or after the effect", async () => {
    await fail({ type: "status", status: 429, headers: { "Retry-After": "3" }, body: { code: 8 } });
    const answer = await fetch(`${sandbox.base}/api/v1/execute_tool`, { method: "POST" });
    assert.equal(answer.status, 429);
    assert.equal(answer.headers.get("retry-after"), "3");
    assert.deepEqual(await answer.json(), { code: 8 });
    await fail({ type: "status", status: 504, body: {}, effect: true });
    assert.equal((await send()).status, 504);
    assert.equal(await posts(), 1);
  });

  it("spoil an answer that was already decided", async () => {
    for (const [action, check] of [
      [{ type: "malformed" }, (error) => error instanceof SyntaxError],
      [{ type: "empty" }, (error) => error instanceof SyntaxError],
      [{ type: "html", effect: true }, (error) => error instanceof SyntaxError],
    ]) {
      await fail(action);
      await assert.rejects(send(), check);
    }
    assert.equal(await posts(), 3);
    await fail({ type: "body", body: { data: { ok: false, error: "fatal_error" } }, effect: true });
    assert.equal((await send()).body.data.error, "fatal_error");
    assert.equal(await posts(), 4);
  });

  it("send huge and slow answers that are still right", async () => {
    await fail({ type: "huge", bytes: 3_000_000 });
    const { body } = await send();
    assert.ok(body.padding.length > 2_900_000);
    assert.equal(body.data.ok, true);
    await fail({ type: "drip", bytes_per_s: 4000 });
    assert.equal((await send()).body.data.ok, true);
  });

  it("hang until the other side leaves, before or after the headers", async () => {
    for (const [when, before_effect, expected] of [["before_headers", true, 0],
      ["before_headers", false, 1], ["mid_body", false, 2]]) {
      await fail({ type: "hang", when, before_effect });
      const answer = fetch(`${sandbox.base}/api/v1/execute_tool`, {
        method: "POST", signal: AbortSignal.timeout(200),
        headers: { authorization: `Bearer ${sandbox.token}`, "content-type": "application/json" },
        body: JSON.stringify({ tool_name: "slack_send_message", identifier: "ada",
          params: { channel: "C0NEWSROOM1", text: "x" } }),
      }).then((res) => res.text());
      await assert.rejects(answer, { name: /^(Timeout|Abort)Error$/ });
      assert.equal(await posts(), expected);
    }
  });

  it("delay an effect even when the client leaves, but not beyond a reset", async () => {
    for (const reset of [false, true]) {
      await fail({ type: "delay", ms: 150 });
      await assert.rejects(sandbox.api("POST", "/api/v1/execute_tool",
        { tool_name: "slack_send_message", identifier: "ada",
          params: { channel: "C0NEWSROOM1", text: "late" } }, {}, AbortSignal.timeout(50)));
      assert.equal(await posts(), 0);
      if (!reset) {
        await until(async () => (await posts()) === 1);
        await sandbox.control("POST", "/reset");
        await sandbox.connect("slack-sandbox");
        continue;
      }
      await sandbox.control("POST", "/reset");
      await sandbox.connect("slack-sandbox");
      await fail({ type: "delay", ms: 200 });
      await send();
      assert.equal(await posts(), 1);
    }
  });

  it("hold a request until their rule is removed", async () => {
    for (const when of ["before", "after"]) {
      await sandbox.control("POST", "/reset");
      await sandbox.connect("slack-sandbox", "ada");
      const { ids } = await fail({ type: "hold", when });
      const answer = send();
      await until(async () => (await sandbox.control("GET", "/faults")).faults[0].hits === 1);
      assert.equal(await posts(), when === "before" ? 0 : 1);
      await sandbox.control("DELETE", "/faults", {}, new URLSearchParams({ id: ids[0] }));
      assert.equal((await answer).status, 200);
      assert.equal(await posts(), 1);
    }
  });

  it("choose requests by tool, person and text, skip some, and count", async () => {
    await sandbox.connect("slack-sandbox", "bo");
    const action = { type: "status", status: 503 };
    await fail(action, { match: { tool: "slack_send_message", identifier: "ada", body_contains: "hello" },
      skip: 1, count: 2 });
    assert.equal((await sandbox.tool("slack_auth_test")).status, 200);
    assert.equal((await sandbox.tool("slack_auth_test", {}, { identifier: "bo" })).status, 200);
    const answers = [];
    for (let i = 0; i < 4; i++) answers.push(await statusOf(sandbox.token));
    assert.deepEqual(answers, [200, 503, 503, 200]);
  });

  it("are listed, removed and checked", async () => {
    const { ids } = await fail({ type: "malformed" }, { count: -1 });
    assert.equal((await sandbox.control("GET", "/faults")).faults[0].id, ids[0]);
    await sandbox.control("DELETE", "/faults", {}, new URLSearchParams({ id: ids[0] }));
    assert.equal((await send()).status, 200);
    for (const rule of [{ endpoint: "scalekit.nothing", action: { type: "empty" } },
      { endpoint, action: { type: "explode" } }, { endpoint, action: { type: "reset" } },
      { endpoint, action: { type: "empty" }, times: 2 }, { endpoint, action: { type: "delay", ms: "1" } }]) {
      await assert.rejects(sandbox.control("POST", "/faults", rule), JSON.stringify(rule));
    }
  });

  it("take a whole listener down and bring it back", async () => {
    await sandbox.control("POST", "/listeners", { scalekit: "down" });
    await assert.rejects(send());  // on a connection that was open, and is cut
    await assert.rejects(send(), (error) => code(error) === "ECONNREFUSED");
    await sandbox.control("POST", "/listeners", { scalekit: "up" });
    assert.equal((await send()).status, 200);
  });
});

async function until(condition) {
  const end = Date.now() + 5000;
  while (!(await condition())) {
    assert.ok(Date.now() < end, "it does not happen");
    await new Promise((resolve) => { setTimeout(resolve, 5); });
  }
}

async function statusOf(token) {
  const answer = await fetch(`${sandbox.base}/api/v1/execute_tool`, {
    method: "POST", headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ tool_name: "slack_send_message", identifier: "ada",
      params: { channel: "C0NEWSROOM1", text: "hello" } }),
  });
  await answer.arrayBuffer();
  return answer.status;
}
