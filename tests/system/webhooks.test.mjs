// Webhooks out: what is told, to whom, how it is signed, and that nobody waits for anybody.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { ask as askFile } from "./database.mjs";
import { startWorld } from "./harness.mjs";
import { gate, startReceiver } from "./webhook_receiver.mjs";

let world, admin;
const receivers = [];
before(async () => {
  world = await startWorld({ env: { BRIEFD_WEBHOOK_ALLOW: "127.0.0.1", BRIEFD_WEBHOOK_TIMEOUT: "4m",
    BRIEFD_WEBHOOK_RETRY_FOR: "1s" } });
  admin = await world.newKey("admin", "host");
});
after(() => world?.close());

const ask = (method, path, more = {}) => world.request(method, path, { key: admin, ...more });
const endpointOf = async (id) => (await ask("GET", `/webhook-endpoints/${id}`)).body;
const deliveriesOf = async (id, query = "") =>
  (await ask("GET", `/webhook-endpoints/${id}/deliveries${query}`)).body.data;

async function receiver(fields) {
  const made = await startReceiver();
  receivers.push(made);
  if (fields) made.made = await made.endpoint(world, admin, fields);
  return made;
}
// Endpoints are the whole deployment's: none is left to the next test.
afterEach(async () => {
  for (const { id } of (await ask("GET", "/webhook-endpoints?limit=100")).body.data)
    assert.equal((await ask("DELETE", `/webhook-endpoints/${id}`)).status, 204);
  for (const one of receivers.splice(0)) await one.close();
});


describe("a briefing's way", () => {
  it("is told step by step, signed so that the official package believes it", async () => {
    const to = await receiver({ description: "all of it" });
    const user = await world.connected();
    const document = await world.briefToEnd(user);
    assert.equal(document.status, "succeeded");
    const last = await to.came(({ payload }) => payload.type === "briefing.succeeded");
    const told = () => to.hooks.filter(({ payload }) => payload.data.id === document.id);
    await world.eventually(() => ["queued", "running", "delivering", "succeeded"]
      .every((status) => told().some(({ payload }) => payload.data.status === status)), "every status");
    for (const hook of told()) {
      assert.deepEqual(to.verify(hook), hook.payload);
      assert.equal(hook.method, "POST");
      assert.equal(hook.headers["content-type"], "application/json");
      assert.match(hook.headers["user-agent"], /^briefd\//);
      assert.match(hook.id, /^msg_/);
      assert.equal(hook.payload.type, `briefing.${hook.payload.data.status}`);
    }
    assert.throws(() => to.verify({ ...last, raw: last.raw.replace("succeeded", "failed") }));
    assert.deepEqual(last.payload.data, { id: document.id, user_id: user, recipe: "editorial-briefing",
      status: "succeeded", terminal: true, needs_attention: false, delivery_state: "confirmed",
      error_code: null, event: document.progress.last_event });
    const sorted = told().map(({ payload }) => payload.data)
      .sort((a, b) => a.event - b.event).map(({ status }) => status);
    assert.deepEqual(sorted, ["queued", "running", "delivering", "succeeded"]);
  });

  it("is told only as far as was asked for, and nothing of before", async () => {
    const all = await receiver({});
    const early = await world.briefToEnd(await world.connected(), { mode: "preview" });
    await all.came(({ payload }) => payload.data.id === early.id && payload.data.terminal);
    const some = await receiver({ events: ["briefing.succeeded", "briefing.failed"] });
    const late = await world.briefToEnd(await world.connected(), { mode: "preview" });
    await some.came(({ payload }) => payload.data.id === late.id);
    assert.deepEqual((await deliveriesOf(some.made.id)).map(({ type, payload }) => [type, payload.data.id]),
      [["briefing.succeeded", late.id]]);
  });

  it("ends with what a person settles", async () => {
    const to = await receiver({ events: ["briefing.failed", "briefing.settled"] });
    const user = await world.connected();
    await world.loseDelivery(user);
    const { id } = await world.briefToEnd(user);
    const failed = await to.came(({ payload }) => payload.data.id === id);
    assert.equal(failed.payload.data.error_code, "delivery_unknown");
    assert.equal(failed.payload.data.needs_attention, true);
    await ask("POST", `/briefings/${id}/delivery`, { body: { outcome: "not_delivered" } });
    const settled = await to.came(({ payload }) => payload.type === "briefing.settled");
    assert.equal(settled.payload.data.delivery_state, "settled_not_delivered");
    assert.equal(settled.payload.data.needs_attention, false);
  });
});

describe("a connection", () => {
  it("is told of when it becomes usable and when it is not any more, and not in between", async () => {
    const to = await receiver({ events: ["connection.updated"] });
    const user = await world.connect(world.user(), "slack");
    const check = () => world.request("POST", `/users/${user}/connections/slack/check`);
    await check();
    await check();
    await world.account(user, "slack", { status: "EXPIRED" });
    await check();
    await to.came(({ payload }) => payload.data.status === "EXPIRED");
    const told = (await deliveriesOf(to.made.id)).map(({ payload }) => payload.data.status);
    assert.deepEqual(told, ["EXPIRED", "ACTIVE"]);
    const { data } = to.verify(to.hooks[0]);
    assert.deepEqual([data.user_id, data.connector, data.pending_confirmation], [user, "slack", false]);
  });
});

describe("a receiver", () => {
  it("that fails is asked again under the same webhook-id, and believed", async () => {
    const to = await receiver({});
    to.answer = (hook, n) => ({ status: n <= 3 ? 500 : 200, body: "never mind" });
    const { body } = await ask("POST", `/webhook-endpoints/${to.made.id}/test`);
    assert.equal(body.type, "webhook_endpoint.test");
    const path = `/deliveries/${body.id}`;
    await world.eventually(async () => (await ask("GET", path)).body.state === "delivered", "delivered");
    const { body: now } = await ask("GET", path);
    assert.equal(now.attempts, 4);
    assert.deepEqual([now.last_status, now.last_error, now.next_at], [200, null, null]);
    assert.equal(to.hooks.length, 4);
    assert.deepEqual([...new Set(to.hooks.map(({ id }) => id))], [now.webhook_id]);
    for (const hook of to.hooks) to.verify(hook);
    assert.equal((await endpointOf(to.made.id)).failing_since, null);
  });

  it("that asks for time gets it", async () => {
    const to = await receiver({});
    to.answer = (hook, n) => (n === 1 ? { status: 503, headers: { "retry-after": "2" } } : { status: 200 });
    await ask("POST", `/webhook-endpoints/${to.made.id}/test`);
    await world.eventually(() => to.hooks.length === 2, "asked again");
    const [first, second] = to.hooks;
    assert.ok(second.at - first.at >= 1990, `${second.at - first.at} ms`);
  });

  it("that redirects is not followed", async () => {
    const other = await receiver();
    const to = await receiver({});
    to.answer = (hook, n) => (n === 1 ? { status: 307, headers: { location: other.url } } : { status: 204 });
    const { body } = await ask("POST", `/webhook-endpoints/${to.made.id}/test`);
    await to.came(() => to.hooks.length === 2);
    assert.equal(other.hooks.length, 0);
    await world.logged("webhook_not_delivered", (line) => line.delivery === body.id && /redirect/.test(line.error));
  });

  it("that is gone is disabled at once, which the others are told", async () => {
    const other = await receiver({ events: ["webhook_endpoint.disabled"] });
    const to = await receiver({});
    to.answer = () => ({ status: 410 });
    await ask("POST", `/webhook-endpoints/${to.made.id}/test`);
    const told = await other.came();
    assert.deepEqual(other.verify(told).data, { id: to.made.id, status: "disabled", reason: "gone" });
    const document = await endpointOf(to.made.id);
    assert.equal(document.status, "disabled");
    assert.equal(document.disabled_reason, "gone");
    assert.ok(document.disabled_at);
    assert.equal(to.hooks.length, 1);
    await world.eventually(async () => (await deliveriesOf(to.made.id, "?state=failed")).length === 1, "failed");
    const [delivery] = await deliveriesOf(to.made.id);
    assert.equal(delivery.last_error, "HTTP 410");
    // Nothing is told to a disabled one, nor tried by hand, until it is enabled.
    const refused = await ask("POST", `/deliveries/${delivery.id}/redeliver`);
    assert.deepEqual([refused.status, refused.body.code], [409, "endpoint_disabled"]);
    assert.equal((await ask("POST", `/webhook-endpoints/${to.made.id}/test`)).body.code, "endpoint_disabled");
    to.answer = () => ({ status: 200 });
    const enabled = await ask("POST", `/webhook-endpoints/${to.made.id}/enable`);
    assert.equal(enabled.body.status, "enabled");
    assert.equal(enabled.body.disabled_reason, null);
    assert.equal((await ask("POST", `/deliveries/${delivery.id}/redeliver`)).status, 202);
    await world.eventually(async () => (await ask("GET", `/deliveries/${delivery.id}`)).body.state === "delivered",
      "delivered");
    assert.deepEqual(to.hooks.map(({ id }) => id), [delivery.webhook_id, delivery.webhook_id]);
  });

  it("that takes nothing for the whole time is disabled, and what waited for it has failed", async () => {
    const other = await receiver({ events: ["webhook_endpoint.disabled"] });
    const to = await receiver({});
    to.answer = () => ({ status: 500 });
    const { body } = await ask("POST", `/webhook-endpoints/${to.made.id}/test`);
    const told = await other.came();
    assert.equal(told.payload.data.reason, "failing");
    await world.eventually(async () => (await ask("GET", `/deliveries/${body.id}`)).body.state === "failed", "failed");
    assert.equal((await ask("GET", `/deliveries/${body.id}`)).body.attempts, 17);
    assert.equal((await endpointOf(to.made.id)).disabled_reason, "failing");
  });

  it("that answers without end has taken it", async () => {
    const to = await receiver({});
    to.answer = () => ({ status: 200, body: (response) => {
      const more = () => {
        while (!response.destroyed && response.write("x".repeat(1024)));
        if (!response.destroyed) response.once("drain", more);
      };
      more();
    } });
    const { body } = await ask("POST", `/webhook-endpoints/${to.made.id}/test`);
    await world.eventually(async () => (await ask("GET", `/deliveries/${body.id}`)).body.state === "delivered",
      "delivered");
    assert.equal(to.hooks.length, 1);
  });

  it("that does not answer delays neither briefings nor other receivers", async () => {
    const { waiting, open } = gate();
    const stuck = await receiver({});
    stuck.answer = () => waiting;
    const to = await receiver({ events: ["briefing.succeeded"] });
    const documents = [];
    for (let i = 0; i < 3; i++) documents.push(await world.briefToEnd(await world.connected(), { mode: "preview" }));
    for (const { id } of documents) await to.came(({ payload }) => payload.data.id === id);
    assert.ok(stuck.hooks.length >= 1);
    assert.equal((await deliveriesOf(stuck.made.id, "?state=delivered")).length, 0);
    open({ status: 200 });
    await world.eventually(async () => (await deliveriesOf(stuck.made.id, "?state=pending")).length === 0,
      "it catches up");
  });
});

describe("a delivery", () => {
  it("is sent again by hand, under the same webhook-id, once for an idempotency key", async () => {
    const to = await receiver({});
    const { body } = await ask("POST", `/webhook-endpoints/${to.made.id}/test`,
      { headers: { "idempotency-key": to.made.id } });
    const path = `/deliveries/${body.id}`;
    const delivered = async () => (await ask("GET", path)).body.state === "delivered";
    await world.eventually(delivered, "delivered");
    const again = () => ask("POST", `${path}/redeliver`, { headers: { "idempotency-key": `again-${to.made.id}` } });
    const first = await again();
    assert.equal(first.status, 202);
    assert.equal(first.body.state, "pending");
    const repeated = await again();
    assert.equal(repeated.headers["idempotent-replayed"], "true");
    assert.equal(repeated.text, first.text);
    await world.eventually(async () => to.hooks.length === 2 && await delivered(), "delivered twice");
    assert.equal((await ask("GET", path)).body.attempts, 2);
    assert.deepEqual(to.hooks.map(({ id }) => id), [body.webhook_id, body.webhook_id]);
  });

  it("that is asked for eight times at once under one key is made once, and sent again once", async () => {
    const to = await receiver({});
    const eight = (path, key) => Promise.all(Array.from({ length: 8 }, () =>
      ask("POST", path, { headers: { "idempotency-key": `${key}-${to.made.id}` } })));
    const sameOnce = (answers) => {
      assert.ok(answers.every(({ status, text }) => status === 202 && text === answers[0].text), answers[0].text);
      assert.equal(answers.filter(({ headers }) => !headers["idempotent-replayed"]).length, 1);
    };
    const made = await eight(`/webhook-endpoints/${to.made.id}/test`, "made");
    sameOnce(made);
    const [{ id }] = await deliveriesOf(to.made.id);
    assert.deepEqual((await deliveriesOf(to.made.id)).map((one) => one.id), [made[0].body.id]);
    const isDelivered = async () => (await ask("GET", `/deliveries/${id}`)).body.state === "delivered";
    await world.eventually(isDelivered, "delivered");
    sameOnce(await eight(`/deliveries/${id}/redeliver`, "again"));
    await world.eventually(isDelivered, "delivered again");
    assert.deepEqual(askFile(world.env.BRIEFD_DB, `SELECT count(*) FROM audit WHERE action = 'webhook_redelivered' AND subject = '${id}'`),
      [[1]]);
    assert.equal((await ask("GET", `/deliveries/${id}`)).body.attempts, 2);
  });

  it("that waits when the service stops is sent by the next one", async () => {
    const { waiting, open } = gate();
    const to = await receiver({});
    to.answer = (hook, n) => (n === 1 ? waiting : { status: 204 });
    const { body } = await ask("POST", `/webhook-endpoints/${to.made.id}/test`);
    await to.came();
    await world.stop();
    open({ status: 204 });
    await world.start();
    await world.eventually(async () => (await ask("GET", `/deliveries/${body.id}`)).body.state === "delivered",
      "delivered");
    assert.deepEqual(to.hooks.map(({ id }) => id), [body.webhook_id, body.webhook_id]);
  });
});

describe("endpoints", () => {
  it("show their secret once, and the same request gets it again", async () => {
    const to = await receiver();
    const make = (fields) => ask("POST", "/webhook-endpoints", { body: { url: to.url, ...fields },
      headers: { "idempotency-key": `make-${to.port}` } });
    const [one, two] = await Promise.all([make(), make()]);
    assert.deepEqual([one.status, two.status], [201, 201]);
    assert.equal(one.text, two.text);
    assert.match(one.body.secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
    assert.equal(one.headers.location, `${world.url}/webhook-endpoints/${one.body.id}`);
    assert.equal((await make({ description: "another" })).body.code, "idempotency_key_reused");
    const { secret, ...shown } = one.body;
    assert.deepEqual(await endpointOf(one.body.id), shown);
    assert.deepEqual((await ask("GET", "/webhook-endpoints")).body, { data: [shown], next_cursor: null });
    assert.ok(!JSON.stringify(world.logs()).includes(secret));
  });

  it("are listed page by page, and so are their deliveries", async () => {
    const to = await receiver();
    const ids = [];
    for (let i = 0; i < 3; i++) ids.unshift((await to.endpoint(world, admin)).id);
    const walk = async (path) => {
      const pages = [];
      let cursor = "";
      do {
        const { body } = await ask("GET", `${path}?limit=2${cursor && `&cursor=${cursor}`}`);
        pages.push(body.data.map(({ id }) => id));
        cursor = body.next_cursor;
      } while (cursor);
      return pages;
    };
    assert.deepEqual(await walk("/webhook-endpoints"), [ids.slice(0, 2), ids.slice(2)]);
    const tests = [];
    for (let i = 0; i < 3; i++) tests.unshift((await ask("POST", `/webhook-endpoints/${ids[0]}/test`)).body.id);
    assert.deepEqual(await walk(`/webhook-endpoints/${ids[0]}/deliveries`), [tests.slice(0, 2), tests.slice(2)]);
    assert.equal((await ask("GET", `/webhook-endpoints/${ids[0]}/deliveries?state=lost`)).status, 400);
    assert.equal((await ask("GET", "/webhook-endpoints?cursor=x")).status, 400);
  });

  it("that are deleted are gone, with their deliveries", async () => {
    const to = await receiver({});
    const { body } = await ask("POST", `/webhook-endpoints/${to.made.id}/test`);
    await to.came();
    assert.equal((await ask("DELETE", `/webhook-endpoints/${to.made.id}`)).status, 204);
    for (const [method, path] of [["GET", `/webhook-endpoints/${to.made.id}`],
      ["DELETE", `/webhook-endpoints/${to.made.id}`], ["GET", `/webhook-endpoints/${to.made.id}/deliveries`],
      ["POST", `/webhook-endpoints/${to.made.id}/enable`], ["POST", `/webhook-endpoints/${to.made.id}/test`],
      ["GET", `/deliveries/${body.id}`], ["POST", `/deliveries/${body.id}/redeliver`],
      ["GET", "/webhook-endpoints/nothing"], ["GET", "/deliveries/nothing"]])
      assert.equal((await ask(method, path)).status, 404, `${method} ${path}`);
  });

  it("are for admins alone", async () => {
    for (const [method, path] of [["POST", "/webhook-endpoints"], ["GET", "/webhook-endpoints"],
      ["DELETE", "/webhook-endpoints/x"], ["POST", "/deliveries/x/redeliver"]])
      assert.equal((await world.request(method, path)).body.code, "insufficient_scope", `${method} ${path}`);
  });

  it("are refused for what is wrong with them, all at once", async () => {
    const make = (body) => ask("POST", "/webhook-endpoints", { body });
    const pointers = async (body) => {
      const answer = await make(body);
      assert.equal(answer.status, 400, answer.text);
      return answer.body.errors.map(({ pointer }) => pointer).sort();
    };
    assert.deepEqual(await pointers({}), ["/url"]);
    assert.deepEqual(await pointers({ url: 1, events: "all", description: 2, secret: "x" }),
      ["/description", "/events", "/secret", "/url"]);
    assert.deepEqual(await pointers({ url: "https://example.com", events: [] }), ["/events"]);
    assert.deepEqual(await pointers({ url: "https://example.com/",
      events: ["briefing.failed", "briefing.eaten", 3, "briefing.failed"] }),
    ["/events/1", "/events/2", "/events/3"]);
    for (const url of ["", "ftp://example.com", "https://", "https://user:pw@example.com/", "https://example.com/#x",
      "https://example.com:25/", "https://10.0.0.1/", "https://[::ffff:10.0.0.1]/", "http://93.184.216.34/",
      "https://169.254.169.254/latest", "https://[fd00:ec2::254]/", "https://example.com/?q=a b",
      `https://example.com/${"x".repeat(2000)}`])
      assert.deepEqual(await pointers({ url }), ["/url"], url);
  });

  it("are at most 32", async () => {
    const to = await receiver();
    for (let i = 0; i < 32; i++) await to.endpoint(world, admin);
    const more = await ask("POST", "/webhook-endpoints", { body: { url: to.url } });
    assert.deepEqual([more.status, more.body.code], [409, "too_many_endpoints"]);
  });
});
