// The Anthropic half of the sandbox: POST /v1/messages, POST /v1/messages/count_tokens and
// GET /v1/models[/{id}], checked as strictly as the real service checks them.
//
// A request goes: read → fault before → credentials → validation → binding of thinking → prompt
// cache → script → answer, streamed or whole. The journal entry of a message request gains
//
//   request_id, model, stream, turn (replies in the history), script, stop_reason, usage, message_id,
//   calls (names of the tools called), completed (the whole reply went out), prompt_hash (tools,
//   system and all messages), previous_hash (the same before the last reply: the prompt_hash of the
//   request that got it), error {type, message, details}
//
// Two completed entries with one prompt_hash mean that a client asked again for a reply it had, or,
// at turn 0, that two conversations began with the same words: from turn 1 on, ids tell them apart.

import { mediaType, readBody, TooLarge } from "../http.mjs";
import { pause, sendWhole } from "../faults.mjs";
import { checkThinking } from "./binding.mjs";
import { createControl } from "./control.mjs";
import { ApiError, errorAnswer, errorBody, invalid } from "./errors.mjs";
import { idOf } from "./ids.mjs";
import { parseBody } from "./json.mjs";
import { anyModel, listModels, modelInfo } from "./models.mjs";
import { createPrefixes, tokensOf } from "./prefix.mjs";
import { createPromptCache } from "./cache.mjs";
import { finish, messageText } from "./reply.mjs";
import { createScripts } from "./script.mjs";
import { chunksOf, eventsOf, writeChunks } from "./stream.mjs";
import { actionProblem, playFault } from "./stream_faults.mjs";
import { validate } from "./validate.mjs";

const MAX_BODY = 32_000_000;
const VERSIONS = ["2026-10-21", "2023-06-01"];
const ORGANIZATION = "00000000-5a0d-4b00-8000-000000000001";
const RATE_LIMITS = { requests: 4000, tokens: 10_000_000, "input-tokens": 8_000_000,
  "output-tokens": 2_000_000 };

// Which endpoint a path is, whatever stands in front of /v1.
const ROUTES = [
  { path: /\/v1\/messages\/?$/, method: "POST", endpoint: "anthropic.messages" },
  { path: /\/v1\/messages\/count_tokens\/?$/, method: "POST", endpoint: "anthropic.count_tokens" },
  { path: /\/v1\/models(?:\/([^/]+))?\/?$/, method: "GET", endpoint: "anthropic.models" },
];

/**
 * `options`: apiKey (any key is good without it), latencyModelMs, fastStream (whole blocks in one
 * chunk), eol ("lf", "crlf", "cr"). They are read at each request, so they may change at run time.
 */
export function createAnthropic({ faults, log, options }) {
  const style = { fastStream: options.fastStream ?? false, eol: options.eol ?? "lf" };
  const scripts = createScripts();
  const promptCache = createPromptCache();
  const positionsOf = createPrefixes();
  let requests = 0;
  let replies = 0;

  async function handle(req, res) {
    const url = new URL(req.url, "http://sandbox");
    const route = ROUTES.find(({ path }) => path.test(url.pathname));
    const exchange = { req, res, url, requestId: idOf("req_011C", `request ${++requests}`),
      entry: log.begin(route?.endpoint ?? "anthropic.unknown", req) };
    exchange.entry.request_id = exchange.requestId;
    try {
      if (!route) throw new ApiError(404, "not_found_error", "Not Found");
      if (req.method !== route.method) {
        throw new ApiError(405, "invalid_request_error", "Method Not Allowed");
      }
      await answer(exchange, route);
    } catch (e) {
      fail(exchange, e);
    }
  }

  async function answer(exchange, route) {
    const { req, res, entry } = exchange;
    const bytes = route.method === "POST" ? await bodyOf(req) : Buffer.alloc(0);
    const fault = faults.pick(route.endpoint, {
      get body() {
        return bytes.toString();
      },
    });
    exchange.fault = fault;
    if (await failsFirst(exchange)) return undefined;
    if (await fault.before(req, res)) return log.end(entry, fault.outcome);
    checkCredentials(req, options.apiKey);
    exchange.version = checkVersion(req);
    if (route.endpoint === "anthropic.models") return models(exchange, route);
    checkEncoding(req);
    const { text, value } = parseBody(bytes);
    checkThread(req, value);
    exchange.text = text;
    exchange.body = value;
    entry.model = typeof value?.model === "string" ? value.model.slice(0, 100) : null;
    return route.endpoint === "anthropic.messages" ? messages(exchange) : count(exchange);
  }

  /** Failures with this API's own bodies: by name, or a bare status without a body. */
  async function failsFirst({ res, entry, fault, requestId }, effectDone = false) {
    const { action } = fault;
    if (action?.type === "stream") {
      const problem = actionProblem(action);
      if (problem) throw new Error(problem);
    }
    const named = action?.type === "stream" && action.kind === "http";
    const bare = action?.type === "status" && action.body === undefined;
    if ((!named && !bare) || (action.effect === true) !== effectDone) return false;
    const shape = errorAnswer(named ? action.error : action.status, requestId, action);
    sendWhole(res, shape.status, shape.headers, shape.body);
    log.end(entry, shape.status);
    return true;
  }

  function models(exchange, route) {
    const { url } = exchange;
    const id = route.path.exec(url.pathname)[1];
    if (id === undefined) return sendJson(exchange, modelPage(url.searchParams));
    const model = anyModel(decodeURIComponent(id));
    if (!model) throw new ApiError(404, "not_found_error", `model: ${id.slice(0, 100)}`);
    return sendJson(exchange, modelInfo(model));
  }

  function count(exchange) {
    const { body, version } = exchange;
    const model = validate(body, { version, endpoint: "count_tokens" });
    const positions = positionsOf(body);
    checkThinking(positions, model);
    return sendJson(exchange, { input_tokens: tokensOf(positions.at(-1).bytes) });
  }

  async function messages(exchange) {
    const { body, version, entry, res, requestId } = exchange;
    const model = validate(body, { version, endpoint: "messages" });
    const positions = positionsOf(body);
    checkThinking(positions, model);
    const total = tokensOf(positions.at(-1).bytes);
    if (total > model.maxInput) {
      throw invalid(`prompt is too long: ${total} tokens > ${model.maxInput} maximum`);
    }
    const before = positions.at(-1).hash;
    const billed = promptCache.account(body, positions, model);
    const message = compose(exchange, { model, before, usage: billed.usage });
    billed.commit();
    entry.effect = true;
    log.count("model_calls");
    entry.prompt_hash = before;
    entry.previous_hash = previousHash(positions);
    describe(entry, message, body);
    if (await failsFirst(exchange, true)) return undefined;
    if (options.latencyModelMs > 0) {
      await pause(options.latencyModelMs * (body.stream ? 0.4 : 1), res);
    }
    const headers = { ...replyHeaders(requestId, requests) };
    return body.stream ? stream(exchange, message, headers) : whole(exchange, message, headers);
  }

  function compose(exchange, { model, before, usage }) {
    const { body, text, entry } = exchange;
    const salt = `reply ${++replies}`;
    if (body.max_tokens === 0) {
      return finish({ blocks: [], stop_reason: "max_tokens" }, { body, model, before, salt, usage });
    }
    const { name, reply, turn } = scripts.replyTo(body, text);
    entry.script = name;
    entry.turn = turn;
    return finish(reply, { body, model, before, salt, usage });
  }

  async function whole(exchange, message, headers) {
    const { fault, res, entry } = exchange;
    noteCompletion(res, entry, isHarmless(fault));
    await fault.send(res, 200, { ...headers, "content-type": "application/json" },
      messageText(message));
    log.end(entry, fault.outcome);
  }

  async function stream(exchange, message, headers) {
    const { fault, res, entry, requestId } = exchange;
    const style = { fast: options.fastStream === true, eol: options.eol ?? "lf", seed: replies };
    const events = eventsOf(message, style);
    const all = { ...headers, "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache" };
    if (fault.action?.type === "stream") {
      res.writeHead(200, all);
      noteCompletion(res, entry, ["drip", "unknown_delta"].includes(fault.action.kind));
      return log.end(entry, await playFault(res, events, fault, requestId));
    }
    if (fault.action && !["delay", "hold"].includes(fault.action.type)) {
      noteCompletion(res, entry, isHarmless(fault));
      await fault.send(res, 200, all, events.join(""));
      return log.end(entry, fault.outcome);
    }
    if (await fault.instead(res)) return log.end(entry, fault.outcome);
    noteCompletion(res, entry, true);
    res.writeHead(200, all);
    await writeChunks(res, chunksOf(Buffer.from(events.join("")), style),
      (options.latencyModelMs ?? 0) * 0.6);
    res.end();
    return log.end(entry, res.destroyed ? "gone" : 200);
  }

  async function sendJson({ fault, res, entry, requestId }, value) {
    await fault.send(res, 200, { ...replyHeaders(requestId, requests),
      "content-type": "application/json" }, JSON.stringify(value));
    log.end(entry, fault.outcome);
  }

  function fail({ res, entry, requestId, req }, error) {
    if (res.headersSent || res.destroyed) {
      if (!(error instanceof ApiError)) console.error("anthropic:", error);
      res.destroy();
      return log.end(entry, "aborted");
    }
    if (error instanceof TooLarge) {
      // The edge answers before the API sees the request; whatever still comes is not read.
      const { status, headers, body } = errorAnswer("too_large_html", requestId);
      sendWhole(res, status, { ...headers, connection: "close" }, body);
      req.resume();
      return log.end(entry, status);
    }
    const known = error instanceof ApiError ? error :
      new ApiError(500, "api_error", `sandbox: ${error.message}`);
    if (known !== error) console.error("anthropic:", error);
    entry.error = { type: known.type, message: known.message, details: known.details };
    sendWhole(res, known.status, { "content-type": "application/json", "request-id": requestId,
      "anthropic-organization-id": ORGANIZATION, ...known.headers },
    errorBody(known, requestId));
    return log.end(entry, known.status);
  }

  function reset() {
    scripts.clear();
    promptCache.clear();
    Object.assign(options, style);
    requests = 0;
    replies = 0;
  }

  return { handle, reset, control: createControl({ scripts, options }) };
}

function bodyOf(req) {
  if (Number(req.headers["content-length"]) > MAX_BODY) throw new TooLarge("too large");
  return readBody(req, MAX_BODY);
}

function checkCredentials(req, apiKey) {
  const bearer = req.headers.authorization;
  const key = req.headers["x-api-key"];
  const denied = (message) => new ApiError(401, "authentication_error", message);
  if (bearer !== undefined && key !== undefined) {
    throw denied("Send either `Authorization` or `x-api-key`, not both.");
  }
  if (bearer === undefined && key === undefined) throw denied("x-api-key header is required");
  const given = key ?? /^Bearer (\S+)$/i.exec(bearer)?.[1];
  if (!given || (apiKey && given !== apiKey)) {
    throw denied(key === undefined ? "Invalid bearer token" : "invalid x-api-key");
  }
}

function checkVersion(req) {
  const version = req.headers["anthropic-version"];
  if (version === undefined) throw invalid("anthropic-version: header is required");
  if (!VERSIONS.includes(version)) {
    throw invalid(`anthropic-version: "${version.slice(0, 40)}" is not a valid version`);
  }
  return version;
}

function checkEncoding(req) {
  if (mediaType(req) !== "application/json") {
    throw invalid("content-type: the request body must be application/json");
  }
  const encoding = req.headers["content-encoding"] ?? "identity";
  if (encoding !== "identity") {
    throw invalid(`content-encoding: "${encoding.slice(0, 40)}" is not supported`,
      { error_code: "request_body_encoding_unsupported" });
  }
}

/** Stored conversations are a beta that this server does not offer; clients then send it all. */
function checkThread(req, body) {
  if (body?.thread === undefined) return;
  if (!/\bmessage-threads-/.test(req.headers["anthropic-beta"] ?? "")) return;
  throw invalid("thread: this request cannot be threaded",
    { error_code: "thread_unsupported_request", unsupported: ["message_threads"] });
}

function replyHeaders(requestId, n) {
  const headers = { "request-id": requestId, "anthropic-organization-id": ORGANIZATION };
  const reset = `${new Date(Date.now() + 1000).toISOString().slice(0, 19)}Z`;
  for (const [name, limit] of Object.entries(RATE_LIMITS)) {
    headers[`anthropic-ratelimit-${name}-limit`] = limit;
    headers[`anthropic-ratelimit-${name}-remaining`] = limit - (n % 10) * (limit / 1000);
    headers[`anthropic-ratelimit-${name}-reset`] = reset;
  }
  return headers;
}

/** The hash of everything before the last reply of the history; null if there is none. */
function previousHash(positions) {
  let at = positions.findLastIndex(({ role }) => role === "assistant");
  if (at < 0) return null;
  while (positions[at].role === "assistant") at--;
  return positions[at].hash;
}

function describe(entry, message, body) {
  entry.stream = body.stream === true;
  entry.message_id = message.id;
  entry.stop_reason = message.stop_reason;
  entry.usage = message.usage;
  entry.calls = message.content.filter(({ type }) => type === "tool_use").map(({ name }) => name);
  entry.completed = false;
}

/** Marks the entry once the whole reply went out, unless a fault made it worthless. */
function noteCompletion(res, entry, worthwhile) {
  if (worthwhile) res.once("finish", () => { entry.completed = true; });
}

function isHarmless({ action }) {
  return !action || ["delay", "hold", "drip"].includes(action.type);
}

function modelPage(query) {
  const wanted = query.getAll("lifecycle[]").concat(query.getAll("lifecycle"));
  const all = listModels(wanted.length > 0 ? wanted : undefined);
  const limit = Number(query.get("limit") ?? 20);
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000) {
    throw invalid("limit: Input should be between 1 and 1000");
  }
  const indexOf = (id) => {
    const at = all.findIndex((model) => model.id === id);
    if (at < 0) throw invalid(`unknown model id "${id.slice(0, 100)}"`);
    return at;
  };
  const from = query.has("after_id") ? indexOf(query.get("after_id")) + 1 : 0;
  const to = query.has("before_id") ? indexOf(query.get("before_id")) : all.length;
  const first = query.has("before_id") ? Math.max(from, to - limit) : from;
  const data = all.slice(first, Math.min(to, first + limit));
  return { data, has_more: query.has("before_id") ? first > 0 : first + data.length < to,
    first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null };
}
