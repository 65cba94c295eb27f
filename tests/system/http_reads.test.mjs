// Reading briefings: the polled document, its ETag and long poll, and the list.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { change } from "./database.mjs";
import { startWorld } from "./harness.mjs";

let world;
before(async () => { world = await startWorld(); });
after(() => world?.close());

/** A briefing that stays as it is: nobody connected its user. Its id and ETag. */
async function still() {
  const { id } = await world.accepted(world.user());
  await world.until(id, (run) => run.status === "blocked");
  const { headers } = await world.request("GET", `/briefings/${id}`);
  return { id, etag: headers.etag };
}

async function timed(path, headers = {}) {
  const began = Date.now();
  const answer = await world.request("GET", path, { headers });
  return { ...answer, ms: Date.now() - began };
}

test("the ETag is the number of the last event", async () => {
  const { id, etag } = await still();
  const { body } = await world.request("GET", `/briefings/${id}`);
  assert.equal(etag, `"${body.progress.last_event}"`);
});

test("without wait the document comes at once, or 304 when it is known", async () => {
  const { id, etag } = await still();
  const path = `/briefings/${id}`;
  assert.equal((await timed(path)).status, 200);
  for (const known of [etag, `W/${etag}`, `"0", ${etag}`, "*"]) {
    const answer = await timed(path, { "if-none-match": known });
    assert.equal(answer.status, 304, known);
    assert.equal(answer.text, "");
    assert.equal(answer.headers.etag, etag);
  }
  for (const other of ['"0"', '"99"', "nonsense", `"x${etag.slice(1)}`, '""']) {
    assert.equal((await timed(path, { "if-none-match": other })).status, 200, other);
  }
});

test("a 304 announces no body that somebody could wait for", async () => {
  const { id } = await still();
  const user = await world.connected();
  for (const path of [`/briefings/${id}`, `/users/${user}/connections/slack`, "/openapi.json", "/docs"]) {
    const whole = await world.request("GET", path);
    assert.equal(whole.status, 200, path);
    const known = await world.request("GET", path, { headers: { "if-none-match": whole.headers.etag } });
    assert.deepEqual([known.status, known.text], [304, ""], path);
    assert.equal(known.headers["content-length"] ?? "0", "0", path);
  }
});

test("with wait and the present ETag it waits, and ends in 304 when nothing happens", async () => {
  const { id, etag } = await still();
  const answer = await timed(`/briefings/${id}?wait=1`, { "if-none-match": etag });
  assert.equal(answer.status, 304);
  assert.ok(answer.ms >= 950, `${answer.ms} ms`);
});

test("with wait and no ETag it waits for the next event, and ends in 200 when nothing happens", async () => {
  const { id, etag } = await still();
  const answer = await timed(`/briefings/${id}?wait=1`);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.etag, etag);
  assert.ok(answer.ms >= 950, `${answer.ms} ms`);
});

test("with wait and an older ETag it answers at once", async () => {
  const { id } = await still();
  const answer = await timed(`/briefings/${id}?wait=50`, { "if-none-match": '"1"' });
  assert.equal(answer.status, 200);
  assert.ok(answer.ms < 45_000);
});

test("the wait is found among the preferences, in one list or in several lines", async () => {
  const { id } = await still();
  for (const prefer of ["wait=1", "respond-async, Wait=1", 'wait="1", handling=lenient', ["respond-async", "wait=1"],
    "wait=1, wait=60"]) {
    const answer = await timed(`/briefings/${id}`, { prefer });
    assert.equal(answer.status, 200);
    assert.ok(answer.ms >= 990 && answer.ms < 30_000, `${prefer}: ${answer.ms} ms`);
  }
  for (const prefer of ["wait", "wait=", "respond-async; wait=60", "waiting=60", ["wait=none", "wait=60"]])
    assert.ok((await timed(`/briefings/${id}`, { prefer })).ms < 30_000, `${prefer}`);
});

test("both waits answer as soon as the document changes", async () => {
  const { id, etag } = await still();
  const waits = [timed(`/briefings/${id}?wait=50`), timed(`/briefings/${id}?wait=50`, { "if-none-match": etag }),
    timed(`/briefings/${id}`, { prefer: "respond-async, wait=50", "if-none-match": etag })];
  assert.equal((await world.request("POST", `/briefings/${id}/cancel`)).status, 202);
  for (const answer of await Promise.all(waits)) {
    assert.equal(answer.status, 200);
    assert.equal(answer.body.status, "cancelled");
    assert.ok(answer.ms < 45_000, `${answer.ms} ms`);
  }
});

test("a briefing that has ended answers at once, whatever is asked", async () => {
  const { id } = await still();
  await world.request("POST", `/briefings/${id}/cancel`);
  const { headers: { etag, "retry-after": again } } = await timed(`/briefings/${id}`);
  assert.equal(again, undefined);
  const known = await timed(`/briefings/${id}?wait=50`, { "if-none-match": etag });
  assert.equal(known.status, 304);
  const unknown = await timed(`/briefings/${id}?wait=50`);
  assert.equal(unknown.status, 200);
  assert.ok(known.ms < 45_000 && unknown.ms < 45_000);
});

test("a wait that is no number of seconds up to 60 is refused, a preference only ignored", async () => {
  const { id } = await still();
  for (const wait of ["61", "-1", "ten", "1.5", ""]) {
    const answer = await timed(`/briefings/${id}?wait=${wait}`);
    assert.equal(answer.status, 400, wait);
    assert.deepEqual(answer.body.errors.map(({ pointer }) => pointer), ["?wait"]);
  }
  assert.equal((await timed(`/briefings/${id}?waiting=1`)).status, 400);
  const preferred = await timed(`/briefings/${id}`, { prefer: "wait=ten" });
  assert.equal(preferred.status, 200);
});

test("Retry-After tells when to poll again", async () => {
  const { id, etag } = await still();
  for (const headers of [{}, { "if-none-match": etag }]) {
    const answer = await timed(`/briefings/${id}`, headers);
    assert.match(answer.headers["retry-after"], /^[1-9]\d*$/);
  }
});

test("Retry-After grows with the age of the briefing", async () => {
  const fresh = await still();
  const old = await still();
  await world.stop();
  change(world.env.BRIEFD_DB, `UPDATE runs SET created_ms = created_ms - 3600000 WHERE id = '${old.id}'`);
  await world.start();
  const after = async ({ id }) => Number((await timed(`/briefings/${id}`)).headers["retry-after"]);
  const pauses = [await after(fresh), await after(old)];
  assert.equal(pauses[1], 30);
  assert.ok(pauses[0] >= 1 && pauses[0] < pauses[1], `${pauses[0]} s`);
});

test("a client that leaves while it waits harms nobody", async () => {
  const { id } = await still();
  await Promise.all(Array.from({ length: 20 }, () => assert.rejects(
    world.request("GET", `/briefings/${id}?wait=50`, { seconds: 0.05, agent: undefined }))));
  await world.request("POST", `/briefings/${id}/cancel`);
  assert.equal((await timed(`/briefings/${id}`)).body.status, "cancelled");
});

test("two hundred callers wait for one briefing and all are told", async () => {
  const { id, etag } = await still();
  const waits = Array.from({ length: 200 }, () =>
    timed(`/briefings/${id}?wait=60`, { "if-none-match": etag }));
  await world.request("POST", `/briefings/${id}/cancel`);
  const answers = await Promise.all(waits);
  assert.ok(answers.every(({ status, body }) => status === 200 && body.status === "cancelled"));
});

// ---- the list ----

const list = async (query) => {
  const answer = await world.request("GET", `/briefings?${new URLSearchParams(query)}`);
  assert.equal(answer.status, 200, answer.text);
  return answer.body;
};
const idsOf = ({ data }) => data.map(({ id }) => id);

async function several(user, n) {
  const ids = [];
  for (let i = 0; i < n; i++) ids.push((await world.accepted(user, { if_running: "enqueue" })).id);
  return ids;
}

test("the list shows the newest first, as whole documents", async () => {
  const user = world.user();
  const ids = await several(user, 3);
  await Promise.all(ids.map((id) => world.until(id, (run) => run.status === "blocked")));
  const page = await list({ user_id: user });
  assert.deepEqual(idsOf(page), [...ids].reverse());
  assert.equal(page.next_cursor, null);
  assert.deepEqual(page.data[0], await world.document(ids[2]));
});

test("the cursor goes on where the page ended, while briefings are added and end", async () => {
  const user = world.user();
  const before = [...await several(user, 5)].reverse();
  const seen = [];
  let cursor;
  do {
    const page = await list({ user_id: user, limit: 2, ...(cursor && { cursor }) });
    assert.ok(page.data.length <= 2);
    seen.push(...idsOf(page));
    cursor = page.next_cursor;
    await several(user, 1);
    await world.request("POST", `/briefings/${seen[0]}/cancel`);
  } while (cursor);
  assert.deepEqual(seen, before);
});

test("the list is filtered by user, status, recipe and time", async () => {
  const [one, other] = [world.user(), world.user()];
  const ids = await several(one, 2);
  await several(other, 1);
  await Promise.all(ids.map((id) => world.until(id, (run) => run.status === "blocked")));
  await world.request("POST", `/briefings/${ids[0]}/cancel`);
  assert.deepEqual(idsOf(await list({ user_id: one, status: "cancelled" })), [ids[0]]);
  assert.deepEqual(idsOf(await list({ user_id: one, status: "blocked" })), [ids[1]]);
  assert.deepEqual(idsOf(await list({ user_id: one, recipe: "other" })), []);
  assert.equal(idsOf(await list({ user_id: one, recipe: "editorial-briefing" })).length, 2);
  const { created_at: first } = await world.document(ids[0]);
  assert.ok(idsOf(await list({ user_id: one, created_after: first })).includes(ids[1]));
  assert.deepEqual(idsOf(await list({ user_id: one, created_after: "2099-01-01T00:00:00Z" })), []);
  assert.deepEqual(idsOf(await list({ user_id: "nobody' OR '1'='1" })), []);
});

test("the events of a briefing are numbered without gaps, up to the document's last", async () => {
  const run = await world.briefToEnd(await world.connected());
  const page = await world.request("GET", `/briefings/${run.id}/events`);
  assert.equal(page.status, 200, page.text);
  const numbers = page.body.data.map(({ n }) => n);
  assert.deepEqual(numbers, Array.from({ length: run.progress.last_event }, (_, i) => i + 1));
  const rest = await world.request("GET", `/briefings/${run.id}/events?after=3`);
  assert.equal(rest.body.data[0].n, 4);
});
