// Upstreams that are not there at all: nobody listens, the name does not resolve, TLS does not stand.
// Each needs a service of its own, or stops an upstream for everybody.

import assert from "node:assert/strict";
import { duringReply, sideBySide, suite } from "./faults_runner.mjs";

const NOWHERE = `https://${"no".repeat(35)}.example`; // a label this long resolves nowhere

const restart = (env) => async ({ world }) => {
  await world.stop();
  await world.start(env);
};

/** A service with other addresses, for one row. */
const elsewhere = (env, row) => ({ setup: (c) => restart(env(c))(c),
  check: restart({}), ...row });

const noModel = { end: "model_unavailable", replies: 0, waits: true, says:
  /^Anthropic gave no usable reply, tried \d+ times; the last: no connection: \S/ };
const noScalekit = { end: "connector_service_unavailable", replies: 0,
  says: /^ScaleKit gave no usable answer about the connections: no connection: \S/ };
/** Stopped while the model writes its third reply, and started with other addresses. */
const elsewhereLater = (env, row) => {
  const { setup, middle } = duringReply(3, (c) => c.world.stop());
  return { setup, ...row, middle: async (c) => {
    await middle(c);
    await c.world.start(env(c));
  }, check: restart({}) };
};
// The third question was asked before the stop, and called off: the model wrote three replies.
const AFTER_TWO = { replies: 2, paid: 3, brief: { budget: { max_usd: "5.00" } } };
const QUICK_STOP = { BRIEFD_STOP_GRACE: "100ms", BRIEFD_MODEL_RETRY_BUDGET: "4s", BRIEFD_RECONCILE_TIMEOUT: "2s" };
/** Killed while the message is on its way, and started with an address where the channel cannot be read. */
const elsewhereWhileSent = (where, env) => ({
  name: `${where} where ScaleKit should be when the channel is to be read: nobody knows`,
  setup: async (c) => {
    c.held = await c.hold({ endpoint: "scalekit.execute_tool", match: { tool: "slack_send_message" },
      action: { when: "after" } });
  },
  middle: async (c) => {
    await c.held.reached();
    await c.world.kill();
    await c.held.release();
    await c.world.start(env(c));
  },
  check: restart({}), sends: 1, posts: 1, end: "delivery_unknown",
  says: /Look into the channel for br_/ });
const tls = (url) => url.replace("http:", "https:");

/** One of the upstreams goes down while the model writes its n-th reply, and comes back on a sign. */
const goneDuring = (n, which, sign) => {
  const { setup, middle } = duringReply(n, (c) => c.world.listeners({ [which]: "down" }));
  return { setup, middle: async (c) => {
    await middle(c);
    await sign(c);
    await c.world.listeners({ [which]: "up" });
  } };
};
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
      paid: 4 },
    { name: "ScaleKit is away when the first tool is to be run: the model never knows",
      ...goneDuring(1, "scalekit", ({ world }) =>
        world.logged("scalekit_failed", (line) => line.class === "not_sent")) },
    { name: "ScaleKit goes away while the message is on its way and comes back: it is looked for, and found",
      sends: 1, state: "reconciled", setup: async (c) => {
        c.held = await c.hold({ endpoint: "scalekit.execute_tool", match: { tool: "slack_send_message" } });
      },
      middle: async (c) => {
        await c.held.reached();
        await c.world.listeners({ scalekit: "down" });
        await c.held.release();
        await c.world.logged("scalekit_failed", (line) => line.class === "not_sent" && line.run === c.id);
        await c.world.listeners({ scalekit: "up" });
      } },
    { name: "ScaleKit is away when the message is to be sent: it is sent when ScaleKit is back", sends: 1,
      ...goneDuring(3, "scalekit", ({ world }) =>
        world.logged("scalekit_failed", (line) => line.class === "not_sent")) },
  ], { together: 1, env: { BRIEFD_LOG_LEVEL: "debug" } });

  suite("upstreams without TLS", [
    { name: "no TLS where Claude should be: the briefing ends", ...elsewhere(
      ({ world }) => ({ ANTHROPIC_BASE_URL: tls(world.ready.anthropic) }), noModel) },
    { name: "no TLS where ScaleKit should be: the briefing ends", ...elsewhere(
      ({ world }) => ({ SCALEKIT_ENV_URL: tls(world.ready.scalekit) }), noScalekit) },
    { name: "no TLS any more where Claude should be, after two replies: the briefing ends",
      ...elsewhereLater(({ world }) => ({ ANTHROPIC_BASE_URL: tls(world.ready.anthropic) }),
        { ...noModel, ...AFTER_TWO }) },
    { name: "no TLS any more where ScaleKit should be, after two replies: the briefing ends",
      ...elsewhereLater(({ world }) => ({ SCALEKIT_ENV_URL: tls(world.ready.scalekit) }),
        { ...noScalekit, ...AFTER_TWO }) },
    elsewhereWhileSent("no TLS", ({ world }) => ({ SCALEKIT_ENV_URL: tls(world.ready.scalekit) })),
  ], { together: 1, env: QUICK_STOP });

  suite("upstreams without an address", [
    { name: "a name for Claude that does not resolve: the briefing ends", ...elsewhere(
      () => ({ ANTHROPIC_BASE_URL: NOWHERE }), noModel) },
    { name: "a name for ScaleKit that does not resolve: the briefing ends", ...elsewhere(
      () => ({ SCALEKIT_ENV_URL: NOWHERE }), noScalekit) },
    { name: "a name for Claude that does not resolve any more, after two replies: the briefing ends",
      ...elsewhereLater(() => ({ ANTHROPIC_BASE_URL: NOWHERE }), { ...noModel, ...AFTER_TWO }) },
    { name: "a name for ScaleKit that does not resolve any more, after two replies: the briefing ends",
      ...elsewhereLater(() => ({ SCALEKIT_ENV_URL: NOWHERE }), { ...noScalekit, ...AFTER_TWO }) },
    elsewhereWhileSent("no address", () => ({ SCALEKIT_ENV_URL: NOWHERE })),
  ], { together: 1, env: QUICK_STOP });

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
