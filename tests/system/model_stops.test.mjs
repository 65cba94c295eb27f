// How replies of the model end, and what it may do in them.

import assert from "node:assert/strict";
import { suite } from "./faults_runner.mjs";

const EXECUTE = "scalekit.execute_tool";
const script = (name, more) => ({ claude: [{ script: name, ...more }] });
const RICH = { budget: { max_usd: "5.00" } };
const notDelivered = { end: "not_delivered", says: /also after a reminder; nothing was posted$/ };

// As the model writes them; none of them survives a double.
const DIGITS = '"revision":9007199254740993,"ratio":1.10,"least":-9223372036854775808';

/** Numbers of calls that came to a tool. */
const ran = (tool, n) => async (c) => assert.equal((await c.asked(EXECUTE, tool)).length, n);

/** A tool that the model asks for and that must never run; the briefing goes on without it. */
const neverRuns = (name, tool, { usual = 0, ...more } = {}) => ({ name, replies: 4, ...script(
  "tool_outside_recipe", { args: { tool, input: {} } }), check: ran(tool, usual), ...more });

suite("how a reply ends", [
  { name: "a stop reason that nobody knows ends the briefing", ...script("unknown_stop"), replies: 1,
    end: "model_rejected", says: /a reason this version does not know: "thoughtful_pause"$/ },
  { name: "the same at a later question", ...script("unknown_stop", { at_turn: 2 }), replies: 3,
    end: "model_rejected" },
  { name: "a text that was cut off is asked for again with more room", replies: 4,
    ...script("max_tokens_text", { count: 1 }) },
  { name: "a text that is cut off each time ends the briefing", ...script("max_tokens_text"),
    replies: 3, brief: RICH, end: "model_truncated",
    says: /does not fit into 64000 tokens; nothing was posted$/ },
  { name: "a budget that has no room for a longer reply ends the briefing before it",
    ...script("max_tokens_text"), brief: { budget: { max_usd: "0.50" } }, replies: 2,
    end: "budget_exceeded" },
  { name: "a tool call that was cut off is never run", replies: 4, ...script("cut_tool_call"),
    check: ran("sanitymcp_list_projects", 1) },
  { name: "one of four tool calls that was cut off: none of that reply is run", replies: 4,
    ...script("cut_tool_call", { at_turn: 1 }), check: ran("sanitymcp_list_releases", 1) },
  { name: "a message that was cut off is never sent", replies: 4, sends: 1, ...script("cut_delivery") },
  { name: "tool calls that are cut off each time end the briefing, and none is run", replies: 3, brief: RICH,
    ...script("cut_tool_call", { count: -1 }), end: "model_truncated",
    check: ran("sanitymcp_list_projects", 0) },
  { name: "messages that are cut off each time end the briefing, and none is sent", replies: 5, brief: RICH,
    ...script("cut_delivery", { count: -1 }), end: "model_truncated" },
  { name: "a refusal ends the briefing", ...script("refusal"), replies: 1, end: "model_refused",
    says: /^the model refused to go on; nothing was posted$/ },
  { name: "a refusal with a category, at a later question", replies: 3, end: "model_refused",
    ...script("refusal", { at_turn: 2, args: { category: "cyber", explanation: "<b>no</b>" } }),
    says: /^the model refused to go on, category cyber; nothing was posted$/ },
  { name: "a pause is resumed with the same conversation", ...script("pause_turn"), replies: 4 },
  { name: "a pause at a later question is resumed, too", replies: 4,
    ...script("pause_turn", { args: { turn: 2 } }) },
  { name: "a stop sequence is an end: the model is reminded", ...script("stop_sequence"), replies: 4 },
  { name: "a context that is full ends the briefing", ...script("context_exceeded"), replies: 1,
    end: "model_context_exceeded" },
  { name: "an empty reply is answered with the reminder", ...script("empty_reply"), replies: 4 },
  { name: "empty replies end the briefing", ...script("empty_reply", { args: { persist: true } }),
    replies: 4, ...notDelivered },
  { name: "a model that forgets to send is reminded once", ...script("no_delivery_once"), replies: 4 },
  { name: "a model that never sends ends as not delivered", ...script("no_delivery"), replies: 4,
    ...notDelivered },
  { name: "a model that calls tools without end is stopped after twenty replies", replies: 20,
    ...script("endless_tools"), end: "model_max_turns", says: /^not finished after 20 replies/,
    check: ran("sanitymcp_list_projects", 20) },
  { name: "a conversation without thinking", ...script("no_thinking") },
  { name: "thinking blocks, hidden ones too, go back as they came", ...script("redacted_thinking") },

  { name: "thirty calls in one reply are all answered", ...script("many_parallel", { args: { n: 30 } }),
    check: ran("sanitymcp_list_projects", 30) },
  { name: "a tool that does not exist is not run, and the model is told", replies: 4,
    ...script("unknown_tool"), check: ran("make_coffee", 0) },
  { name: "a model that insists on a tool that does not exist ends the briefing", replies: 5,
    ...script("say", { args: { blocks: [{ type: "tool_use", name: "make_coffee", input: {} }] } }),
    end: "tool_failed", says: /^5 tool calls in a row ended in an error$/, check: ran("make_coffee", 0) },
  neverRuns("a tool of the provider outside the recipe is not run", "sanitymcp_publish_documents"),
  neverRuns("a tool of the provider that destroys is not run", "slack_delete_message"),
  neverRuns("the server's own tool for the history is not the model's",
    "slack_fetch_conversation_history"),
  neverRuns("the server's own probe is not the model's", "slack_auth_test", { usual: 2 }),
  { name: "an input that is not what the schema says goes out, and its error comes back", replies: 4,
    ...script("bad_input"), check: async (c) => {
      const [first] = await c.asked(EXECUTE, "sanitymcp_query_documents");
      assert.equal(first.params.query, 42);
    } },
  { name: "an input that is not JSON makes the reply useless", ...script("invalid_tool_json"), paid: 4,
    retries: 1, check: ran("sanitymcp_list_projects", 1) },
  { name: "inputs that are never JSON end the briefing", ...script("invalid_tool_json", { count: -1 }),
    paid: 3, replies: 0, retries: 2, brief: RICH, end: "model_unavailable", says: /not one JSON object/ },
  { name: "a tool id that stands twice ends the briefing, and nothing of that reply is run",
    ...script("duplicate_tool_ids"), replies: 1, end: "model_rejected", says: /twice/,
    check: ran("sanitymcp_list_projects", 0) },
  { name: "of a reply of 70 calls no more than 64 are run, and the model is told of the others",
    ...script("many_parallel", { args: { n: 70 } }), check: ran("sanitymcp_list_projects", 64) },
  { name: "big integers keep every digit, to the tool and back to the model",
    ...script("big_integers"), setup: (c) => c.fault(
      { endpoint: EXECUTE, id: `tool ${c.user}`, count: -1, action: { type: "delay", ms: 0 },
        match: { body_contains: DIGITS } },
      { endpoint: "anthropic.messages", id: `model ${c.user}`, count: -1,
        action: { type: "delay", ms: 0 }, match: { body_contains: DIGITS } }),
    check: ({ hits, user }) => {
      assert.equal(hits[`tool ${user}`], 1);
      assert.equal(hits[`model ${user}`], 1);
    } },
], { together: 16 });
