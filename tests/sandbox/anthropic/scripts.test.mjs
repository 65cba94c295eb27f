// The scripted Claude: the ordinary scripts, and each way to depart from them.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, afterEach, before, test } from "node:test";
import { SCRIPT_NAMES } from "./script.mjs";
import { rowsOf } from "./results.mjs";
import { promptOf } from "./scripts/editorial_prompt.mjs";
import { FIRST, TOOLS, converse, post, request, start, toolAnswers } from "./testing.mjs";
import { viewOf } from "./view.mjs";

let server;

before(async () => { server = await start(); });
after(() => server.stop());
afterEach(() => server.anthropic.control.post({ clear: true }));

const stops = ({ replies }) => replies.map((reply) => reply.stop_reason).join(" ");
const calls = (reply) => reply.content.filter(({ type }) => type === "tool_use");
const said = (reply) => reply.content.filter(({ type }) => type === "text").map((b) => b.text).join("\n");
const names = (reply) => calls(reply).map(({ name }) => name);
const override = (script, more = {}) => server.anthropic.control.post({ script, ...more });
const BASE = "tool_use tool_use tool_use end_turn";

/** Tools that answer as ever, but `name` answers with `text`, for the first `times` calls. */
function failing(name, text, times = Infinity, posts = []) {
  const answers = toolAnswers(posts);
  let left = times;
  return (call) => (call.name === name && left-- > 0 ? text : answers(call));
}

test("the project is found, four reads go out together, and the delivery goes alone", async () => {
  const { replies } = await converse(server.base);
  assert.deepEqual(replies.map(names), [
    ["sanitymcp_list_projects"],
    ["sanitymcp_query_documents", "sanitymcp_query_documents", "sanitymcp_query_documents",
      "sanitymcp_list_releases"],
    ["slack_send_message"],
    [],
  ]);
  const inputs = calls(replies[1]).map(({ input }) => input);
  for (const { resource } of inputs) {
    assert.deepEqual(resource, { projectId: "p9harbour", dataset: "production" });
  }
  assert.deepEqual(inputs.map(({ perspective }) => perspective), ["raw", "published", "raw", undefined]);
  assert.deepEqual(inputs[1].params, { publishedSince: "2026-11-16T00:00:00Z" });
  assert.deepEqual(inputs[2].params, { staleBefore: "2026-11-09T00:00:00Z" });
});

test("the prompt of the recipe is understood", () => {
  const config = new URL("../../../config/recipes/editorial-briefing/", import.meta.url);
  const view = viewOf(request({ system: readFileSync(new URL("prompt.md", config), "utf8") }));
  const { queries, project, dataset, zone, now, allOrNothing } = promptOf(view);
  assert.deepEqual(Object.keys(queries).sort(), ["drafts", "published", "stale"]);
  for (const [name, perspective, page, param] of [["drafts", "raw", 25, undefined],
    ["published", "published", 10, "publishedSince"], ["stale", "raw", 10, "staleBefore"]]) {
    assert.equal(queries[name].perspective, perspective, name);
    assert.equal(queries[name].page, page, name);
    assert.deepEqual(Object.keys(queries[name].params ?? {}), param ? [param] : [], name);
    assert.match(queries[name].query, /^\*\[.*\}$/s, name);
  }
  assert.deepEqual([project, dataset, zone, now, allOrNothing], ["Harbour News", "production",
    "Europe/Berlin", Date.parse("2026-11-23T07:31:00Z"), true]);
});

test("an unknown project is named and nothing is sent", async () => {
  const messages = [{ role: "user", content: FIRST.replace("Harbour News", "Nowhere") }];
  const { replies, posts } = await converse(server.base, { messages });
  assert.match(said(replies.at(-1)), /no Sanity project named "Nowhere"/);
  assert.equal(posts.length, 0);
});

test("a read that fails is tried once more, then its section is named as missing", async () => {
  const posts = [];
  const once = await converse(server.base, {}, { answers: failing("sanitymcp_list_releases",
    '{"isError":true,"error":"busy"}', 1, posts) });
  assert.equal(stops(once), "tool_use tool_use tool_use tool_use end_turn");
  assert.match(posts[0], /Scheduled Releases/);
  await converse(server.base, {}, { answers: failing("sanitymcp_list_releases",
    '{"isError":true,"error":"busy"}', Infinity, posts) });
  assert.match(posts[1], /Could not be read today: scheduled releases\./);
  assert.doesNotMatch(posts[1], /Scheduled Releases/);
});

test("a prompt that forbids half a briefing gets none when a read fails", async () => {
  const system = `${request().system[0].text}\nIf a call still fails, do not send anything.`;
  const posts = [];
  const { replies } = await converse(server.base, { system }, { answers: failing(
    "sanitymcp_list_releases", '{"ok":false,"error":"busy"}', Infinity, posts) });
  assert.match(said(replies.at(-1)), /scheduled releases \(busy\)/);
  assert.equal(posts.length, 0);
});

test("a message that is too long is sent again shorter, and three refusals end it", async () => {
  const texts = [];
  const answers = toolAnswers();
  const { replies } = await converse(server.base, {}, { answers: (call) => {
    if (call.name !== "slack_send_message") return answers(call);
    texts.push(call.input.text);
    return '{"ok":false,"error":"msg_too_long"}';
  } });
  assert.equal(texts.length, 3);
  assert.match(said(replies.at(-1)), /could not be sent: msg_too_long/);
});

test("a full page is shown with a plus sign", async () => {
  const many = JSON.stringify({ result: JSON.stringify(Array.from({ length: 25 }, (_, i) => ({
    _id: `drafts.${i}`, _type: "article", title: `Title ${i}`, _updatedAt: "2026-11-22T08:00:00Z" }))) });
  const posts = [];
  const answers = toolAnswers(posts);
  await converse(server.base, {}, { answers: (call) => (call.input.perspective === "raw" &&
    !call.input.params ? many : answers(call)) });
  assert.match(posts[0], /\*Drafts Awaiting Review \(25\+\)\*/);
  assert.match(posts[0], /\n25\+ drafts in total\.$/);
});

test("rows are found however a result is wrapped, also when it was cut off", () => {
  const rows = [{ _id: "a" }, { _id: "b", t: 'x "}" y' }];
  const json = JSON.stringify(rows);
  for (const wrapped of [json, JSON.stringify({ result: json }), JSON.stringify({ array: rows }),
    JSON.stringify({ data: { result: rows } }), JSON.stringify({ content: [{ type: "text", text: json }] }),
    JSON.stringify({ things: rows }), `Found 2 documents:\n${json}`, `${json.slice(0, -1)},{"_id":"c`]) {
    assert.deepEqual(rowsOf(wrapped), rows, wrapped);
  }
  assert.deepEqual(rowsOf('{"result":"[]"}'), []);
  assert.equal(rowsOf("Something went wrong"), null);
});

test("the issues of a repository become a digest", async () => {
  const tools = [{ name: "github_issues_list", input_schema: { type: "object" } }, TOOLS[3]];
  const texts = [];
  const { replies } = await converse(server.base, { tools, system: "Digest.", messages: [
    { role: "user", content: "Repository: octo/hello" }] }, { answers: ({ name, input }) => {
    if (name === "slack_send_message") texts.push(input.text);
    return name === "slack_send_message" ? '{"ok":true}' :
      JSON.stringify({ array: [{ number: 7, title: "It <breaks>" }] });
  } });
  assert.deepEqual(calls(replies[0])[0].input, { owner: "octo", repo: "hello", state: "open" });
  assert.match(texts[0], /^\*Open Issues\* octo\/hello\n\n• #7 It &lt;breaks&gt;\n\nIssues in total: 1$/);
});

// Script, its override, the stop reasons of the conversation, and what else must hold.
const DEPARTURES = [
  ["unknown_tool", {}, `tool_use ${BASE}`, ({ replies }) => names(replies[0])[0] === "make_coffee"],
  ["unknown_tool", { at_turn: 1 }, `tool_use ${BASE}`,
    ({ replies }) => names(replies[1])[0] === "make_coffee"],
  ["tool_outside_recipe", {}, `tool_use ${BASE}`,
    ({ replies }) => names(replies[0])[0] === "sanitymcp_publish_documents"],
  ["other_channel", { args: { channel: "C0EVIL" } }, BASE,
    ({ replies }) => calls(replies[2])[0].input.channel === "C0EVIL"],
  ["two_deliveries", {}, BASE, ({ replies, posts }) => names(replies[2]).length === 2 &&
    posts.length === 2],
  ["delivery_with_read", {}, BASE, ({ replies }) => names(replies[2]).join(" ") ===
    "slack_send_message sanitymcp_list_projects"],
  ["endless_tools", {}, Array(10).fill("tool_use").join(" "), () => true],
  ["many_parallel", { args: { n: 25 } }, `tool_use tool_use tool_use end_turn`,
    ({ replies }) => names(replies[0]).length === 25],
  ["bad_input", {}, `tool_use ${BASE}`, ({ replies }) => calls(replies[0])[0].input.query === 42],
  ["mentions", {}, BASE, ({ posts }) => /<!channel>.*<@U012ABCDEF>.*<!subteam\^/.test(posts[0]) &&
    /\n_Briefing br_0+_$/.test(posts[0])],
  ["long_message", {}, BASE, ({ posts }) => posts[0].length > 4000],
  ["control_characters", {}, BASE, ({ posts }) => posts[0].includes("\u0000 \u0001 \u0008 \u001b[31m")],
  ["no_delivery", {}, "tool_use tool_use end_turn", ({ posts }) => posts.length === 0],
  ["no_delivery_once", {}, "tool_use tool_use end_turn", ({ posts }) => posts.length === 0],
  ["empty_reply", {}, "tool_use tool_use end_turn", ({ replies }) => replies[2].content.length === 0],
  ["max_tokens_text", {}, "max_tokens", () => true],
  ["cut_tool_call", {}, "max_tokens", ({ replies }) => calls(replies[0]).length === 1],
  ["cut_delivery", {}, "tool_use tool_use max_tokens", ({ posts }) => posts.length === 0],
  ["refusal", { args: { category: "cyber" } }, "refusal",
    ({ replies }) => replies[0].stop_details.category === "cyber"],
  ["pause_turn", {}, "pause_turn", ({ replies }) => replies[0].content.at(-1).type === "server_tool_use"],
  ["unknown_stop", {}, "thoughtful_pause", () => true],
  ["context_exceeded", {}, "model_context_window_exceeded", () => true],
  ["stop_sequence", {}, "stop_sequence", ({ replies }) => replies[0].stop_sequence === "END"],
  ["no_thinking", {}, BASE, ({ replies }) => replies.every(({ content }) => content[0].type === "text")],
  ["redacted_thinking", {}, BASE, ({ replies }) => replies.every(({ content }) =>
    content[1].type === "redacted_thinking" && content[1].data.length > 60)],
  ["duplicate_tool_ids", { count: 1 }, "tool_use", ({ error, replies }) => replies.length === 1 &&
    /`tool_use` ids must be unique/.test(error.message)],
  ["say", { args: { blocks: [{ type: "text", text: "No." }] } }, "end_turn",
    ({ replies }) => said(replies[0]) === "No."],
];

for (const [script, more, expected, holds] of DEPARTURES) {
  test(`the script ${script} ${JSON.stringify(more)} departs as it says`, async () => {
    override(script, { ...more, for: { contains: "Harbour News" } });
    const seen = await converse(server.base);
    assert.equal(stops(seen), expected);
    assert.ok(holds(seen));
  });
}

test("a reminder brings the delivery that was forgotten", async () => {
  for (const script of ["no_delivery_once", "empty_reply"]) {
    override(script);
    const { body, replies } = await converse(server.base);
    const reminded = body.messages.concat({ role: "user", content: "Please send the briefing now." });
    const { json } = await post(server.base, "/v1/messages", { ...body, messages: reminded });
    assert.equal(replies.length, 3);
    assert.deepEqual(names(json), ["slack_send_message"], script);
    server.anthropic.control.post({ clear: true });
  }
});

test("a paused turn goes on when it is sent back as it is", async () => {
  override("pause_turn");
  const { body } = await converse(server.base);
  const { json } = await post(server.base, "/v1/messages", body);
  assert.ok(json.content.some(({ type }) => type === "web_search_tool_result"));
  assert.deepEqual(names(json), ["sanitymcp_list_projects"]);
  const apart = await converse(server.base, { messages: [...body.messages,
    { role: "assistant", content: json.content }, { role: "user", content: [{ type: "tool_result",
      tool_use_id: calls(json)[0].id, content: toolAnswers()(calls(json)[0]) }] }] });
  assert.equal(apart.posts.length, 1);
});

/** The text of a streamed reply's events. */
async function streamed(more = {}) {
  return (await post(server.base, "/v1/messages", request({ stream: true, ...more }))).text;
}

test("broken JSON in a call shows in the stream, once", async () => {
  override("invalid_tool_json");
  server.anthropic.control.post({ settings: { fast_stream: true } });
  assert.match(await streamed(), /"partial_json":"\{\\"query\\": \\"\*\[\\", nope\}"/);
  assert.doesNotMatch(await streamed(), /nope/);
  server.anthropic.control.post({ settings: { fast_stream: false } });
});

test("half surrogate pairs are sent as escapes and refused when they come back", async () => {
  override("lone_surrogates");
  const { error, replies, body } = await converse(server.base);
  assert.match(calls(replies[2])[0].input.text, /Broken: \ud83d and \udc4d, whole: 👍/);
  assert.match(error.message, /no low surrogate in string/);
  body.messages[5].content.at(-1).input.text = "repaired";
  assert.equal((await post(server.base, "/v1/messages", body)).status, 200);
});

test("a small max_tokens cuts a reply in the middle of its call", async () => {
  const { replies } = await converse(server.base, { max_tokens: 70 });
  assert.equal(replies[1].stop_reason, "max_tokens");
});

test("calls come one by one when parallel calls are switched off", async () => {
  const { replies, posts } = await converse(server.base, {
    tool_choice: { type: "auto", disable_parallel_tool_use: true } });
  assert.ok(replies.every((reply) => calls(reply).length <= 1));
  assert.equal(posts.length, 1);
});

test("an override counts down, chooses by text, and is listed with its hits", async () => {
  override("refusal", { for: { contains: "Another" } });
  override("refusal", { count: 2, for: { contains: "Harbour" } });
  for (const expected of ["refusal", "refusal", "tool_use"]) {
    const { json } = await post(server.base, "/v1/messages", request());
    assert.equal(json.stop_reason, expected);
  }
  const { body } = server.anthropic.control.get();
  assert.deepEqual(body.overrides.map(({ hits, count }) => [hits, count]), [[0, -1], [2, 0]]);
  assert.deepEqual(body.scripts, SCRIPT_NAMES);
});

test("a wrong override or setting is refused and changes nothing", () => {
  for (const wrong of [{ script: "nonsense" }, { script: "refusal", when: 1 }, {}, null, [null],
    { settings: { eol: "?" } }, { settings: { speed: 1 } }, { script: "refusal", at_turn: "1" }]) {
    assert.equal(server.anthropic.control.post(wrong).status, 400, JSON.stringify(wrong));
  }
  assert.equal(server.anthropic.control.get().body.overrides.length, 0);
});
