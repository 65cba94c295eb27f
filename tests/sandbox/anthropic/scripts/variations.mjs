// Ways in which Claude departs from its ordinary script. Each row changes the reply that the ordinary
// script would give (`base`) at one moment, and leaves the rest of the conversation as it is.
//
//   when    the moment, see MOMENTS; an override's at_turn replaces it
//   change  (view, base) → the reply, or null to leave it; view.args are the override's args
//   count   how often an override with this script applies unless it says so itself (no limit)
//
// `args: {"persist": true}` repeats a departure where the row would stop after an error or reminder.

import { call, callsOf, sendTool, text, toolNamed } from "../view.mjs";
import { problemOf } from "./deliver.mjs";

const isDelivery = (view) => (block) => block.type === "tool_use" && block.name === sendTool(view);
const isRead = (view) => (block) => block.type === "tool_use" && block.name !== sendTool(view);

export const MOMENTS = {
  always: () => true,
  first: (view) => view.turn === 0,
  reads: (view, base) => base.blocks.some(isRead(view)),
  delivery: (view, base) => base.blocks.some(isDelivery(view)) &&
    (view.args.persist || !callsOf(view, sendTool(view)).some((c) => problemOf(c.result) !== null)),
};

export const VARIATIONS = {
  // Calls that must not be run.
  unknown_tool: { when: "first", change: (view) => saysAndCalls(
    call(view.args.tool ?? "make_coffee", view.args.input ?? { cups: 2 })) },
  tool_outside_recipe: { when: "first", change: (view) => saysAndCalls(
    call(view.args.tool ?? "sanitymcp_publish_documents", view.args.input ?? {
      ids: ["drafts.first"], resource: { projectId: "p1", dataset: "production" } })) },
  other_channel: { when: "delivery", change: (view, base) => deliveryWith(view, base, {
    channel: view.args.channel ?? "C0GENERAL01" }) },
  two_deliveries: { when: "delivery", change: (view, base) => {
    const [first] = base.blocks.filter(isDelivery(view));
    return { blocks: [...base.blocks, call(first.name, { ...first.input,
      text: `${first.input.text}\n(second copy)` })] };
  } },
  delivery_with_read: { when: "delivery", change: (view, base) => {
    const read = anyRead(view);
    return { blocks: [...base.blocks, call(read, inputFor(read, "one more look"))] };
  } },
  endless_tools: { when: "always", change: (view) => {
    const read = anyRead(view);
    return saysAndCalls(call(read, inputFor(read, `round ${view.turn + 1}`)));
  } },
  many_parallel: { when: "first", change: (view) => {
    const read = anyRead(view);
    return saysAndCalls(...Array.from({ length: view.args.n ?? 10 },
      (_, i) => call(read, inputFor(read, `part ${i + 1}`))));
  } },
  duplicate_tool_ids: { when: "reads", count: 1, change: (view, base) => {
    const blocks = base.blocks.filter((block) => block.type === "tool_use");
    return { blocks: [...blocks, blocks[0]].map((block) => ({ ...block,
      id: "toolu_01NtwiceTheSameId00001" })) };
  } },

  // Inputs that are wrong or strange.
  bad_input: { when: "first", change: (view) => {
    const tool = toolNamed(view, "query_documents") ?? toolNamed(view, "issues_list");
    return saysAndCalls(call(tool, { query: 42, resource: "production", owner: ["x"] }));
  } },
  invalid_tool_json: { when: "reads", count: 1, change: (view, base) => withInputText(view, base,
    () => '{"query": "*[", nope}') },
  big_integers: { when: "reads", change: (view, base) => withInputText(view, base, ({ input }) => {
    const params = { ...input.params, revision: 0, ratio: 0 };
    return JSON.stringify({ ...input, params }).replace('"revision":0,"ratio":0',
      () => '"revision":9007199254740993,"ratio":1.10,"least":-9223372036854775808');
  }, (block) => block.input.resource) },
  lone_surrogates: { when: "delivery", change: (view, base) => ({ thinking: false,
    ...deliveryText(view, base, (t) => `${t}\nBroken: \ud83d and \udc4d, whole: \u{1f44d}`) }) },
  control_characters: { when: "delivery", change: (view, base) => deliveryText(view, base, (t) =>
    `${t}\nControls: \u0000 \u0001 \u0008 \u001b[31m \u007f \u0085 \u2028 \u2029 \ufeff \ufffe`) },
  mentions: { when: "delivery", change: (view, base) => deliveryText(view, base, (t) =>
    `<!channel> <!here> <!everyone> <@U012ABCDEF> <@W012ABCDEF|ann> <!subteam^S012ABCDE|desk>\n${t}` +
    "\n_Briefing br_00000000000000000000000000_") },
  long_message: { when: "delivery", change: (view, base) => deliveryText(view, base, (t) =>
    `${t}\n${"All of this belongs into the briefing as well. ".repeat(view.args.repeat ?? 120)}`) },

  // Replies without a delivery.
  no_delivery: { when: "delivery", change: () => ({ blocks: [
    text("The briefing is ready. I trust somebody will read it here.")] }) },
  no_delivery_once: { when: "delivery", change: (view) => (view.reminder ? null : { blocks: [
    text("I have put the briefing together.")] }) },
  empty_reply: { when: "delivery", change: (view) => (view.reminder && !view.args.persist ? null :
    { blocks: [] }) },

  // Ways to stop.
  cut_tool_call: { when: "reads", count: 1, change: (view, base) => cutCall(view, base) },
  cut_delivery: { when: "delivery", count: 1, change: (view, base) => cutCall(view, base) },
  max_tokens_text: { when: "first", change: () => ({ stop_reason: "max_tokens", blocks: [
    text("To begin with, I will go through the documents of the project and")] }) },
  refusal: { when: "first", change: (view) => ({
    stop_reason: "refusal",
    stop_details: { type: "refusal", category: view.args.category ?? null,
      explanation: view.args.explanation ?? "The request was declined." },
    blocks: [text("I was about to look at the")],
  }) },
  pause_turn: { when: "always", change: (view, base) => paused(view, base) },
  unknown_stop: { when: "first", change: (view) => ({
    stop_reason: view.args.stop_reason ?? "thoughtful_pause", blocks: [text("One moment.")] }) },
  context_exceeded: { when: "first", change: () => ({
    stop_reason: "model_context_window_exceeded", blocks: [text("The material fills my")] }) },
  stop_sequence: { when: "first", change: (view) => ({ stop_reason: "stop_sequence",
    stop_sequence: view.args.stop_sequence ?? "END", blocks: [text("This is where I stop. ")] }) },

  // Thinking.
  no_thinking: { when: "always", change: (view, base) => ({ ...base, thinking: false }) },
  redacted_thinking: { when: "always", change: (view, base) => ({ ...base,
    blocks: [{ type: "thinking" }, { type: "redacted_thinking" }, ...base.blocks] }) },

  // Anything: args are the reply.
  say: { when: "always", change: (view) => ({ ...view.args }) },
};

function saysAndCalls(...calls) {
  return { blocks: [text("Let me see."), ...calls] };
}

/** A read tool that is on offer, the simplest one first. */
function anyRead(view) {
  return toolNamed(view, "list_projects") ?? toolNamed(view, "issues_list") ??
    [...view.tools.keys()].find((name) => name !== sendTool(view)) ?? "list_projects";
}

function inputFor(tool, intent) {
  return tool.endsWith("issues_list") ? { owner: "octo", repo: "hello", since: intent } : { intent };
}

function deliveryWith(view, base, more) {
  return { ...base, blocks: base.blocks.map((block) => (isDelivery(view)(block) ?
    { ...block, input: { ...block.input, ...more } } : block)) };
}

function deliveryText(view, base, change) {
  const block = base.blocks.find(isDelivery(view));
  return deliveryWith(view, base, { text: change(block.input.text) });
}

/** Gives the first read that fits another raw input; null if none fits. */
function withInputText(view, base, textOf, fits = () => true) {
  const at = base.blocks.findIndex((block) => isRead(view)(block) && fits(block));
  if (at < 0) return null;
  const blocks = base.blocks.slice();
  blocks[at] = { ...blocks[at], inputText: textOf(blocks[at]) };
  return { ...base, blocks };
}

/** The tokens end inside the JSON of the last call. */
function cutCall(view, base) {
  const blocks = base.blocks.slice();
  const last = blocks.at(-1);
  const whole = JSON.stringify(last.input);
  blocks[blocks.length - 1] = { ...last, inputText: whole.slice(0, Math.max(1, whole.length - 9)) };
  return { blocks, stop_reason: "max_tokens" };
}

/** A server tool's turn that pauses once and goes on when it is sent back as it is. */
function paused(view, base) {
  const last = view.body.messages.at(-1);
  const open = Array.isArray(last.content) &&
    last.content.find((block) => block.type === "server_tool_use");
  if (view.paused && open) {
    return { ...base, blocks: [{ type: "web_search_tool_result", tool_use_id: open.id,
      content: [], caller: { type: "direct" } }, ...base.blocks] };
  }
  if (view.turn !== (view.args.turn ?? 0)) return null;
  return { stop_reason: "pause_turn", blocks: [text("I look this up first."),
    { type: "server_tool_use", name: "web_search", input: { query: "editorial calendar" } }] };
}
