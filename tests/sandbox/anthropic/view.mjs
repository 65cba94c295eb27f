// A request as a script sees it: what is offered, what was asked, what came back so far. Scripts keep
// no state: whatever they know, they read here.

/**
 * {tools, system, facts, firstText, turn, calls, replies, reminder, answersCalls, paused, args}
 *
 *   tools         offered tools by name
 *   facts         the `key: value` lines of the first user message, keys squeezed: "stalebefore"
 *   turn          how many replies the history holds
 *   calls         all calls so far: {name, input, turn, result: {text, isError} | null}
 *   replies       the text of each reply
 *   reminder      text that the user wrote after the first message, at the end of the history
 *   answersCalls  the last message carries tool results
 *   paused        the last message is a reply of a paused turn
 */
export function viewOf(body) {
  const messages = body.messages.filter(({ role }) => role !== "system");
  const view = {
    body,
    tools: new Map((body.tools ?? []).map((tool) => [tool.name, tool])),
    system: textOf(body.system ?? ""),
    firstText: textOf(messages[0].content),
    turn: messages.filter(({ role }) => role === "assistant").length,
    calls: [],
    replies: [],
    args: {},
  };
  view.facts = factsOf(view.firstText);
  const byId = new Map();
  for (const { role, content } of messages) {
    if (role === "assistant") view.replies.push(textOf(content));
    for (const block of Array.isArray(content) ? content : []) {
      if (block.type === "tool_use") {
        const call = { name: block.name, input: block.input, result: null,
          turn: view.replies.length - 1 };
        byId.set(block.id, call);
        view.calls.push(call);
      } else if (block.type === "tool_result" && byId.has(block.tool_use_id)) {
        byId.get(block.tool_use_id).result = { text: textOf(block.content ?? ""),
          isError: block.is_error === true };
      }
    }
  }
  const tail = messages.slice(messages.findLastIndex(({ role }) => role === "assistant") + 1);
  view.paused = tail.length === 0;
  view.reminder = view.turn === 0 ? "" : tail.map(({ content }) => textOf(content)).join("\n").trim();
  view.answersCalls = tail.some(({ content }) => Array.isArray(content) &&
    content.some((block) => block.type === "tool_result"));
  return view;
}

/** The text of a content: a string, or the text blocks among its blocks. */
function textOf(content) {
  if (typeof content === "string") return content;
  return content.filter((block) => block.type === "text").map((block) => block.text).join("\n");
}

/** Keys are compared by their letters alone: "Published since", "published_since". */
export function squeeze(key) {
  return key.toLowerCase().replace(/[^a-z0-9]/g, "");
}

function factsOf(text) {
  const facts = {};
  for (const line of text.split("\n")) {
    const found = /^[\s*•-]*([A-Za-z][\w $-]{1,40}?)\W*:\s*(\S.*)$/.exec(line);
    if (!found) continue;
    facts[squeeze(found[1])] ??= found[2].trim().replace(/^([`"'])(.*)\1$/, "$2");
  }
  return facts;
}

/** The first fact whose squeezed key is, or else contains, one of the words. */
export function fact(view, ...words) {
  for (const word of words) if (view.facts[word]) return view.facts[word];
  for (const word of words) {
    const key = Object.keys(view.facts).find((k) => k.includes(word));
    if (key) return view.facts[key];
  }
  return undefined;
}

/** The offered tool of that name; a prefix in front of it does not matter. */
export function toolNamed(view, name) {
  if (view.tools.has(name)) return name;
  return [...view.tools.keys()].find((offered) => offered.endsWith(name)) ?? null;
}

/** The tool that delivers: it ends in send_message, or takes nothing but a text. */
export function sendTool(view) {
  const named = toolNamed(view, "send_message");
  if (named) return named;
  for (const [name, { input_schema: schema }] of view.tools) {
    const properties = Object.keys(schema?.properties ?? {});
    if (properties.length === 1 && properties[0] === "text") return name;
  }
  return null;
}

export function callsOf(view, tool) {
  return view.calls.filter(({ name, result }) => name === tool && result !== null);
}

export const text = (words) => ({ type: "text", text: words });
export const call = (name, input) => ({ type: "tool_use", name, input });
