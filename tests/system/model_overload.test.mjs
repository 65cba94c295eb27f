// Overloads of the model: what everybody feels, one briefing after the other.

import assert from "node:assert/strict";
import { sideBySide, suite } from "./faults_runner.mjs";

const isLong = process.env.BRIEFD_TEST_LONG === "1";
const ASK = { endpoint: "anthropic.messages" };
const http = (error, more) => ({ type: "stream", kind: "http", error, ...more });
const asked = (c) => c.world.log("anthropic.messages");

/** Some refusals that pass. */
const passing = (name, action, { skip = 0, count = 1 } = {}) => ({
  name: `${name}, ${["", "once", "twice"][count]} at ${skip ? "a later" : "the first"} question`,
  faults: [{ ...ASK, skip, count, action }], retries: count });

const lasting = (name, action, says) => [0, 2].map((skip) => ({
  name: `${name} for longer than the retries last, at ${skip ? "a later" : "the first"} question`,
  faults: [{ ...ASK, skip, count: -1, action }], replies: skip, end: "model_unavailable", says }));

sideBySide(() => {
  suite("an overloaded model", [
    passing("529", http("overloaded")),
    passing("529", http("overloaded"), { skip: 2 }),
    passing("529", http("overloaded"), { count: 2 }),
    passing("429 with retry-after", http("rate_limit")),
    passing("429 with retry-after", http("rate_limit"), { skip: 2 }),
    passing("429 with retry-after-ms", http("rate_limit_bare", { retry_after_ms: 40 })),
    passing("429 without a word when to come back", http("rate_limit_bare")),
    passing("429 because of a steep ramp", http("ramp_limit")),
    passing("503", http("unavailable"), { skip: 1 }),
    passing("503 from the edge", http("unavailable_html")),
    { ...passing("an overload inside the stream", { type: "stream", kind: "error_event" }), paid: 4 },
    { ...passing("an overload inside the stream", { type: "stream", kind: "error_event" }, { skip: 2 }),
      paid: 4 },
  ], { together: 1 });

  suite("a model that stays overloaded", [
    ...lasting("529", http("overloaded"), /tried \d times?; the last: HTTP 529 overloaded_error: Overl/),
    ...lasting("429", http("rate_limit_bare"), /the last: HTTP 429 rate_limit_error: /),
    ...lasting("503", http("unavailable_html"), /HTTP 503: 503 Service Temporarily Unavailable/),
  ], { together: 1, env: { BRIEFD_MODEL_RETRY_BUDGET: "1500ms" } });

  suite("a model that is overloaded for a while", [
    { name: `529 ${isLong ? "for a minute" : "five times"}: it is asked until it passes`, slow: 1,
      faults: [{ ...ASK, skip: 1, count: -1, action: http("overloaded") }],
      middle: async (c) => {
        const retries = async () => (await c.world.request("GET", `/briefings/${c.id}/events`)).body.data
          .filter(({ type }) => type === "model_retry").length;
        await c.world.eventually(async () => (await retries()) >= (isLong ? 9 : 5), "it was tried again", 600);
        await c.mend();
      } },
  ], { together: 1, env: { BRIEFD_MODEL_RETRY_BUDGET: "10m" } });

  suite("a model that asks for much time", [
    { name: "429 with more time than the retries may take: it is not asked again", replies: 2, retries: 1,
      faults: [{ ...ASK, skip: 2, count: -1, action: http("rate_limit", { retry_after: 100 }) }],
      end: "model_unavailable",
      check: async (c) => assert.equal((await asked(c)).length, 3) },
  ], { restart: true, env: { BRIEFD_MODEL_RETRY_BUDGET: "4s" } });

  suite("a model that asks for more time than the briefing has", [
    { name: "the briefing ends at once, as out of time", brief: { deadline_seconds: 30 }, replies: 2,
      faults: [{ ...ASK, skip: 2, count: -1, action: http("rate_limit", { retry_after: 600 }) }],
      end: "deadline_exceeded", says: /^the time for this briefing ends before the model may be asked/,
      check: async (c) => {
        assert.equal((await asked(c)).length, 3);
        assert.equal(c.run.attempt, 1);
      } },
  ], { restart: true, env: { BRIEFD_MODEL_RETRY_BUDGET: "1h" } });
});
