// The ScaleKit listener: routes, and what every API call goes through in the same order: journal,
// body, fault before the effect, token, checks of the request, latency, effect, fault after it.

import { pause, sendWhole } from "../faults.mjs";
import { mediaType, readBody, TooLarge } from "../http.mjs";
import * as accountRules from "./accounts.mjs";
import { camelKeys, withoutZeros } from "./casing.mjs";
import { ApiError, errorBody, invalidField } from "./errors.mjs";
import { EXECUTE } from "./execute.mjs";
import { readBody as readMessage, readQuery } from "./fields.mjs";
import { MAGIC_LINK, VERIFY } from "./magic_link.mjs";
import * as toolRules from "./tools.mjs";

const JSON_TYPE = { "content-type": "application/json" };
const API = "/api/v1";

export function createScalekit(parts) {
  const { faults, log, latency, tokens, variants, accounts, magicLinks, tools, execute,
    pages } = parts;
  const get = (endpoint, query, run) => ({ endpoint, query, run });
  const post = (endpoint, body, run) => ({ endpoint, body, run });
  const routes = {
    [`GET ${API}/connected_accounts`]:
      get("scalekit.accounts.list", accountRules.LIST, accounts.list),
    [`POST ${API}/connected_accounts`]:
      post("scalekit.accounts.create", accountRules.CREATE, accounts.create),
    [`GET ${API}/connected_accounts/details`]:
      get("scalekit.accounts.details", accountRules.DETAILS, accounts.details),
    [`POST ${API}/connected_accounts:delete`]:
      post("scalekit.accounts.delete", accountRules.DELETE, accounts.delete),
    [`POST ${API}/connected_accounts/magic_link`]:
      post("scalekit.magic_link", MAGIC_LINK, magicLinks.link),
    [`POST ${API}/connected_accounts/user/verify`]:
      post("scalekit.verify", VERIFY, magicLinks.verify),
    [`GET ${API}/tools`]: get("scalekit.tools.list", toolRules.LIST, tools.list),
    [`GET ${API}/tools/scoped`]: get("scalekit.tools.scoped", toolRules.SCOPED, tools.scoped),
    [`GET ${API}/tools/available`]:
      get("scalekit.tools.available", toolRules.AVAILABLE, tools.available),
    [`POST ${API}/execute_tool`]:
      { ...post("scalekit.execute_tool", EXECUTE, execute), latency: "tool_ms" },
  };
  const disconnect =
    post("scalekit.accounts.disconnect", accountRules.DISCONNECT, accounts.disconnect);
  const token = { endpoint: "scalekit.token" };

  function find(method, path) {
    if (method === "POST" && path === "/oauth/token") return { route: token };
    const route = routes[`${method} ${path}`];
    if (route) return { route };
    const id = /^\/api\/v1\/connected_accounts\/([^/:]+):disconnect$/.exec(path)?.[1];
    return method === "POST" && id ? { route: disconnect, path: { id } } : {};
  }

  async function call({ route, path }, req, res, search) {
    const entry = log.begin(route.endpoint, req);
    let fault;
    res.once("close", () => {
      if (!res.writableFinished) entry.client_gone = true;
      log.end(entry, fault?.outcome ?? "aborted");
    });
    let answer, body, given, tooLarge;
    try {
      body = (await readBody(req)).toString();
    } catch (error) {
      if (!(error instanceof TooLarge)) return;
      tooLarge = error;
    }
    const query = new URLSearchParams(search);
    given = tolerantParse(req, body);
    describe(entry, route.endpoint, given, query);
    fault = faults.pick(route.endpoint, { tool: entry.tool, identifier: entry.identifier, body });
    if (fault.id) entry.fault = fault.id;
    if (await fault.before(req, res)) return log.end(entry, fault.outcome);
    try {
      if (tooLarge) throw new ApiError("REQUEST_TOO_LARGE", tooLarge.message);
      answer = await perform(route, path, { req, body, query, entry });
    } catch (error) {
      answer = refusal(error);
    }
    entry.effect = answer.effect ?? false;
    await fault.send(res, answer.status ?? 200, JSON_TYPE, render(answer));
    log.end(entry, fault.outcome);
  }

  async function perform(route, path, { req, body, query, entry }) {
    if (route === token) {
      const answer = tokens.grant(req, body);
      return { ...answer, effect: answer.issued === true };
    }
    const problem = tokens.problem(req.headers.authorization);
    if (problem) throw new ApiError("UNAUTHENTICATED", problem);
    const args = readQuery(route.query ?? {}, query);
    const bodyless = route === disconnect && body === "";
    const message = route.body && !bodyless ? readMessage(route.body, parseJson(req, body)) : args;
    if (route.latency) await pause(latency[route.latency]);
    return route.run(message, path, entry);
  }

  function render(answer) {
    const usual = variants.json_case === "snake" && variants.zero_values === "emit";
    if (usual && answer.text !== undefined) return answer.text;
    let json = answer.json ?? JSON.parse(answer.text);
    if (variants.zero_values === "omit") json = withoutZeros(json);
    if (variants.json_case === "camel") json = camelKeys(json);
    return JSON.stringify(json);
  }

  return async function handle(req, res) {
    const at = req.url.indexOf("?");
    const path = at < 0 ? req.url : req.url.slice(0, at);
    const search = at < 0 ? "" : req.url.slice(at + 1);
    const found = find(req.method, path);
    if (found.route) return call(found, req, res, search);
    if (await pages(req, res, path, new URLSearchParams(search))) return undefined;
    log.end(log.begin("scalekit.unknown", req), 404);
    const refused = refusal(new ApiError("RESOURCE_NOT_FOUND", "Not Found"));
    return sendWhole(res, 404, JSON_TYPE, JSON.stringify(refused.json));
  };
}

function refusal(error) {
  if (error instanceof ApiError) return { status: error.status, json: errorBody(error) };
  console.error(error);
  return { status: 500, json: errorBody(new ApiError("INTERNAL", "internal error")) };
}

/** What the journal and the fault rules can know before the request is checked. */
function tolerantParse(req, body) {
  if (req.method !== "POST" || !body || mediaType(req) !== "application/json") return {};
  try {
    return JSON.parse(body) ?? {};
  } catch {
    return {};
  }
}

function describe(entry, endpoint, given, query) {
  const identifier = given.identifier ?? query.get("identifier");
  const connector = given.connector ?? query.get("connector");
  if (typeof identifier === "string") entry.identifier = identifier;
  if (typeof connector === "string") entry.connector = connector;
  if (endpoint !== "scalekit.execute_tool") return;
  entry.tool = given.tool_name;
  entry.params = given.params;
  entry.agent_run_id = given.agent_run_id ?? given.agentRunId;
}

function parseJson(req, body) {
  if (mediaType(req) !== "application/json") {
    throw new ApiError("UNSUPPORTED_MEDIA_TYPE", "Content-Type must be application/json");
  }
  try {
    return JSON.parse(body);
  } catch (error) {
    throw invalidField("body", `not JSON: ${error.message}`, "json");
  }
}
