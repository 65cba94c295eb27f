// The form of the app page: a briefing and a user's own defaults without a script, and everything that it refuses.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Browser, invited, tokenOf } from "./browser.mjs";
import { startWorld } from "./harness.mjs";

const BRIEF = "/brief/editorial-briefing";
const DEFAULTS = "/defaults/editorial-briefing";

let world;
before(async () => {
  world = await startWorld({ env: { BRIEFD_TRUSTED_PROXY: "127.0.0.1", BRIEFD_TRUSTED_PROXY_HEADER: "X-Forwarded-User",
    BRIEFD_TIMEZONE: "Europe/Oslo" } });
});
after(() => world?.close());

/** The app page of somebody, and its form: {user, browser, fields, send(path, more, headers)}. */
async function formOf(user) {
  const browser = new Browser(world);
  const headers = { "x-forwarded-user": user };
  const { text } = await browser.get("/", { headers });
  const fields = { csrf_token: tokenOf(text), idempotency_key: /name="idempotency_key" value="([^"]+)"/.exec(text)[1] };
  const send = (path, more = {}, other = {}) => browser.post(path, { ...fields, ...more }, { headers: { ...headers, ...other } });
  return { user, browser, fields, send, page: (path) => browser.get(path, { headers }) };
}
const own = async (user) => (await world.request("GET", `/users/${user}/recipes/editorial-briefing/params`)).body;
const made = async (user) => (await world.request("GET", `/briefings?user_id=${user}`)).body.data;
const idOf = ({ headers }) => /^\/b\/(br_.+)$/.exec(headers.location)?.[1];

describe("the form of a recipe", () => {
  it("makes a briefing, and leads to its page", async () => {
    const form = await formOf(await world.connected());
    const answer = await form.send(BRIEF, { mode: "preview", timezone: "America/New_York", "params.sanity_dataset": "staging" });
    assert.equal(answer.status, 303, answer.text);
    const run = await world.untilEnd(idOf(answer));
    assert.equal(run.status, "succeeded");
    assert.equal(run.delivery.state, "previewed");
    assert.equal(run.timezone, "America/New_York");
    assert.equal(run.params.sanity_dataset, "staging");
  });

  it("pressed twice makes one, also after the first has ended", async () => {
    const form = await formOf(await world.connected());
    const [first, second] = await Promise.all([form.send(BRIEF, { mode: "post" }), form.send(BRIEF, { mode: "post" })]);
    assert.equal(first.status, 303, first.text);
    assert.equal(first.headers.location, second.headers.location);
    await world.untilEnd(idOf(first));
    assert.equal((await form.send(BRIEF, { mode: "post" })).headers.location, first.headers.location);
    assert.equal((await world.posts(form.user)).length, 1);
    const other = await form.send(BRIEF, { mode: "preview" });
    assert.equal(other.status, 303, "another button of the same form is another wish");
    assert.notEqual(other.headers.location, first.headers.location);
    assert.equal((await made(form.user)).length, 2);
  });

  it("says so when one that asks for something else is being made, and leads to it", async () => {
    const form = await formOf(world.user());
    const first = await form.send(BRIEF, { mode: "preview" });
    const second = await form.send(BRIEF, { mode: "post" });
    assert.equal(second.status, 409);
    assert.match(second.text, /data-code="already_running"/);
    assert.ok(second.text.includes(`href="${first.headers.location}"`));
    assert.equal((await made(form.user)).length, 1);
  });

  it("keeps a user's own defaults, which are checked and shown again", async () => {
    const form = await formOf(world.user());
    const kept = await form.send(DEFAULTS, { "params.slack_channel": " C0GENERAL01 ", timezone: "Asia/Kolkata" });
    assert.equal(kept.status, 303, kept.text);
    assert.match(kept.headers.location, /^\/\?saved=editorial-briefing/);
    assert.deepEqual((await own(form.user)).params, { slack_channel: "C0GENERAL01" });
    assert.equal((await own(form.user)).timezone, "Asia/Kolkata");
    const page = (await form.page("/")).text;
    assert.match(page, /name="timezone" value="Asia\/Kolkata"/);
    assert.match(page, /name="params.slack_channel" value="C0GENERAL01"/);
    assert.match(page, /placeholder="Europe\/Oslo"/);
    assert.equal((await made(form.user)).length, 0, "nothing was sent");

    for (const timezone of ["Oslo", "europe/oslo", "PST", "GMT+3", "<b>", "../etc/passwd", "x".repeat(300)]) {
      const answer = await form.send(DEFAULTS, { timezone });
      assert.equal(answer.status, 400, timezone);
      assert.match(answer.text, /is not the name of a time zone/);
      assert.ok(!answer.text.includes("<b>"));
    }
    assert.equal((await own(form.user)).timezone, "Asia/Kolkata");
    assert.equal((await form.send(DEFAULTS, {})).status, 303);
    assert.deepEqual((await own(form.user)).params, {}, "an empty field goes back to what counts for all");
    assert.equal((await own(form.user)).timezone, null);
  });

  it("left empty means what the page shows in the empty field, not what was kept", async () => {
    const form = await formOf(world.user());
    await form.send(DEFAULTS, { "params.slack_channel": "C0GENERAL01", timezone: "Asia/Kolkata" });
    const answer = await form.send(BRIEF, { mode: "preview" });
    const run = await world.document(idOf(answer));
    assert.equal(run.params.slack_channel, "C0NEWSROOM1");
    assert.equal(run.timezone, "Europe/Oslo");
  });

  it("comes back with what was written and what is wrong with it, and does nothing", async () => {
    const form = await formOf(world.user());
    const answer = await form.send(BRIEF, { mode: "post", "params.slack_channel": 'general"><script>', timezone: "Mars/Olympus" });
    assert.equal(answer.status, 400);
    assert.match(answer.text, /value="general&quot;&gt;&lt;script&gt;"/);
    assert.equal(answer.text.match(/aria-invalid="true"/g).length, 2);
    assert.equal((await made(form.user)).length, 0);
  });

  it("is refused when it is not one of ours", async () => {
    const form = await formOf(world.user());
    for (const fields of [{}, { mode: "shout" }, { mode: "post", idempotency_key: "" }, { mode: "post", idempotency_key: "x".repeat(200) }])
      assert.equal((await form.send(BRIEF, fields)).status, 400, JSON.stringify(fields));
    assert.equal((await form.send("/brief/nothing", { mode: "post" })).status, 404);
    assert.equal((await form.send("/defaults/nothing")).status, 404);
    assert.equal((await form.page(BRIEF)).status, 405);
    assert.equal((await made(form.user)).length, 0);
  });

  it("that a foreign page submits by itself does nothing", async () => {
    const form = await formOf(await world.connected());
    for (const path of [BRIEF, DEFAULTS])
      for (const [fields, headers] of [[{}, { origin: "https://evil.example" }], [{}, { "sec-fetch-site": "cross-site" }],
        [{}, { origin: "null" }], [{ csrf_token: "" }, {}], [{ csrf_token: "x".repeat(43) }, {}]]) {
        const answer = await form.send(path, { mode: "post", timezone: "Asia/Kolkata", ...fields }, headers);
        assert.equal(answer.status, 403, `${path} ${JSON.stringify([fields, headers])}`);
        assert.match(answer.text, /data-code="csrf_failed"/);
      }
    assert.equal((await made(form.user)).length, 0);
    assert.equal((await own(form.user)).timezone, null);
  });

  it("of somebody else, or of nobody, does nothing", async () => {
    const form = await formOf(world.user());
    const nobody = await new Browser(world).post(BRIEF, { ...form.fields, mode: "post" });
    assert.equal(nobody.status, 403, "no session, no token");
    const other = await form.send(BRIEF, { mode: "post" }, { "x-forwarded-user": world.user() });
    assert.ok([401, 403].includes(other.status), `${other.status}`);
    assert.equal((await made(form.user)).length, 0);
  });
});

it("a ticket session has no such form, and cannot submit one", async () => {
  const tickets = await startWorld();
  try {
    const user = await tickets.connected();
    const browser = await invited(tickets, user);
    const { text, token } = await browser.page("/");
    assert.ok(!text.includes('action="/brief/'));
    for (const path of [BRIEF, DEFAULTS]) {
      const answer = await browser.post(path, { csrf_token: token, idempotency_key: "k", mode: "post" });
      assert.equal(answer.status, 403);
      assert.match(answer.text, /data-code="insufficient_scope"/);
    }
    assert.equal((await tickets.request("GET", `/briefings?user_id=${user}`)).body.data.length, 0);
  } finally {
    await tickets.close();
  }
});
