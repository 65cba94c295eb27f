// Connecting an account: the good way, and every way that must not work.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { Browser, codeOf, connection, consent, invited } from "./browser.mjs";
import { startWorld } from "./harness.mjs";

let world;
before(async () => {
  world = await startWorld();
});
after(() => world.close());
afterEach(async () => {
  await world.clearFaults();
  await world.variants({ link_base: null });
});

const verifyCalls = async (user) => (await world.log("scalekit.verify"))
  .filter((entry) => !user || entry.identifier === user).length;
const state = (path) => new URL(path, "http://x").searchParams.get("state");
const withState = (path, value) => {
  const url = new URL(path, "http://x");
  url.searchParams.set("state", value);
  return url.pathname + url.search;
};

async function assertNotConnected(user, connector = "slack") {
  const { usable } = await connection(world, user, connector);
  assert.equal(usable, false);
}

describe("connecting by a ticket", () => {
  it("ends with an account that says who is connected, at an address without secrets", async () => {
    const user = world.user();
    const browser = await invited(world, user, { connectors: ["slack"], display_name: "Ada <Lovelace>" });
    const end = await browser.connect("slack");
    assert.equal(end.status, 303);
    assert.equal(end.headers.location, "/?connected=slack");
    const page = await browser.page("/?connected=slack");
    assert.match(page.text, /Slack is connected/);
    assert.match(page.text, /Ada &lt;Lovelace&gt;/);
    const known = await connection(world, user, "slack");
    assert.equal(known.status, "ACTIVE");
    assert.equal(known.usable, true);
    assert.ok(known.account.team_id);
    assert.ok(page.text.includes(known.account.team));
  });

  it("shows the words of a provider that says in a sentence who is connected", async () => {
    const user = world.user();
    const words = "You are signed in as Ada Löv (g1), ada@example.org.";
    for (const content of [{ result: words }, { content: [{ type: "text", text: words }], isError: false }]) {
      await world.fault({ endpoint: "scalekit.execute_tool", match: { tool: "sanitymcp_whoami", identifier: user },
        action: { type: "body", body: { data: content, execution_id: "1" } } });
      const browser = await invited(world, user);
      assert.equal((await browser.connect("sanity")).status, 303);
      assert.deepEqual((await connection(world, user, "sanity")).account, { name: words });
    }
    const browser = await invited(world, user);
    assert.ok((await browser.page("/")).text.includes(words));
  });

  it("connects both tabs when two flows of the same connector are open at once", async () => {
    const user = world.user();
    const browser = await invited(world, user);
    const first = await consent(await browser.start("slack"));
    const ended = await browser.get(first);
    const second = await consent(await browser.start("sanity"));
    const other = await consent(await browser.start("slack"));
    assert.equal(ended.status, 303);
    assert.equal((await browser.get(other)).status, 303);
    assert.equal((await browser.get(second)).status, 303);
    assert.equal((await connection(world, user, "slack")).usable, true);
    assert.equal((await connection(world, user, "sanity")).usable, true);
  });

  it("reconnects and shows another account when the person chose another one", async () => {
    const user = world.user();
    const browser = await invited(world, user);
    await browser.connect("slack");
    const before = await connection(world, user, "slack");
    assert.equal((await browser.connect("slack", { choice: "1" })).status, 303);
    assert.notEqual((await connection(world, user, "slack")).account.team_id, before.account.team_id);
  });

  it("disconnects: the account is gone at ScaleKit and here", async () => {
    const user = world.user();
    const browser = await invited(world, user);
    await browser.connect("slack");
    const answer = await browser.press("/", "/disconnect/slack");
    assert.equal(answer.status, 303);
    assert.equal((await connection(world, user, "slack")).status, "NOT_CONNECTED");
    assert.equal((await connection(world, user, "slack")).account, null);
  });

  it("keeps a connection when the service stops before ScaleKit has answered", async () => {
    const user = await world.connected();
    assert.equal((await world.request("POST", `/users/${user}/connections/slack/check`)).status, 200);
    await world.fault({ endpoint: "scalekit.accounts.delete", action: { type: "hang", when: "before_headers" } });
    const removal = world.request("DELETE", `/users/${user}/connections/slack`);
    await world.eventually(async () => (await world.log("scalekit.accounts.delete"))
      .some(({ identifier }) => identifier === user), "ScaleKit is asked");
    await world.stop();
    const { status, body, headers } = await removal;
    assert.deepEqual([status, body.code, body.retryable], [503, "draining", true]);
    assert.match(headers["retry-after"], /^[1-9]/);
    await world.clearFaults();
    await world.start();
    assert.equal((await connection(world, user, "slack")).usable, true);
    assert.equal((await world.request("DELETE", `/users/${user}/connections/slack`)).status, 204);
  });

  it("keeps a connection when ScaleKit cannot remove it", async () => {
    const user = world.user();
    const browser = await invited(world, user);
    await browser.connect("slack");
    await world.fault({ endpoint: "scalekit.accounts.delete", count: -1,
      action: { type: "status", status: 500 } });
    assert.equal((await browser.press("/", "/disconnect/slack")).status, 502);
    assert.equal((await world.request("DELETE", `/users/${user}/connections/slack`)).status, 502);
    assert.equal((await connection(world, user, "slack")).usable, true);
    await world.clearFaults();
    assert.equal((await world.request("DELETE", `/users/${user}/connections/slack`)).status, 204);
    assert.equal((await world.request("DELETE", `/users/${user}/connections/slack`)).status, 204);
    await assertNotConnected(user);
  });
});

describe("the way back is refused", () => {
  async function started(connector = "slack") {
    const user = world.user();
    const browser = await invited(world, user);
    return { user, browser, back: await consent(await browser.start(connector)) };
  }

  it("in a fresh browser", async () => {
    const { user, back, browser } = await started();
    const answer = await new Browser(world).page(back);
    assert.equal(answer.status, 403);
    assert.equal(answer.code, "other_browser");
    assert.equal(await verifyCalls(user), 0);
    assert.equal((await browser.get(back)).status, 303, "the right browser still may");
  });

  it("without the cookie of this flow", async () => {
    const { user, browser, back } = await started();
    for (const name of [...browser.cookies.keys()])
      if (name.includes("flow")) browser.cookies.delete(name);
    const answer = await browser.page(back);
    assert.equal(answer.status, 403);
    assert.equal(answer.code, "other_browser");
    assert.equal(await verifyCalls(user), 0);
  });

  it("when another user is signed in", async () => {
    const { user, back } = await started();
    const other = await invited(world, world.user("other"));
    const answer = await other.page(back);
    assert.equal(answer.status, 403);
    assert.equal(answer.code, "user_mismatch");
    assert.equal(await verifyCalls(user), 0);
  });

  it("at the callback of another connector", async () => {
    const { user, browser, back } = await started();
    const answer = await browser.page(back.replace("/oauth/slack/", "/oauth/sanity/"));
    assert.equal(answer.status, 400);
    assert.equal(await verifyCalls(user), 0);
    await assertNotConnected(user, "sanity");
  });

  it("a second time", async () => {
    const { user, browser, back } = await started();
    assert.equal((await browser.get(back)).status, 303);
    const again = await browser.page(back);
    assert.equal(again.status, 409);
    assert.equal(again.code, "flow_used");
    assert.equal(await verifyCalls(user), 1);
    assert.equal((await connection(world, user, "slack")).usable, true);
  });

  it("after signing out in the middle", async () => {
    const { user, browser, back } = await started();
    assert.equal((await browser.press("/", "/sign-out")).status, 200);
    const answer = await browser.page(back);
    assert.equal(answer.status, 403);
    assert.equal(answer.code, "user_mismatch");
    assert.equal(await verifyCalls(user), 0);
  });

  it("with a state that was changed, is missing, given twice, or of 64 KiB", async () => {
    const { user, browser, back } = await started();
    const good = state(back);
    const changed = good.slice(0, -1) + (good.endsWith("A") ? "B" : "A");
    const id = new URL(back, "http://x").searchParams.get("auth_request_id");
    for (const path of [withState(back, changed), withState(back, "x"), withState(back, ""),
      `/oauth/slack/callback?auth_request_id=${id}`, `${back}&state=${good}`, `${back}&error=x`,
      `/oauth/slack/callback?state=${good}`, `${back}${"0".repeat(600)}`]) {
      const answer = await browser.page(path);
      assert.equal(answer.status, 400, path.slice(0, 200));
    }
    const long = await browser.get(`/oauth/slack/callback?auth_request_id=x&state=${"a".repeat(65536)}`);
    assert.ok(long.status >= 400 && long.status < 500, `${long.status}`);
    assert.equal(await verifyCalls(user), 0);
    assert.equal((await browser.get(back)).status, 303, "nothing was used up");
  });

  it("and says so when the person denied, without words of strangers", async () => {
    const user = world.user();
    const browser = await invited(world, user);
    const back = await consent(await browser.start("slack"), { decision: "deny" });
    assert.match(back, /error=access_denied/);
    const url = new URL(back, "http://x");
    url.searchParams.set("error_description", "<script>alert(1)</script>call 555-0100");
    const answer = await browser.page(url.pathname + url.search);
    assert.equal(answer.status, 200);
    assert.equal(answer.code, "access_denied");
    assert.ok(!answer.text.includes("alert(1)"));
    assert.ok(!answer.text.includes("555-0100"));
    assert.equal(await verifyCalls(user), 0);
  });

  it("and takes an empty parameter for an absent one", async () => {
    const { browser, back } = await started();
    const denied = await browser.page(
      `/oauth/slack/callback?auth_request_id=&error=access_denied&state=${state(back)}`);
    assert.equal(denied.code, "access_denied");
    const other = await started();
    assert.equal((await other.browser.get(`${other.back}&error=&error_description=`)).status, 303);
  });

  it("with any other error of the provider", async () => {
    const { user, browser, back } = await started();
    const answer = await browser.page(`/oauth/slack/callback?error=server_error&state=${state(back)}`);
    assert.equal(answer.status, 502);
    assert.equal(answer.code, "provider_failed");
    assert.equal(await verifyCalls(user), 0);
  });
});

describe("when ScaleKit's verification answers", () => {
  async function verified(action, before = async () => {}) {
    const user = world.user();
    const browser = await invited(world, user);
    await before(browser, user);
    const back = await consent(await browser.start("slack"));
    await world.fault({ endpoint: "scalekit.verify", action });
    return { user, browser, answer: await browser.page(back) };
  }

  it("403, it was the wrong person, and nothing is connected", async () => {
    const { user, answer } = await verified({ type: "status", status: 403 });
    assert.equal(answer.status, 403);
    assert.equal(answer.code, "wrong_person");
    await assertNotConnected(user);
  });

  it("404, the request is gone, and nothing is connected", async () => {
    const { user, answer } = await verified({ type: "status", status: 404 });
    assert.equal(answer.status, 410);
    assert.equal(answer.code, "request_gone");
    await assertNotConnected(user);
  });

  it("500 without having done it, it is not clear, and nothing is connected", async () => {
    const { user, answer } = await verified({ type: "status", status: 500 });
    assert.equal(answer.status, 502);
    assert.equal(answer.code, "upstream_unclear");
    await assertNotConnected(user);
  });

  it("nothing, having done it: the account shows that it worked", async () => {
    const { user, answer } = await verified({ type: "reset", when: "after" });
    assert.equal(answer.status, 303);
    assert.equal((await connection(world, user, "slack")).usable, true);
  });

  it("that the account needs its user again, having done it: the account shows that it worked", async () => {
    const body = { code: 16, message: "reauthentication needed", details: [{ error_code: "REAUTHENTICATION_NEEDED" }] };
    const { user, answer } = await verified({ type: "status", status: 401, effect: true, body });
    assert.equal(answer.status, 303);
    assert.equal((await connection(world, user, "slack")).usable, true);
  });

  it("nothing, having done it, and the provider names nobody: it is not clear", async () => {
    const { answer } = await verified({ type: "reset", when: "after" }, (browser, user) => world.fault({
      endpoint: "scalekit.execute_tool", match: { tool: "slack_auth_test", identifier: user },
      action: { type: "body", body: { data: { result: "You are signed in." }, execution_id: "1" } } }));
    assert.equal(answer.status, 502);
    assert.equal(answer.code, "upstream_unclear");
  });

  it("nothing, and an account that was usable before proves nothing", async () => {
    const { answer } = await verified({ type: "status", status: 500 }, (browser) => browser.connect("slack"));
    assert.equal(answer.status, 502);
  });

  it("nothing, before having done it: try again, which works", async () => {
    const { user, browser, answer } = await verified({ type: "reset", when: "before" });
    assert.equal(answer.code, "upstream_unclear");
    await assertNotConnected(user);
    assert.equal((await browser.connect("slack")).status, 303);
  });

  it("nothing, because the service stops meanwhile: it is not clear, and whoever it is waits for the host", async () => {
    const user = world.user();
    const browser = await invited(world, user, { confirm: true });
    const back = await consent(await browser.start("slack"));
    await world.fault({ endpoint: "scalekit.verify", action: { type: "hang", when: "before_headers" } });
    const page = browser.page(back);
    await world.eventually(async () => await verifyCalls(user) > 0, "ScaleKit is asked");
    await world.stop();
    const answer = await page;
    assert.deepEqual([answer.status, answer.code], [502, "upstream_unclear"]);
    await world.clearFaults();
    await world.start();
    assert.equal((await connection(world, user, "slack")).pending_confirmation, true);
    await assertNotConnected(user);
  });

  it("200, but the account is not ACTIVE afterwards", async () => {
    const { user, answer } = await verified({ type: "body", body: {}, effect: false });
    assert.equal(answer.status, 502);
    assert.equal(answer.code, "not_active");
    await assertNotConnected(user);
  });

  it("is asked with the user that the flow was begun for", async () => {
    const user = world.user();
    const browser = await invited(world, user);
    await browser.connect("slack");
    const [call] = (await world.log("scalekit.verify")).filter((entry) => entry.identifier === user);
    assert.equal(call.status, 200);
  });
});
