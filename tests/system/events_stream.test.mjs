// The events of a briefing as a stream: the numbers of the JSON page, none missing and none twice,
// wherever a client begins and whatever breaks in between.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, afterEach, before, test } from "node:test";
import { Browser } from "./browser.mjs";
import { change } from "./database.mjs";
import { eventually, startWorld } from "./harness.mjs";
import { follow, upTo } from "./sse.mjs";

let world;
before(async () => { world = await startWorld({ env: { BRIEFD_STREAM_HEARTBEAT: "200ms", BRIEFD_STOP_GRACE: "1s" } }); });
after(() => world?.close());
afterEach(() => world.clearFaults());

const path = (id) => `/briefings/${id}/events`;
const page = async (id) => (await world.request("GET", path(id))).body;
const HANG = { type: "hang", when: "before_headers" };

/** A briefing that stays as it is: nobody connected its user. */
async function still() {
  const { id } = await world.accepted(world.user());
  const { progress } = await world.until(id, (run) => run.status === "blocked");
  return { id, last: progress.last_event };
}

async function assertWhole(stream, id, from = 1) {
  const { data, last_event: last } = await page(id);
  assert.deepEqual(stream.ids, upTo(last, from));
  assert.deepEqual(stream.items, data.slice(from - 1));
}

test("an ended briefing is replayed from its first event, and the stream ends at once", async () => {
  const { id } = await world.briefToEnd(await world.connected());
  const stream = await follow(world, path(id));
  assert.equal(stream.status, 200);
  assert.equal(stream.headers["content-type"], "text/event-stream");
  assert.equal(stream.headers["cache-control"], "no-store");
  assert.equal(stream.headers.connection, "close");
  await stream.over;
  assert.equal(stream.error, null);
  await assertWhole(stream, id);
  for (const { event, data } of stream.events) assert.equal(event, JSON.parse(data).type);
  assert.deepEqual(stream.end, { last_event: stream.ids.at(-1), status: "succeeded" });
  assert.equal(stream.frames.at(-1).event, "end");
  assert.equal(stream.frames.at(-1).id, undefined);
  assert.match(stream.frames[0].retry, /^\d+$/);
});

test("a live one is told event by event until it ends", async () => {
  const { id, last } = await still();
  const streams = await Promise.all(Array.from({ length: 20 }, () => follow(world, path(id))));
  await Promise.all(streams.map((stream) => stream.until(({ ids }) => ids.length === last, "the replay")));
  assert.ok(streams.every(({ end }) => end === undefined));
  await world.request("POST", `/briefings/${id}/cancel`);
  for (const stream of streams) {
    await stream.over;
    await assertWhole(stream, id);
    assert.equal(stream.end.status, "cancelled");
  }
});

test("a client goes on behind the last event it has", async () => {
  const { id } = await world.briefToEnd(await world.connected());
  const from = async (query, headers) => (await follow(world, `${path(id)}${query}`, { headers })).over;
  await assertWhole(await from("?after=3"), id, 4);
  await assertWhole(await from("", { "last-event-id": "5" }), id, 6);
  await assertWhole(await from("?after=2", { "last-event-id": "5" }), id, 6);
  await assertWhole(await from("?after=2", { "last-event-id": "" }), id, 3);
  await assertWhole(await from("", { "last-event-id": "0" }), id);
});

test("after the last event of an ended briefing there is 204, and EventSource stays away", async () => {
  const { id } = await world.briefToEnd(await world.connected());
  const last = (await page(id)).last_event;
  for (const [query, headers] of [["", { "last-event-id": `${last}` }], [`?after=${last}`, {}]]) {
    const stream = await follow(world, `${path(id)}${query}`, { headers });
    assert.equal(stream.status, 204);
    await stream.over;
    assert.deepEqual(stream.frames, []);
  }
  const before = await (await follow(world, path(id), { headers: { "last-event-id": `${last - 1}` } })).over;
  assert.deepEqual([before.ids, before.end.last_event], [[last], last]);
});

test("a number that cannot be the last one is refused", async () => {
  const { id, last } = await still();
  for (const wrong of ["x", "-1", "1.5", "1 2", "99999999999999999999", `${last + 1}`, "0x1", "é"]) {
    const headers = { "accept": "text/event-stream", "last-event-id": Buffer.from(wrong).toString("latin1") };
    const { status, body } = await world.request("GET", path(id), { headers });
    assert.deepEqual([status, body.code, body.errors[0].pointer], [400, "invalid_request", "Last-Event-ID"], wrong);
    const query = await world.request("GET", `${path(id)}?after=${encodeURIComponent(wrong)}`,
      { headers: { accept: "text/event-stream" } });
    assert.deepEqual([query.status, query.body.errors[0].pointer], [400, "?after"], wrong);
  }
  const double = await world.request("GET", `${path(id)}?after=1&after=2`, { headers: { accept: "text/event-stream" } });
  assert.equal(double.status, 400);
});

test("the Accept header decides between page and stream", async () => {
  const { id } = await world.briefToEnd(await world.connected());
  for (const [accept, type] of [
    [undefined, "application/json"], ["*/*", "application/json"], ["text/*", "application/json"],
    ["text/event-stream;q=0", "application/json"], ["application/json, text/event-stream;q=0.9", "application/json"],
    ["text/event-streams", "application/json"], ["text/event-stream", "text/event-stream"],
    ["application/json;q=0.5, Text/Event-Stream", "text/event-stream"],
    ["text/html, text/event-stream; q=0.2", "text/event-stream"],
    ["application/json, text/event-stream", "text/event-stream"]]) {
    const { headers } = await world.request("GET", path(id), { headers: accept ? { accept } : {} });
    assert.equal(headers["content-type"], type, accept);
    assert.equal(headers.vary, "Accept");
  }
});

test("HEAD tells what GET would, without a body", async () => {
  const { id, last } = await still();
  const ask = (query, headers = {}) => world.request("HEAD", `${path(id)}${query}`,
    { headers: { accept: "text/event-stream", ...headers } });
  const live = await ask("");
  assert.deepEqual([live.status, live.headers["content-type"], live.text], [200, "text/event-stream", ""]);
  assert.equal(live.headers["content-length"], undefined);
  assert.equal((await ask("", { "last-event-id": "x" })).status, 400);
  await world.request("POST", `/briefings/${id}/cancel`);
  assert.equal((await ask(`?after=${last}`)).status, 200);
  assert.equal((await ask(`?after=${(await page(id)).last_event}`)).status, 204);
});

test("while nothing happens there is a comment from time to time, and then the event all the same", async () => {
  const { id, last } = await still();
  const stream = await follow(world, `${path(id)}?after=${last}`);
  await stream.until(({ comments }) => comments.length >= 3, "three heartbeats");
  assert.deepEqual(stream.ids, []);
  await world.request("POST", `/briefings/${id}/cancel`);
  await stream.over;
  await assertWhole(stream, id, last + 1);
});

test("who may not read gets no stream", async () => {
  const { id } = await still();
  const status = async (where, more) => (await follow(world, where, more)).status;
  assert.equal(await status(path(id), { key: null }), 401);
  assert.equal(await status(path(id), { key: "bk_wrong" }), 401);
  assert.equal(await status(path(id), { key: await world.newKey("connections:read", "no-briefings") }), 403);
  assert.equal(await status(path("br_01K00000000000000000000000")), 404);
  assert.equal(await status(path("nonsense")), 404);
});

test("a revoked key loses the streams it has", async () => {
  const { id } = await still();
  const key = await world.newKey("briefings:read", "short-lived");
  const stream = await follow(world, path(id), { key });
  assert.equal(stream.status, 200);
  const list = await world.cli(["keys", "list"]);
  const keyId = list.stdout.split("\n").find((line) => line.includes("short-lived")).match(/\b(?:key|ak|k)_\w+/)[0];
  assert.equal((await world.cli(["keys", "revoke", keyId])).code, 0);
  await stream.over;
  assert.equal(stream.end, undefined);
  assert.equal((await follow(world, path(id), { key })).status, 401);
});

test("no event is missing and none comes twice for those who come while events are written", async () => {
  await world.latency({ model_ms: 30, tool_ms: 20 });
  const runs = [];
  const streams = [];
  for (let i = 0; i < 6; i++) runs.push((await world.accepted(await world.connected("seam"))).id);
  const isLive = async (id) => !(await world.document(id)).terminal;
  const attach = async (id) => {
    for (let n = 0; n < 40; n++) {
      const from = n % 4;
      const { last_event: last } = (await world.document(id)).progress;
      const stream = await follow(world, `${path(id)}?after=${Math.max(0, last - from)}`);
      if (stream.status !== 204) streams.push({ id, from: Math.max(0, last - from) + 1, stream });
      if (n > 10 && !(await isLive(id))) return;
    }
  };
  await Promise.all(runs.map(attach));
  for (const { id, from, stream } of streams) {
    await stream.over;
    assert.equal(stream.error, null);
    assert.equal(stream.end.status, "succeeded");
    await assertWhole(stream, id, from);
  }
  await world.latency({ model_ms: 0, tool_ms: 0 });
});

test("a service that stops ends its streams cleanly, and the next one goes on with the numbers", async () => {
  const { id, last } = await still();
  const stream = await follow(world, path(id));
  await stream.until(({ ids }) => ids.length === last, "the replay");
  await world.stop();
  await stream.over;
  assert.equal(stream.error, null);
  assert.equal(stream.end, undefined);
  assert.match(stream.frames.at(-1).retry, /^\d+$/);
  await world.start();
  const again = await follow(world, path(id), { headers: { "last-event-id": `${last}` } });
  await world.request("POST", `/briefings/${id}/cancel`);
  await again.over;
  await assertWhole(again, id, last + 1);
});

test("after kill -9 the same numbers go on behind the last event that was seen", async () => {
  await world.fault({ endpoint: "anthropic.messages", skip: 1, count: 1, action: HANG });
  const user = await world.connected();
  const { id } = await world.accepted(user);
  const stream = await follow(world, path(id));
  await stream.until(({ items }) => items.filter(({ type }) => type === "model_asked").length === 2, "the second question");
  await world.kill();
  await stream.over;
  assert.notEqual(stream.error, null, "the connection was cut");
  await world.start();
  const seen = stream.ids.at(-1);
  const rest = await (await follow(world, path(id), { headers: { "last-event-id": `${seen}` } })).over;
  assert.equal(rest.end.status, "succeeded");
  assert.deepEqual([...stream.ids, ...rest.ids], upTo(rest.end.last_event));
  assert.deepEqual([...stream.items, ...rest.items], (await page(id)).data);
  assert.equal((await world.posts(user)).length, 1);
});

test("an ended briefing that a person settles has one event more, and a stream of it", async () => {
  const user = await world.connected();
  await world.loseDelivery(user);
  const { id } = await world.briefToEnd(user);
  const { last_event: last } = await page(id);
  assert.equal((await follow(world, `${path(id)}?after=${last}`)).status, 204);
  const admin = await world.newKey("admin", "settler");
  const settled = await world.request("POST", `/briefings/${id}/delivery`, { key: admin, body: { outcome: "delivered" } });
  assert.equal(settled.status, 200, settled.text);
  const stream = await (await follow(world, `${path(id)}?after=${last}`)).over;
  await assertWhole(stream, id, last + 1);
  assert.deepEqual(stream.end, { last_event: last + 1, status: "failed" });
});

test("more streams than allowed are refused for a while", async () => {
  await world.stop();
  await world.start({ BRIEFD_MAX_STREAMS: "3" });
  const { id } = await still();
  const open = await Promise.all([1, 2, 3].map(() => follow(world, path(id))));
  const ask = () => world.request("GET", path(id), { headers: { accept: "text/event-stream" } });
  const refused = await ask();
  assert.deepEqual([refused.status, refused.body.code, refused.body.retryable], [503, "overloaded", true]);
  assert.match(refused.headers["retry-after"], /^[1-9]\d*$/);
  assert.equal((await world.request("GET", path(id))).status, 200, "pages are no streams");
  open[0].close();
  const next = await eventually(async () => {
    const stream = await follow(world, path(id));
    return stream.status === 200 && stream;
  }, "the place of one that left is free");
  for (const stream of [...open, next]) stream.close();

  await world.stop();
  await world.start({ BRIEFD_MAX_STREAMS_PER_ADDRESS: "1" });
  const only = await follow(world, path(id));
  const second = await ask();
  assert.deepEqual([second.status, second.body.code], [429, "rate_limited"]);
  assert.match(second.headers["retry-after"], /^[1-9]\d*$/);
  only.close();
  await world.stop();
  await world.start();
});

test("a signed-in browser follows its own user's briefings, and does not know of others", async () => {
  await world.stop();
  await world.start({ BRIEFD_TRUSTED_PROXY: "127.0.0.1", BRIEFD_TRUSTED_PROXY_HEADER: "X-Forwarded-User" });
  const [own, other] = [await still(), await still()];
  const { user_id: user } = await world.document(own.id);
  const browser = new Browser(world);
  const headers = { "x-forwarded-user": user };
  await browser.get("/", { headers });
  headers.cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  assert.equal((await follow(world, path(other.id), { key: null, headers })).status, 404);
  assert.equal((await follow(world, path(own.id), { key: null, headers: { "x-forwarded-user": user } })).status, 401);
  const stream = await follow(world, path(own.id), { key: null, headers });
  await stream.until(({ ids }) => ids.length === own.last, "the replay");
  await world.request("POST", `/briefings/${own.id}/cancel`);
  await stream.over;
  await assertWhole(stream, own.id);
  await world.stop();
  await world.start();
});

const MANY = 2000;

/** A briefing with a history of 32 megabytes: more than the buffers of any connection take. */
async function longHistory() {
  const { id } = await world.briefToEnd(await world.connected());
  const { last_event: last } = await page(id);
  await world.stop();
  change(world.env.BRIEFD_DB, `WITH RECURSIVE more(n) AS (SELECT ${last + 1} UNION ALL SELECT n + 1 FROM more WHERE n < ${MANY})
    INSERT INTO events SELECT '${id}', n, 1790000000000 + n, 'tick', json_object('pad', printf('%.*c', 16000, 'x')) FROM more`);
  change(world.env.BRIEFD_DB, `UPDATE runs SET last_event = ${MANY} WHERE id = '${id}'`);
  return id;
}

const residentKib = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${world.pid}/status`, "utf8"))[1]);

test("a client that does not read costs little, is left after a while, and goes on where it was", async () => {
  const id = await longHistory();
  await world.start({ BRIEFD_STREAM_STALL: "1s", BRIEFD_MAX_STREAMS: "4" });
  const before = residentKib();
  const idle = await Promise.all([1, 2, 3, 4].map(() => follow(world, path(id), { pausedAfterHeaders: true })));
  assert.ok(idle.every(({ status }) => status === 200));
  // Nobody has left: a place is free again only when the service gives up on one.
  const next = await eventually(async () => {
    const stream = await follow(world, path(id), { pausedAfterHeaders: true });
    if (stream.status === 200) return stream;
    stream.readOn();
    return null;
  }, "those who do not read are left");
  // Four histories kept in memory would be twice that; a sanitizer takes a part of its own.
  assert.ok(residentKib() - before < 64 * 1024, `${before} KiB before, now ${residentKib()}`);
  next.close();
  await world.stop();
  await world.start();
  for (const stream of idle) {
    stream.readOn();
    await stream.over;
    assert.notEqual(stream.error, null, "it was cut off");
    const seen = stream.ids.at(-1) ?? 0;
    assert.ok(seen < MANY);
    assert.deepEqual(stream.ids, upTo(seen));
  }
  const seen = idle[0].ids.at(-1) ?? 0;
  const rest = await (await follow(world, path(id), { headers: { "last-event-id": `${seen}` } })).over;
  assert.deepEqual([...idle[0].ids, ...rest.ids], upTo(MANY));
  assert.deepEqual(rest.end, { last_event: MANY, status: "succeeded" });
});
