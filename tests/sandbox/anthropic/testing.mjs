// For the tests: a listening server, the editorial recipe in small, and tools that answer.

import { createServer } from "node:http";
import { createFaults } from "../faults.mjs";
import { createLog } from "../log.mjs";
import { createAnthropic } from "./server.mjs";

export const KEY = "sk-ant-api03-test";

/** A running server; `stop` ends it. `settings` are the options it reads at each request. */
export async function start(settings = {}) {
  const options = { apiKey: KEY, latencyModelMs: 0, ...settings };
  const faults = createFaults();
  const log = createLog();
  const anthropic = createAnthropic({ faults, log, options });
  const server = createServer((req, res) => anthropic.handle(req, res));
  await new Promise((ready) => { server.listen(0, "127.0.0.1", ready); });
  const base = `http://127.0.0.1:${server.address().port}`;
  return { anthropic, faults, log, options, base,
    stop() {
      faults.reset();
      server.closeAllConnections();
      return new Promise((done) => { server.close(done); });
    } };
}

/** POSTs a value (or raw text, or bytes) as a client would; headers may be changed or set to null. */
export async function post(base, path, body, changes = {}) {
  const headers = { "content-type": "application/json", "anthropic-version": "2026-10-21",
    authorization: `Bearer ${KEY}`, ...changes };
  for (const name of Object.keys(headers)) if (headers[name] === null) delete headers[name];
  const raw = typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  const answer = await fetch(base + path, { method: "POST", headers, body: raw });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, text,
    get json() {
      return JSON.parse(text);
    } };
}

const RESOURCE = { type: "object", properties: { projectId: { type: "string" },
  dataset: { type: "string" } }, required: ["projectId", "dataset"] };

export const TOOLS = [
  { name: "sanitymcp_list_projects", description: "Lists the projects of the account.",
    input_schema: { type: "object", properties: { intent: { type: "string" } } } },
  { name: "sanitymcp_list_releases", description: "Lists the releases of a dataset.",
    input_schema: { type: "object", properties: { resource: RESOURCE, state: { type: "string" },
      limit: { type: "integer" } }, required: ["resource"] } },
  { name: "sanitymcp_query_documents", description: "Runs a GROQ query.",
    input_schema: { type: "object", properties: { resource: RESOURCE, query: { type: "string" },
      params: { type: "object" }, perspective: { type: "string" }, limit: { type: "integer" } },
    required: ["resource", "query"] } },
  { name: "slack_send_message", description: "Posts the briefing.",
    input_schema: { type: "object", properties: { text: { type: "string" } },
      required: ["text"] } },
];

export const SYSTEM = `You prepare an editorial briefing. ${"Use only what the tools say. ".repeat(80)}

Query \`drafts\`: with perspective "raw", limit 25.

\`\`\`groq
*[_id in path("drafts.**")] | order(_updatedAt desc) [0...25] {_id, _type, title, _updatedAt}
\`\`\`

Query \`published\`: with perspective "published".

\`\`\`groq
*[!(_id in path("drafts.**")) && _updatedAt >= $publishedSince] [0...10] {_id, _type, title}
\`\`\`

Query \`stale\`: with perspective "raw".

\`\`\`groq
*[_id in path("drafts.**") && _updatedAt <= $staleBefore] [0...10] {_id, _type, title}
\`\`\`
`;

export const FIRST = ["Today: Monday, 2026-11-23", "Now: 2026-11-23T07:31:00Z", "Time zone: Europe/Berlin",
  "Sanity project: Harbour News", "Sanity dataset: production",
  "Published since: 2026-11-16T00:00:00Z", "Stale before: 2026-11-09T00:00:00Z", "",
  "Please prepare the briefing."].join("\n");

export function request(more = {}) {
  return {
    model: "claude-sonnet-5-5", max_tokens: 16000, tools: TOOLS,
    system: [{ type: "text", text: SYSTEM, cache_control: { type: "ephemeral" } }],
    cache_control: { type: "ephemeral" },
    messages: [{ role: "user", content: FIRST }],
    ...more,
  };
}

const DRAFTS = [
  { _id: "drafts.a", _type: "article", title: "Hafenplan: Böen & Brücken 🚢", _updatedAt: "2026-11-23T05:00:00Z" },
  { _id: "drafts.b", _type: "page", title: "About <us>", _updatedAt: "2026-10-01T09:00:00Z" },
  { _id: "drafts.c", _type: "article", title: null, _updatedAt: "2026-11-21T12:00:00Z" },
];

/** Answers a call as the four tools would; `posts` collects what was sent. */
export function toolAnswers(posts = []) {
  return ({ name, input }) => {
    const { perspective, query = "" } = input;
    if (name === "sanitymcp_list_projects") {
      return JSON.stringify({ result: JSON.stringify([{ id: "p0", displayName: "Other" },
        { id: "p9harbour", displayName: "Harbour News" }]) });
    }
    if (name === "sanitymcp_list_releases") {
      return JSON.stringify({ result: [{ name: "rWinter", state: "scheduled",
        publishAt: "2026-11-26T08:00:00Z", metadata: { title: "Winter issue" } },
      { name: "rLater", state: "active", metadata: { title: "Some day" } }] });
    }
    if (name === "slack_send_message") {
      posts.push(input.text);
      return JSON.stringify({ ok: true, ts: "1795418400.000100" });
    }
    if (perspective === "published") {
      return JSON.stringify({ array: [{ _id: "x", _type: "article", title: "Ferry fares",
        _updatedAt: "2026-11-22T10:00:00Z" }] });
    }
    return JSON.stringify({ result: String(query).includes("staleBefore") ? [DRAFTS[1]] : DRAFTS });
  };
}

/** Runs the loop to its end over whole replies: the messages, and what was posted. */
export async function converse(base, more = {}, { answers, turns = 10, key = KEY } = {}) {
  const posts = [];
  const answerOf = answers ?? toolAnswers(posts);
  const body = request(more);
  const replies = [];
  for (let i = 0; i < turns; i++) {
    const { status, json } = await post(base, "/v1/messages", body, {
      authorization: `Bearer ${key}` });
    if (status !== 200) return { error: json.error, body, replies, posts };
    replies.push(json);
    if (json.content.length > 0) body.messages = [...body.messages,
      { role: "assistant", content: json.content }];
    if (json.stop_reason !== "tool_use") break;
    const results = await Promise.all(json.content.filter(({ type }) => type === "tool_use")
      .map(async (call) => ({ type: "tool_result", tool_use_id: call.id, content: await answerOf(call) })));
    body.messages = [...body.messages, { role: "user", content: results }];
  }
  return { body, replies, posts };
}
