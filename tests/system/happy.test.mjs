// The main job: from POST /briefings through Claude and the tools into a Slack channel.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { CHANNEL, UNHURRIED, eventually, startWorld } from "./harness.mjs";

const FOUR_TOOLS = ["sanitymcp_list_projects", "sanitymcp_list_releases", "sanitymcp_query_documents",
  "slack_send_message"];
const PROBES = ["sanitymcp_whoami", "slack_auth_test"];
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

let world;
before(async () => { world = await startWorld({ env: UNHURRIED }); });
after(() => world?.close());

/** Titles of a user's documents, each with a tag that no other user has. */
async function titlesOf(user) {
  const { documents } = await world.control("GET", `/sanity?identifier=${user}`);
  return documents.map((document) => document.title).filter(Boolean);
}

const sorted = (list) => [...new Set(list)].sort();

test("a briefing goes from POST into the Slack channel and back to the poll", async () => {
  const user = await world.connected();
  const created = await world.brief(user);
  assert.equal(created.status, 202, created.text);
  assert.equal(created.body.status, "queued");
  assert.equal(created.headers.location, `${world.url}/briefings/${created.body.id}`);
  assert.equal(created.headers["retry-after"], "1");

  const run = await world.untilEnd(created.body.id);
  assert.equal(run.status, "succeeded", JSON.stringify(run));
  assert.equal(run.delivery.state, "confirmed");
  assert.match(run.summary, /^Posted one message/);

  const posts = await world.posts(user);
  assert.equal(posts.length, 1);
  assert.equal(posts[0].channel, CHANNEL);
  assert.equal(posts[0].ts, run.delivery.ts);
  assert.equal(posts[0].sent_text, run.delivery.text);
  assert.match(posts[0].text, /^\*Editorial Briefing\*/);
  assert.ok(posts[0].text.endsWith(`_Briefing ${run.id}_`), posts[0].text);
});

test("the document has every field that its page names, with the right types", async () => {
  const user = await world.connected();
  const run = await world.briefToEnd(user, { metadata: { ticket: "ED-123" }, timezone: "Europe/Oslo" });
  const { params, timezone, start_by: startBy, metadata, ...documented } = run;
  assert.deepEqual(Object.keys(documented), ["id", "status", "phase", "terminal", "needs_attention",
    "user_id", "recipe", "mode", "created_at", "started_at", "finished_at", "attempt", "progress",
    "usage", "delivery", "blocked_on", "summary", "error", "links"]);
  assert.deepEqual(metadata, { ticket: "ED-123" });
  assert.equal(timezone, "Europe/Oslo");
  assert.deepEqual(params, { sanity_project: "newsroom", sanity_dataset: "production",
    slack_channel: CHANNEL });

  assert.match(run.id, /^br_[0-9a-hjkmnp-tv-z]{26}$/i);
  assert.deepEqual([run.phase, run.terminal, run.needs_attention, run.user_id, run.mode, run.attempt],
    [null, true, false, user, "post", 1]);
  assert.equal(run.recipe.name, "editorial-briefing");
  assert.match(run.recipe.hash, /^sha256:[0-9a-f]{64}$/);
  for (const time of [run.created_at, run.started_at, run.finished_at, startBy]) assert.match(time, TIME);
  assert.ok(run.created_at <= run.started_at && run.started_at <= run.finished_at);
  assert.deepEqual(Object.keys(run.progress), ["turn", "tool_calls", "last_event"]);
  assert.equal(run.progress.turn, 3);
  assert.equal(run.progress.tool_calls, 5);
  assert.deepEqual(Object.keys(run.usage), ["model", "input_tokens", "output_tokens", "cache_read_tokens",
    "cache_write_tokens", "cost_usd"]);
  assert.match(run.usage.cost_usd, /^0\.\d{2,}$/);
  assert.ok(Number(run.usage.cost_usd) > 0);
  assert.deepEqual(Object.keys(run.delivery), ["state", "connector", "channel", "ts", "permalink", "text"]);
  assert.deepEqual([run.delivery.connector, run.delivery.channel], ["slack", CHANNEL]);
  assert.deepEqual([run.blocked_on, run.error], [[], null]);
  assert.deepEqual(run.links, { self: `${world.url}/briefings/${run.id}`,
    events: `${world.url}/briefings/${run.id}/events`, cancel: `${world.url}/briefings/${run.id}/cancel` });
});

test("only the four tools of the recipe are called, each with the briefing's id and its user", async () => {
  const user = await world.connected();
  const from = (await world.stats()).last;
  const run = await world.briefToEnd(user);
  const calls = (await world.log("scalekit.execute_tool", from)).filter(({ tool }) => !PROBES.includes(tool));
  assert.deepEqual(sorted(calls.map(({ tool }) => tool)), FOUR_TOOLS);
  assert.deepEqual(sorted(calls.map((call) => call.agent_run_id)), [run.id]);
  assert.deepEqual(sorted(calls.map(({ identifier }) => identifier)), [user]);
  const sent = calls.filter(({ tool }) => tool === "slack_send_message");
  assert.equal(sent.length, 1);
  assert.deepEqual(sent[0].params, { channel: CHANNEL, text: run.delivery.text, unfurl_links: false,
    unfurl_media: false });
});

test("what Claude is told holds no other tool, no destination and no id of the user", async () => {
  const user = await world.connected();
  const hidden = ["sanitymcp_whoami", "slack_auth_test", "slack_fetch_conversation_history",
    "sanitymcp_publish_documents", CHANNEL, user];
  const ids = await world.fault(...hidden.map((text) => ({ endpoint: "anthropic.messages", count: -1,
    match: { body_contains: text }, action: { type: "delay", ms: 0 } })));
  assert.equal(ids.ids.length, hidden.length);
  const from = (await world.stats()).last;
  await world.briefToEnd(user);
  const asked = await world.log("anthropic.messages", from);
  assert.ok(asked.every(({ stream, status }) => stream && status === 200));
  assert.deepEqual(asked.map(({ calls }) => calls.length), [1, 4, 1]);
  const { faults } = await world.control("GET", "/faults");
  assert.deepEqual(faults.filter(({ hits }) => hits > 0).map(({ match }) => match.body_contains), []);
  await world.clearFaults();
});

test("the prompt cache is read from the second turn on, and the usage is counted as it was billed", async () => {
  const user = await world.connected();
  const from = (await world.stats()).last;
  const run = await world.briefToEnd(user);
  const usages = (await world.log("anthropic.messages", from)).map(({ usage }) => usage);
  const total = (name) => usages.reduce((sum, usage) => sum + (usage[name] ?? 0), 0);
  for (const usage of usages.slice(1)) assert.ok(usage.cache_read_input_tokens > 0, JSON.stringify(usage));
  assert.equal(run.usage.input_tokens, total("input_tokens"));
  assert.equal(run.usage.output_tokens, total("output_tokens"));
  assert.equal(run.usage.cache_read_tokens, total("cache_read_input_tokens"));
  assert.equal(run.usage.cache_write_tokens, total("cache_creation_input_tokens"));
});

test("a preview posts nothing and shows the exact text", async () => {
  const user = await world.connected();
  const run = await world.briefToEnd(user, { mode: "preview" });
  assert.equal(run.status, "succeeded");
  assert.equal(run.delivery.state, "previewed");
  assert.match(run.delivery.text, /^\*Editorial Briefing\*/);
  assert.ok(run.delivery.text.endsWith(`_Briefing ${run.id}_`));
  assert.equal(run.delivery.ts, null);
  assert.deepEqual(await world.posts(user), []);
  const tools = (await world.toolCalls(user)).map(({ tool }) => tool);
  assert.ok(!tools.includes("slack_send_message"), tools.join());
});

test("the reads of one turn run at the same time", async () => {
  const user = await world.connected();
  const held = await world.hold({ endpoint: "scalekit.execute_tool", count: -1,
    match: { tool: "sanitymcp_query_documents", identifier: user } });
  const { id } = await world.accepted(user);
  // None of them is answered before all are there.
  await eventually(async () => (await world.toolCalls(user))
    .filter(({ tool }) => tool === "sanitymcp_query_documents").length === 3, "all three are asked");
  await held.release();
  assert.equal((await world.untilEnd(id)).status, "succeeded");
});

test("the channel and the dataset of the request are used", async () => {
  const user = await world.connected();
  const run = await world.briefToEnd(user, { params: { slack_channel: "C0GENERAL01" } });
  assert.equal(run.status, "succeeded");
  assert.deepEqual((await world.posts(user)).map(({ channel }) => channel), ["C0GENERAL01"]);
});

test("twenty users at once get one message each, with their own documents and nobody else's", async () => {
  const users = await Promise.all(Array.from({ length: 20 }, () => world.connected("crowd")));
  const runs = await Promise.all(users.map((user) => world.briefToEnd(user)));
  assert.deepEqual(sorted(runs.map(({ status }) => status)), ["succeeded"]);
  const titles = await Promise.all(users.map(titlesOf));
  for (const [i, user] of users.entries()) {
    const posts = await world.posts(user);
    assert.equal(posts.length, 1);
    const text = posts[0].sent_text;
    assert.ok(titles[i].some((title) => text.includes(title)), `nothing of ${user} in ${text}`);
    const foreign = titles.flatMap((list, k) => (k === i ? [] : list))
      .filter((title) => text.includes(title));
    assert.deepEqual(foreign, [], `${user} sees what is not theirs`);
  }
});

test("any name of a user reaches ScaleKit as it is", async () => {
  for (const name of ["ü ser+1@example.com/&=?#%20", "o'brien\"<x>\\", "💡", "a:b;c,d", "..", "%2e%2e/x"]) {
    const user = `${name}${world.user()}`;
    await world.connect(user, "sanity", "slack");
    const path = `/users/${encodeURIComponent(user)}/connections`;
    const checked = await world.request("POST", `${path}/slack/check`);
    assert.deepEqual([checked.status, checked.body.status], [200, "ACTIVE"], user);
    const run = await world.briefToEnd(user);
    assert.deepEqual([run.status, run.user_id], ["succeeded", user]);
    assert.equal((await world.posts(user)).length, 1);
    const listed = await world.request("GET", `/briefings?user_id=${encodeURIComponent(user)}`);
    assert.deepEqual(listed.body.data.map(({ id }) => id), [run.id]);
    assert.equal((await world.request("GET", path)).body.user_id, user);
  }
});

test("the heading carries the day of the briefing's own time zone", async () => {
  for (const timezone of ["Pacific/Kiritimati", "Pacific/Pago_Pago"]) { // 25 hours apart: never the same day
    const run = await world.briefToEnd(await world.connected(), { timezone, mode: "preview" });
    const days = [run.started_at, run.finished_at].map((time) => new Intl.DateTimeFormat("en-GB", { timeZone: timezone,
      weekday: "long", day: "numeric", month: "long" }).format(new Date(time)));
    const heading = run.delivery.text.split("\n")[0].replace(",", "");
    assert.ok(days.some((day) => heading.includes(day.replace(",", ""))), `${heading}: not ${days}`);
  }
});

test("one access token served all of them", async () => {
  const { requests } = await world.stats();
  assert.equal(requests["scalekit.token"], 1);
});

test("the log tells each briefing's story, and no content or secret", async () => {
  const user = await world.connected();
  const run = await world.briefToEnd(user);
  await world.logged("run_left", (entry) => entry.run === run.id);
  const lines = world.logs().filter((entry) => entry.run === run.id);
  assert.ok(lines.length >= 2);
  const text = JSON.stringify(world.logs());
  for (const secret of [world.key, world.ready.client_secret, world.ready.anthropic_api_key, user,
    ...await titlesOf(user)]) assert.ok(!text.includes(secret), `the log shows ${secret}`);
});
