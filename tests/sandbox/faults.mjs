// The fault engine: rules that make one endpoint fail in one way, for both halves of the sandbox.
//
// An endpoint's code asks for the fault of this request and lets it act at two places:
//
//   const fault = faults.pick("scalekit.execute_tool", { tool, identifier, body });
//   if (await fault.before(req, res)) return log.end(entry, fault.outcome);  // no effect happened
//   …the effect…
//   await fault.send(res, 200, headers, text);           // the true answer, or its distortion
//   log.end(entry, fault.outcome);                       // 200, 503, "reset", "truncated" …
//
// With no matching rule, before() is false and send() just sends. `fault.action` is null then, and
// the raw action otherwise: type "stream" does nothing here, the Anthropic half interprets it.
// A rule that distorts an answer only needs send(); an endpoint that streams its answer itself
// calls `await fault.instead(res)` after its effect, and streams only when that is false.

import { endpointMatcher } from "./log.mjs";

export const ENDPOINTS = [
  "scalekit.token", "scalekit.accounts.list", "scalekit.accounts.details",
  "scalekit.accounts.create", "scalekit.accounts.delete", "scalekit.accounts.disconnect",
  "scalekit.magic_link", "scalekit.verify", "scalekit.tools.scoped", "scalekit.tools.list",
  "scalekit.tools.available", "scalekit.execute_tool",
  "anthropic.messages", "anthropic.count_tokens", "anthropic.models",
];

const number = (v) => Number.isFinite(v) && v >= 0;
const boolean = (v) => typeof v === "boolean";
const text = (v) => typeof v === "string";
const oneOf = (...words) => (v) => words.includes(v);
const anything = () => true;

// For each action: its fields (a "?" marks an optional one), and whether the effect happens first.
const ACTIONS = {
  status: { fields: { status: number, "headers?": isObject, "body?": anything, "effect?": boolean },
    effect: (a) => a.effect ?? false },
  html: { fields: { "status?": number, "effect?": boolean }, effect: (a) => a.effect ?? false },
  body: { fields: { body: anything, "effect?": boolean }, effect: (a) => a.effect ?? false },
  reset: { fields: { when: oneOf("before", "after") }, effect: (a) => a.when === "after" },
  close_silent: { fields: { when: oneOf("before", "after") }, effect: (a) => a.when === "after" },
  hang: { fields: { when: oneOf("before_headers", "mid_body"), "before_effect?": boolean },
    effect: (a) => !a.before_effect },
  empty: { fields: { "effect?": boolean }, effect: (a) => a.effect ?? true },
  truncate: { fields: { bytes: number }, effect: () => true },
  malformed: { fields: {}, effect: () => true },
  drip: { fields: { bytes_per_s: number }, effect: () => true },
  huge: { fields: { bytes: number }, effect: () => true },
  hold: { fields: { "when?": oneOf("before", "after") }, effect: () => true },
  delay: { fields: { ms: number, "when?": oneOf("before", "after") }, effect: () => true },
  stream: { fields: null, effect: () => true },
};

const RULE = { "id?": text, endpoint: text, "match?": isObject, "skip?": number,
  "count?": Number.isInteger, action: isObject };
const MATCH = { "tool?": text, "identifier?": text, "body_contains?": text };

export class BadRule extends Error {}

export function createFaults() {
  let rules = [];
  let serial = 0;
  const hung = new Set();
  const age = { resets: 0 };

  function add(given) {
    const added = (Array.isArray(given) ? given : [given]).map((rule) => {
      checkFields(rule, RULE, "rule");
      checkFields(rule.match ?? {}, MATCH, "match");
      checkAction(rule.action);
      const matches = endpointMatcher(rule.endpoint);
      if (!ENDPOINTS.some(matches)) throw new BadRule(`unknown endpoint "${rule.endpoint}"`);
      const held = signal();
      return { held, id: rule.id ?? `f${++serial}`, endpoint: rule.endpoint, match: rule.match ?? {},
        skip: rule.skip ?? 0, count: rule.count ?? 1, action: rule.action, hits: 0, matches };
    });
    rules.push(...added);
    return added.map((rule) => rule.id);
  }

  function pick(endpoint, facts = {}) {
    for (const rule of rules) {
      if (rule.count === 0 || !rule.matches(endpoint) || !suits(rule.match, facts)) continue;
      if (rule.skip > 0) {
        rule.skip--;
        continue;
      }
      if (rule.count > 0) rule.count--;
      rule.hits++;
      return new Fault(rule, hung, age);
    }
    return new Fault(null, hung, age);
  }

  function release() {
    for (const socket of hung) socket.destroy();
    hung.clear();
  }

  return {
    add,
    pick,
    list: () => rules.map(({ matches, held, ...rule }) => rule),
    /** Forgets a rule, or all; what it holds goes on. */
    remove(id) {
      const gone = rules.filter((rule) => id === undefined || rule.id === id);
      rules = rules.filter((rule) => !gone.includes(rule));
      for (const rule of gone) rule.held.give();
      return gone.length;
    },
    /** Forgets the rules and cuts whatever still hangs. */
    reset() {
      age.resets++;
      for (const rule of rules) rule.held.give();
      rules = [];
      release();
    },
  };
}

class Fault {
  constructor(rule, hung, age) {
    this.id = rule?.id ?? null;
    this.action = rule?.action ?? null;
    this.held = rule?.held ?? null;
    this.outcome = null;
    this.hung = hung;
    this.age = age;
    this.born = age.resets;
  }

  /** Acts where nothing has happened yet. True: the request is over, the effect must not happen. */
  async before(req, res) {
    if (!this.action) return false;
    if (this.#isLater) return this.action.when !== "after" && this.#delay(res);
    if (ACTIONS[this.action.type].effect(this.action)) return false;
    return this.instead(res);
  }

  get #isLater() {
    return ["delay", "hold"].includes(this.action.type);
  }

  /** The effect comes late, even if the other side has left; but not into the next test. */
  async #delay(res) {
    await (this.action.type === "hold" ? this.held.given : pause(this.action.ms));
    if (this.born === this.age.resets) return false;
    this.outcome = "dropped";
    res.destroy();
    return true;
  }

  /**
   * Acts where the effect has happened, without the true answer. True: the request is over. The socket is the
   * request's: a response has none yet while node still closes the one before it on this connection.
   */
  async instead(res) {
    const a = this.action;
    switch (a?.type) {
    case "status":
      return this.#plain(res, a.status, a.headers, a.body ?? "");
    case "html":
      return this.#plain(res, a.status ?? 200, { "content-type": "text/html" }, HTML);
    case "body":
      return this.#plain(res, 200, {}, a.body);
    case "empty":
      return this.#plain(res, 200, {}, "");
    case "reset":
      this.outcome = "reset";
      res.req.socket.resetAndDestroy();
      return true;
    case "close_silent":
      this.outcome = "closed";
      res.req.socket.end();
      return true;
    case "hang":
      if (a.when !== "before_headers" && !a.before_effect) return false;
      this.#hang(res);
      return true;
    case "delay":
      if (a.when === "after") await pause(a.ms, res);
      return false;
    case "hold":
      if (a.when === "after") await this.held.given;
      return false;
    default:
      return false;
    }
  }

  /** Sends the true answer, or what the rule makes of it. `body` is a string or a Buffer. */
  async send(res, status, headers, body) {
    if (!this.action) {
      this.outcome = status;
      return sendWhole(res, status, headers, body);
    }
    if (await this.instead(res)) return undefined;
    const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body);
    const a = this.action;
    switch (a.type) {
    case "truncate":
      this.outcome = "truncated";
      return sendStart(res, status, headers, bytes, bytes.subarray(0, a.bytes), () => {
        res.req.socket.destroySoon();
      });
    case "hang":
      this.outcome = "hang";
      return sendStart(res, status, headers, bytes, bytes.subarray(0, bytes.length >> 1), () => {
        this.#hang(res);
      });
    case "malformed":
      this.outcome = status;
      return sendWhole(res, status, headers, broken(bytes.toString()));
    case "huge":
      this.outcome = status;
      return sendHuge(res, status, headers, bytes, a.bytes);
    case "drip":
      this.outcome = status;
      return sendSlowly(res, status, headers, bytes, a.bytes_per_s);
    default:
      this.outcome = status;
      return sendWhole(res, status, headers, bytes);
    }
  }

  #hang(res) {
    this.outcome = "hang";
    const { socket } = res.req;
    this.hung.add(socket);
    socket.once("close", () => this.hung.delete(socket));
  }

  async #plain(res, status, headers, body) {
    this.outcome = status;
    const type = typeof body === "string" ? "text/plain" : "application/json";
    const given = lowerCase(headers ?? {});
    await sendWhole(res, status, { "content-type": type, ...given },
      typeof body === "string" ? body : JSON.stringify(body));
    return true;
  }
}

/** {given, give()}: a promise, and what keeps it. */
function signal() {
  let give;
  const given = new Promise((resolve) => { give = resolve; });
  return { given, give };
}

const HTML = "<!doctype html><html><head><title>502 Bad Gateway</title></head>" +
  "<body><h1>Bad Gateway</h1><p>upstream request failed</p></body></html>";

function isObject(v) {
  return v !== null && typeof v === "object" && !Array.isArray(v);
}

export function checkFields(given, shape, what) {
  if (!isObject(given)) throw new BadRule(`${what} must be an object`);
  const known = new Map(Object.entries(shape).map(([k, test]) => [k.replace("?", ""), test]));
  for (const [name, value] of Object.entries(given)) {
    if (!known.has(name)) throw new BadRule(`${what} has an unknown field "${name}"`);
    if (!known.get(name)(value)) throw new BadRule(`${what}.${name} has a wrong value`);
  }
  for (const name of Object.keys(shape)) {
    if (!name.endsWith("?") && !(name in given)) throw new BadRule(`${what}.${name} is missing`);
  }
}

function checkAction(action) {
  const { type, ...fields } = action;
  if (!Object.hasOwn(ACTIONS, type)) throw new BadRule(`unknown action type "${type}"`);
  if (ACTIONS[type].fields) checkFields(fields, ACTIONS[type].fields, `action "${type}"`);
}

function suits(match, facts) {
  if (match.tool !== undefined && match.tool !== facts.tool) return false;
  if (match.identifier !== undefined && match.identifier !== facts.identifier) return false;
  if (match.body_contains === undefined) return true;
  return String(facts.body ?? "").includes(match.body_contains);
}

function lowerCase(headers) {
  return Object.fromEntries(Object.entries(headers).map(([k, v]) => [k.toLowerCase(), v]));
}

/** Waits, but not longer than the other side stays. */
export function pause(ms, res) {
  if (!(ms > 0)) return undefined;
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    res?.once("close", done);
    function done() {
      clearTimeout(timer);
      res?.removeListener("close", done);
      resolve();
    }
  });
}

export function sendWhole(res, status, headers, body) {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body);
  res.writeHead(status, { ...headers, "content-length": bytes.length });
  res.end(bytes);
}

function sendStart(res, status, headers, bytes, start, then) {
  res.writeHead(status, { ...headers, "content-length": bytes.length });
  res.flushHeaders();
  res.write(start.length ? start : "", then);
}

function broken(json) {
  return `${json.slice(0, Math.max(1, json.length >> 1))}\u0000"]}}`;
}

async function sendHuge(res, status, headers, bytes, size) {
  const object = bytes[0] === 0x7b && bytes.length > 2;
  const start = object ? '{"padding":"' : "";
  const end = Buffer.concat([Buffer.from(object ? '",' : ""), bytes.subarray(object ? 1 : 0)]);
  const chunk = Buffer.alloc(65536, object ? "x" : " ");
  let left = Math.max(0, size - start.length - end.length);
  res.writeHead(status, { ...headers, "content-length": start.length + left + end.length });
  res.write(start);
  for (; left > 0 && !res.destroyed; left -= chunk.length) {
    const more = res.write(left < chunk.length ? chunk.subarray(0, left) : chunk);
    if (!more) await drained(res);
  }
  res.end(end);
}

function drained(res) {
  return new Promise((resolve) => {
    const done = () => {
      res.removeListener("drain", done);
      res.removeListener("close", done);
      resolve();
    };
    res.once("drain", done);
    res.once("close", done);
  });
}

async function sendSlowly(res, status, headers, bytes, perSecond) {
  const step = Math.max(1, Math.floor(perSecond / 10));
  res.writeHead(status, { ...headers, "content-length": bytes.length });
  res.flushHeaders();
  for (let at = 0; at < bytes.length && !res.destroyed; at += step) {
    res.write(bytes.subarray(at, at + step));
    await pause(Math.max(100, (1000 * step) / Math.max(perSecond, 0.001)), res);
  }
  res.end();
}
