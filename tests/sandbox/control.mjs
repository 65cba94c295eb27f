// The control port: what tests tell the sandbox and ask it. JSON over HTTP, see README.md.

import { BadRule, checkFields } from "./faults.mjs";
import { readBody, sendJson } from "./http.mjs";
import { STATUSES } from "./scalekit/environment.mjs";

const text = (v) => typeof v === "string";
const number = (v) => Number.isFinite(v) && v >= 0;
const flag = (v) => typeof v === "boolean";
const list = Array.isArray;
const secret = (v) => text(v) && v.startsWith("whsec_");
const choice = (v) => v === 0 || v === 1;
const place = (v) => v === "up" || v === "down";

/** Something in a request to the control port is wrong. */
class BadRequest extends Error {}

export function createControl(parts) {
  const { faults, log, latency, environment, tokens, variants, magicLinks, slack, sanity, webhooks,
    anthropic, listeners, reset } = parts;

  function setAccount({ identifier, connection, status, choice: chosen, revoked }) {
    const account = environment.find(connection, identifier) ??
      environment.create(connection, identifier, status);
    if (chosen !== undefined) account.choice = chosen;
    environment.setStatus(account, status ?? account.status);
    if (revoked !== undefined) account.revoked = revoked;
    return shown(account);
  }

  function shown({ pending, ...account }) {
    return account;
  }

  function claude({ status, body }) {
    if (status !== 200) throw new BadRequest(body.error);
    return body;
  }

  // For each route: the fields of its body (null: checked elsewhere), and what it does.
  const routes = {
    "POST /faults": [null, (body) => ({ ids: faults.add(body) })],
    "GET /faults": [{}, () => ({ faults: faults.list() })],
    "DELETE /faults": [{}, (_, query) => ({
      removed: faults.remove(query.get("id") ?? undefined),
    })],
    "GET /log": [{}, (_, query) => ({ entries: log.list({
      endpoint: query.get("endpoint") ?? undefined,
      after: Number(query.get("after") ?? 0),
      limit: query.has("limit") ? Number(query.get("limit")) : undefined,
    }) })],
    "GET /stats": [{}, () => log.stats()],
    "GET /slack": [{}, (_, query) => ({ messages: slack.list({
      channel: query.get("channel") ?? undefined,
      identifier: query.get("identifier") ?? undefined,
      all: query.get("all") === "true",
    }) })],
    "POST /slack": [{ identifier: text, "connection?": text, channel: text, text, "user?": text,
      "bot_id?": text, "ts?": text }, (body) => {
      const { identifier, connection = "slack-sandbox", ...message } = body;
      const account = environment.find(connection, identifier);
      if (!account) throw new BadRequest(`${identifier} has no account on ${connection}`);
      return slack.insert(account, message);
    }],
    "GET /accounts": [{}, () => ({ accounts: [...environment.all()].map(shown) })],
    "POST /accounts": [{ identifier: text, connection: text, "status?": (v) => STATUSES.includes(v),
      "choice?": choice, "revoked?": flag }, setAccount],
    "POST /connect": [{ identifier: text, connection: text, "choice?": choice },
      (body) => shown(magicLinks.walk(body))],
    "POST /latency": [{ "model_ms?": number, "tool_ms?": number },
      (body) => Object.assign(latency, body)],
    "POST /token": [{ "ttl?": number, "revoke_all?": flag }, (body) => tokens.control(body)],
    "POST /sanity": [{ identifier: text, "choice?": choice, "projects?": list, "project?": text,
      "dataset?": text, "documents?": list }, (body) => sanity.control(body)],
    "GET /sanity": [{}, (_, query) => sanity.control(Object.fromEntries(query))],
    "POST /variants": [null, (body) => variants.set(body)],
    "GET /variants": [{}, () => variants.values],
    "POST /webhooks": [{ "url?": text, "secret?": secret }, (body) => {
      if (body.url && !body.secret) throw new BadRequest("a webhook needs a secret");
      webhooks.configure(body);
      return { url: body.url ?? null };
    }],
    "GET /webhooks": [{}, () => ({ deliveries: webhooks.list() })],
    "POST /listeners": [{ "scalekit?": place, "anthropic?": place }, async (body) => {
      for (const [name, state] of Object.entries(body)) await listeners[name][state]();
      return body;
    }],
    "GET /claude": [{}, () => claude(anthropic.control.get())],
    "POST /claude": [null, (body) => claude(anthropic.control.post(body))],
    "POST /reset": [{}, () => {
      reset();
      return {};
    }],
  };

  /** Does what a request to the control port would; for tests in the same process. */
  async function call(method, path, body = {}, query = new URLSearchParams()) {
    const route = routes[`${method} ${path}`];
    if (!route) throw new BadRequest(`no ${method} ${path} here`);
    const [fields, run] = route;
    if (fields) checkFields(body, fields, "body");
    return run(body, query);
  }

  return {
    call,
    async handle(req, res) {
      const { pathname, searchParams } = new URL(req.url, "http://control");
      try {
        const sent = (await readBody(req, 64 << 20)).toString();
        const body = sent ? JSON.parse(sent) : {};
        sendJson(res, 200, await call(req.method, pathname, body, searchParams));
      } catch (error) {
        const kind = error instanceof BadRule ? "bad_rule" : error.name;
        sendJson(res, 400, { error: { kind, message: error.message } });
      }
    },
  };
}
