// Both halves of the sandbox together: the recipe's own prompt, Claude, Sanity's data, Slack.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { useSandbox } from "../testing.mjs";
import { converse, request } from "./testing.mjs";

const sandbox = useSandbox();
const CONFIG = new URL("../../../config/recipes/editorial-briefing/", import.meta.url);
const DAY_MS = 86_400_000;

/** The first user message, from the recipe's template. */
function firstMessage() {
  const { first_message: lines } = JSON.parse(readFileSync(new URL("recipe.json", CONFIG), "utf8"));
  const ago = (days) => new Date(Date.now() - days * DAY_MS).toISOString();
  const values = { today: ago(0).slice(0, 10), now: ago(0), timezone: "Europe/Berlin",
    "param:sanity_project": "Newsroom", "param:sanity_dataset": "production" };
  return lines.join("\n").replace(/\{([^}]+)\}/g, (whole, name) => (name.startsWith("days_ago:") ?
    ago(Number(name.slice(9))) : values[name]));
}

for (const variant of ["text", "native", "mcp"]) {
  test(`a briefing goes from the recipe's prompt to the Slack channel (results as ${variant})`, async () => {
    await sandbox.control("POST", "/variants", { mcp_result: variant });
    await sandbox.connect("sanitymcp-sandbox");
    await sandbox.connect("slack-sandbox");
    const channel = "C0NEWSROOM1";
    const answers = async ({ name, input }) => {
      const params = name === "slack_send_message" ? { ...input, channel } : input;
      const { status, body } = await sandbox.tool(name, params);
      assert.equal(status, 200, `${name}: ${JSON.stringify(body)}`);
      return JSON.stringify(body.data);
    };
    const { replies } = await converse(sandbox.sandbox.urls.anthropic, {
      system: readFileSync(new URL("prompt.md", CONFIG), "utf8"),
      messages: [{ role: "user", content: firstMessage() }],
    }, { answers, key: sandbox.sandbox.credentials.anthropic_api_key });
    assert.deepEqual(replies.map((reply) => reply.stop_reason),
      ["tool_use", "tool_use", "tool_use", "end_turn"]);
    const { messages } = await sandbox.control("GET", "/slack", {}, new URLSearchParams({ channel }));
    const sent = messages.filter(({ text }) => text.startsWith("*Editorial Briefing*"));
    assert.equal(sent.length, 1);
    for (const heading of ["Drafts Awaiting Review", "Published This Week", "Scheduled Releases",
      "Stale Drafts"]) {
      assert.match(sent[0].text, new RegExp(`\\*${heading} \\(\\d+\\+?\\)\\*\\n• `));
    }
    assert.match(sent[0].text, /\d+\+? drafts? in total\.$/);
  });
}
