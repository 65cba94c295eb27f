// Asking the model: faults of the connection and of the answer, at the first question and at a later
// one. Overloads, which slow everybody down, are in model_overload.test.mjs.

import { suite } from "./faults_runner.mjs";
import { rowsFor } from "./faults_table.mjs";

const ASK = { endpoint: "anthropic.messages" };
const RICH = { budget: { max_usd: "5.00" } }; // attempts of unknown outcome are paid for at worst
const OVERLOADS = ["status_429", "status_429_bare", "status_503"];
const CREDENTIALS = ["our_token", "our_token_bare", "token_revoked", "reauthentication",
  "no_refresh_token"];

const http = (error, more) => ({ type: "stream", kind: "http", error, ...more });
const stream = (kind, more) => ({ type: "stream", kind, ...more });

/** What becomes of a fault of one question, when `before` replies are stored. */
const once = (before) => (fault, name) => {
  const { kind, effect } = fault;
  if (OVERLOADS.includes(name) || CREDENTIALS.includes(name)) return null;
  if (kind === "fine" && name !== "huge") return { then: "the briefing goes out", retries: 0 };
  if (kind === "refused" || kind === "account") {
    return { then: "it is not asked again", replies: before, retries: 0,
      end: name === "status_413" ? "model_context_exceeded" : "model_rejected",
      says: name === "status_413" ? /^the conversation is longer than the model takes: HTTP 413/ :
        /^Anthropic refuses the question: HTTP 40\d/ };
  }
  return { then: "it is asked again", retries: 1, paid: effect ? 4 : 3 };
};

const forEver = (before) => ({ kind, effect }, name) => {
  if (!["broken", "silent", "nonsense", "failed"].includes(kind)) return null;
  const isSenseless = ["html", "empty", "list", "huge"].includes(name);
  const paid = isSenseless ? (n) => n === before + (effect ? 3 : 0) :
    (n) => (effect ? n >= before + 2 : n === before);
  return { then: "the briefing ends", replies: before, paid, brief: RICH, end: "model_unavailable",
    says: /^Anthropic gave no usable reply, tried \d times; the last: \S/ };
};

const DIES = { end: "model_unavailable", brief: RICH, replies: 0, paid: (n) => n >= 2 };

/** At the first and at the third question. */
const both = (name, action, row = {}) => [0, 2].map((skip) => ({
  name: `${name}, at ${skip === 0 ? "the first" : "a later"} question`,
  faults: [{ ...ASK, skip, action }], retries: 1, paid: 4, ...row }));

/** A refusal that is final, where the model has written nothing. */
const final = (name, action, end, says) => [0, 2].map((skip) => ({
  name: `${name}, at ${skip === 0 ? "the first" : "a later"} question: the briefing ends`,
  faults: [{ ...ASK, skip, action }], retries: 0, replies: skip, end, says }));

suite("asking the model", [
  ...rowsFor("the first question, once", ASK, once(0)),
  ...rowsFor("the third question, once", { ...ASK, skip: 2 }, once(2)),
  ...rowsFor("the first question, each time", { ...ASK, count: -1 }, forEver(0)),
  ...rowsFor("the third question, each time", { ...ASK, skip: 2, count: -1 }, forEver(2)),

  ...both("an api_error inside the stream is asked again",
    stream("error_event", { error_type: "api_error" })),
  ...both("a stream without message_stop is no reply", stream("no_message_stop")),
  ...both("a stream that falls silent is asked again", stream("stall_after_start"), { slow: 2, waits: true }),
  ...both("comments alone do not keep a stream alive", stream("stall_heartbeats"), { slow: 2, waits: true }),
  ...both("pings alone do not keep a stream alive", stream("stall_heartbeats", { with: "pings" }),
    { slow: 2, waits: true }),
  ...both("a stream cut inside an event is asked again", stream("cut_mid_event")),
  ...both("a stream without any event is asked again", stream("no_events")),
  ...both("a kind of delta that nobody knows makes the reply useless", stream("unknown_delta")),
  ...both("a second message inside a stream makes the reply useless", stream("second_start")),
  ...both("an event that is not JSON makes the reply useless", stream("bad_json")),
  ...both("a reply without end is cut off and asked again", stream("endless_text"), { slow: 3, waits: true }),
  ...both("a stream in small pieces is whole", stream("drip", { bytes: 97, interval_ms: 1 }),
    { retries: 0, paid: 3 }),
  ...["no_message_stop", "cut_mid_event", "stall_after_start", "stall_heartbeats"].map((kind) =>
    ({ name: `${kind} each time: the briefing ends`, faults: [{ ...ASK, count: -1,
      action: stream(kind) }], ...DIES, slow: 2, waits: true })),
  ...["no_events", "unknown_delta", "second_start", "bad_json"].map((kind) =>
    ({ name: `${kind} each time: the briefing ends after three`, faults: [{ ...ASK, count: -1,
      action: stream(kind) }], ...DIES, paid: 3, retries: 2 })),

  ...final("no credit", http("billing"), "model_rejected", /HTTP 402 billing_error: Your credit/),
  ...final("a model that does not exist", http("not_found"), "model_rejected",
    /HTTP 404 .*the model claude-sonnet-5-5 is unknown to Anthropic or retired: configure another/),
  ...final("a spend limit", http("spend_limit"), "model_unavailable",
    /^a spend limit of our Anthropic account is reached: HTTP 429 enforced_spend_limit_reached/),
  ...final("the spend limit of the contract", http("contract_limit"), "model_unavailable",
    /contract_spend_limit_reached/),
  ...final("the own spend limit", http("own_spend_limit"), "model_unavailable",
    /^a spend limit .*HTTP 400 invalid_request_error: You have reached/),
  ...final("a request that is too large", http("too_large"), "model_context_exceeded"),
  ...final("a page of the edge about its size", http("too_large_html"), "model_context_exceeded",
    /HTTP 413: 413 Payload Too Large/),
  ...final("an error that says x-should-retry: false", http("api_error_final"), "model_unavailable",
    /tried 1 time; the last: HTTP 500 api_error: Internal server error \(request req_/),
  ...final("an invalid request inside the stream",
    stream("error_event", { error_type: "invalid_request_error" }), "model_rejected")
    .map((row) => ({ ...row, paid: row.replies + 1 })),
  ...final("a prompt that is too long", { type: "status", status: 400, body: { type: "error",
    error: { type: "invalid_request_error", message: "prompt is too long: 1000001 tokens > 1000000" },
    request_id: "req_1" } }, "model_context_exceeded", /prompt is too long/),
  ...["bad_gateway_html", "gateway_timeout_html", "timeout", "api_error"].map((error) =>
    ({ name: `${error} once is asked again`, faults: [{ ...ASK, action: http(error) }],
      retries: 1 })),

  { name: "an attempt of unknown outcome counts against the budget at its worst", slow: 1,
    faults: [{ ...ASK, action: { type: "reset", when: "after" } }], paid: 1, replies: 0,
    brief: { budget: { max_usd: "0.25" } }, end: "budget_exceeded",
    says: /^the next question to the model could cost more than what is left of the budget/ },
], { together: 24 });
