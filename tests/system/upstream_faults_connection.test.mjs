// Upstreams that are not there at all: nobody listens, the name does not resolve, TLS does not stand.
// Each needs a service of its own, or stops an upstream for everybody.

import assert from "node:assert/strict";
import { sideBySide, suite } from "./faults_runner.mjs";

const NOWHERE = `https://${"no".repeat(35)}.example`; // a label this long resolves nowhere

const restart = (env) => async ({ world }) => {
  await world.stop();
  await world.start(env);
};

/** A service with other addresses, for one row. */
const elsewhere = (env, row) => ({ setup: (c) => restart(env(c))(c),
  check: restart({}), ...row });

const noModel = { end: "model_unavailable", replies: 0, says:
  /^Anthropic gave no usable reply, tried \d+ times; the last: no connection: \S/ };
const noScalekit = { end: "connector_service_unavailable", replies: 0,
  says: /^ScaleKit gave no usable answer about the connections: no connection: \S/ };
const tls = (url) => url.replace("http:", "https:");

/** One of the upstreams is down while the model writes its n-th reply, and comes back on a sign. */
const goneDuring = (n, which, sign) => ({
  faults: [{ endpoint: "anthropic.messages", skip: n - 1, action: { type: "delay", ms: 3000 } }],
  middle: async ({ world, id }) => {
    await world.until(id, (run) => run.phase === "model" && run.progress.turn === n - 1);
    await world.listeners({ [which]: "down" });
    await sign({ world, id });
    await world.listeners({ [which]: "up" });
  },
});
const events = async ({ world, id }, type) =>
  (await world.request("GET", `/briefings/${id}/events`)).body.data.filter((e) => e.type === type);

sideBySide(() => {
  suite("upstreams that are not there", [
    { name: "nobody listens where Claude should be: the briefing ends", ...noModel,
      setup: ({ world }) => world.listeners({ anthropic: "down" }),
      check: ({ world }) => world.listeners({ anthropic: "up" }) },
    { name: "nobody listens where ScaleKit should be: the briefing ends", ...noScalekit,
      setup: ({ world }) => world.listeners({ scalekit: "down" }),
      check: ({ world }) => world.listeners({ scalekit: "up" }) },
  ], { together: 1 });

  suite("upstreams that come back", [
    { name: "Claude's server goes away in the middle of a reply and comes back: it is asked again",
      ...goneDuring(2, "anthropic", ({ world, id }) => world.eventually(async () =>
        (await events({ world, id }, "model_retry")).length > 0, "a repeated question")),
      paid: 3 },
    { name: "ScaleKit is away when the message is to be sent: it is sent when ScaleKit is back", sends: 1,
      ...goneDuring(3, "scalekit", ({ world }) =>
        world.logged("scalekit_failed", (line) => line.class === "not_sent")) },
  ], { together: 1, env: { BRIEFD_LOG_LEVEL: "debug",
    BRIEFD_MODEL_FIRST_BYTE_TIMEOUT: "20s" } });

  suite("upstreams without TLS", [
    { name: "no TLS where Claude should be: the briefing ends", ...elsewhere(
      ({ world }) => ({ ANTHROPIC_BASE_URL: tls(world.ready.anthropic) }), noModel) },
    { name: "no TLS where ScaleKit should be: the briefing ends", ...elsewhere(
      ({ world }) => ({ SCALEKIT_ENV_URL: tls(world.ready.scalekit) }), noScalekit) },
  ], { together: 1 });

  suite("upstreams without an address", [
    { name: "a name for Claude that does not resolve: the briefing ends", ...elsewhere(
      () => ({ ANTHROPIC_BASE_URL: NOWHERE }), noModel) },
    { name: "a name for ScaleKit that does not resolve: the briefing ends", ...elsewhere(
      () => ({ SCALEKIT_ENV_URL: NOWHERE }), noScalekit) },
  ], { together: 1 });

  suite("a service that starts while nobody is there", [
    { name: "goes on as soon as they are back", setup: async ({ world }) => {
      await world.stop();
      await world.listeners({ scalekit: "down", anthropic: "down" });
      await world.start();
      const user = await world.connected();
      const run = await world.briefToEnd(user);
      assert.equal(run.error.code, "connector_service_unavailable");
      await world.listeners({ scalekit: "up", anthropic: "up" });
    } },
  ]);
});
