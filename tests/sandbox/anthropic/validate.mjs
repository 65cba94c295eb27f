// The strict validator: everything about a request body that the real service answers 400 or 404.
//
// validate(body, {version, endpoint}) returns the model's row, or throws the ApiError the real
// service would send. One table of body fields here; tools and messages have files of their own.

import { ApiError, invalid } from "./errors.mjs";
import { usableModel } from "./models.mjs";
import { array, boolean, fields, integer, isObject, objectWith, oneOf, string } from "./shape.mjs";
import { checkMessages } from "./validate_messages.mjs";
import { checkTools } from "./validate_tools.mjs";

const CACHE_CONTROL = { type: oneOf("ephemeral"), "ttl?": oneOf("5m", "1h") };
const SAMPLING = { temperature: 1, top_p: undefined, top_k: undefined };

// Body fields of /v1/messages, in the order in which they are checked. A "?" marks optional ones.
const BODY = {
  model: string,
  max_tokens: integer(0),
  messages: array,
  "system?": checkSystem,
  "stream?": boolean,
  "tools?": array,
  "tool_choice?": isKnownToolChoice,
  "thinking?": isKnownThinking,
  "output_config?": isKnownOutputConfig,
  "cache_control?": objectWith(CACHE_CONTROL),
  "stop_sequences?": checkStopSequences,
  "metadata?": objectWith({ "user_id?": string }),
  "service_tier?": oneOf("auto", "standard_only"),
  "inference_geo?": string,
  "speed?": oneOf("standard", "fast"),
  "diagnostics?": objectWith({ "previous_message_id?": string }),
  "container?": string,
};

// Counting takes what shapes the prompt and nothing else.
const COUNT_BODY = pick(BODY, ["model", "messages", "system?", "tools?", "tool_choice?",
  "thinking?", "output_config?", "cache_control?", "speed?"]);

export function validate(body, { version, endpoint }) {
  if (!isObject(body)) throw invalid("The request body must be a JSON object");
  const sampling = takeSampling(body, version);
  fields(sampling.rest, endpoint === "count_tokens" ? COUNT_BODY : BODY, "");
  const model = usableModel(body.model);
  if (!model) throw new ApiError(404, "not_found_error", `model: ${body.model}`);
  if (sampling.used.length > 0 && !model.sampling) {
    throw invalid(`\`${sampling.used[0]}\` is not supported for this model.`);
  }
  checkMaxTokens(body, model);
  checkThinking(body, model);
  checkOutputConfig(body, model);
  checkTools(body.tools ?? []);
  checkToolChoice(body, model);
  checkMessages(body.messages, model, version);
  checkCacheControl(body);
  return model;
}

/** The older API version still knows the sampling parameters; the newer one does not. */
function takeSampling(body, version) {
  if (version !== "2023-06-01") return { rest: body, used: [] };
  const { temperature, top_p: topP, top_k: topK, ...rest } = body;
  const given = { temperature, top_p: topP, top_k: topK };
  return { rest, used: Object.keys(given).filter((k) => given[k] !== undefined &&
    given[k] !== null && given[k] !== SAMPLING[k]) };
}

function checkMaxTokens(body, model) {
  if (body.max_tokens > model.maxOutput) {
    throw invalid(`max_tokens: ${body.max_tokens} > ${model.maxOutput}, which is the maximum ` +
      `allowed number of output tokens for ${model.id}`);
  }
  if (body.max_tokens !== 0) return;
  const refused = [["stream", body.stream === true],
    ["output_config.format", body.output_config?.format],
    ["tool_choice", ["any", "tool"].includes(body.tool_choice?.type)]].find(([, bad]) => bad);
  if (refused) throw invalid(`max_tokens: 0 cannot be combined with ${refused[0]}`);
}

function checkSystem(value, path) {
  if (typeof value === "string") return;
  if (!Array.isArray(value)) throw invalid(`${path}: Input should be a valid string or list`);
  value.forEach((block, i) => {
    const at = `${path}.${i}`;
    fields(block, { type: oneOf("text"), text: string,
      "cache_control?": objectWith(CACHE_CONTROL), "citations?": array }, at);
    if (block.text === "") throw invalid(`${path}: text content blocks must be non-empty`);
  });
}

function checkStopSequences(value, path) {
  array(value, path);
  value.forEach((text, i) => {
    string(text, `${path}.${i}`);
    if (text.trim() === "") {
      throw invalid(`${path}: each stop sequence must contain non-whitespace`);
    }
  });
}

function isKnownThinking(value, path) {
  const shapes = {
    adaptive: { type: string, "display?": oneOf("summarized", "omitted") },
    between_tools: { type: string },
    disabled: { type: string },
    enabled: { type: string, budget_tokens: integer(1024),
      "display?": oneOf("summarized", "omitted") },
  };
  tagged(value, shapes, path);
}

function checkThinking({ thinking, max_tokens: maxTokens, output_config: output }, model) {
  if (!thinking) return;
  if (!model.thinking.includes(thinking.type)) {
    throw invalid(`thinking: type "${thinking.type}" is not supported for this model.`);
  }
  if (thinking.type === "enabled" && maxTokens !== undefined &&
    thinking.budget_tokens >= maxTokens) {
    throw invalid("`max_tokens` must be greater than `thinking.budget_tokens`.");
  }
  const limited = thinking.type === "between_tools" ||
    (thinking.type === "disabled" && model.id === "claude-haiku-5-5");
  if (limited && ["xhigh", "max"].includes(output?.effort)) {
    throw invalid(`thinking: type "${thinking.type}" requires effort "high" or lower.`);
  }
}

function isKnownOutputConfig(value, path) {
  fields(value, { "effort?": oneOf("low", "medium", "high", "xhigh", "max"),
    "format?": objectWith({ type: oneOf("json_schema"), schema: object }) }, path);
}

function checkOutputConfig({ output_config: output }, model) {
  if (!output?.effort || model.effort.includes(output.effort)) return;
  throw invalid(model.effort.length === 0 ? "This model does not support the effort parameter." :
    `output_config.effort: "${output.effort}" is not supported for this model.`);
}

function isKnownToolChoice(value, path) {
  tagged(value, {
    auto: { type: string, "disable_parallel_tool_use?": boolean },
    any: { type: string, "disable_parallel_tool_use?": boolean },
    tool: { type: string, name: string, "disable_parallel_tool_use?": boolean },
    none: { type: string },
  }, path);
}

function checkToolChoice({ tool_choice: choice, tools, thinking }, model) {
  if (!choice) return;
  if (!tools?.length && choice.type !== "none") {
    throw invalid("tool_choice may only be specified while providing tools.");
  }
  if (choice.type !== "any" && choice.type !== "tool") return;
  if (!model.forcedTools) {
    throw invalid('tool_choice: type "tool" and "any" are not supported for this model.');
  }
  if (thinking?.type === "enabled") {
    throw invalid("Thinking may not be enabled when tool_choice forces tool use.");
  }
  if (choice.type === "tool" && !tools.some((tool) => tool.name === choice.name)) {
    throw invalid(`Tool '${choice.name}' not found in provided tools`);
  }
}

/** At most four markers, the longer-lived ones first, in the order tools, system, messages. */
function checkCacheControl(body) {
  const markers = [];
  const note = (holder, path) => {
    if (holder?.cache_control) markers.push({ path, ttl: holder.cache_control.ttl ?? "5m" });
  };
  body.tools?.forEach((tool, i) => note(tool, `tools.${i}`));
  if (Array.isArray(body.system)) body.system.forEach((b, i) => note(b, `system.${i}`));
  let last = null;
  body.messages.forEach(({ content }, m) => {
    if (!Array.isArray(content)) return;
    content.forEach((block, b) => {
      const path = `messages.${m}.content.${b}`;
      note(block, path);
      last = block;
      if (block.type !== "tool_result" || !Array.isArray(block.content)) return;
      block.content.forEach((inner, i) => note(inner, `${path}.content.${i}`));
    });
  });
  const top = body.cache_control;
  const count = markers.length + (top ? 1 : 0);
  if (count > 4) {
    throw invalid("A maximum of 4 blocks with cache_control may be provided. " +
      `Found ${count}.`);
  }
  const lastTtl = last?.cache_control && (last.cache_control.ttl ?? "5m");
  if (top && lastTtl && lastTtl !== (top.ttl ?? "5m")) {
    throw invalid("cache_control: the last block is marked with another ttl");
  }
  if (top) markers.push({ path: "", ttl: top.ttl ?? "5m" });
  const short = markers.findIndex(({ ttl }) => ttl === "5m");
  const wrong = markers.find(({ ttl }, i) => ttl === "1h" && short >= 0 && i > short);
  if (wrong) {
    throw invalid(`${wrong.path && `${wrong.path}.`}cache_control.ttl: a ttl='1h' ` +
      "cache_control block must not come after a ttl='5m' cache_control block. Blocks are " +
      "processed in the order `tools`, `system`, `messages`.");
  }
}

function tagged(value, shapes, path) {
  if (!isObject(value)) throw invalid(`${path}: Input should be an object`);
  if (!Object.hasOwn(shapes, value.type)) {
    throw invalid(`${path}: Input tag '${value.type}' found using 'type' does not match any of ` +
      `the expected tags: ${Object.keys(shapes).map((k) => `'${k}'`).join(", ")}`);
  }
  fields(value, shapes[value.type], path);
}

function object(value, path) {
  if (!isObject(value)) throw invalid(`${path}: Input should be an object`);
}

function pick(from, names) {
  return Object.fromEntries(names.map((name) => [name, from[name]]));
}
