// Builds the whole sandbox: state, three listeners, control port.
//
//   const sandbox = await startSandbox({ tokenTtl: 5 });
//   sandbox.urls.scalekit, sandbox.credentials.client_id, …
//   await sandbox.control("POST", "/faults", { endpoint: "scalekit.verify", action: … });
//   await sandbox.close();

import { randomBytes } from "node:crypto";
import { createAnthropic } from "./anthropic/server.mjs";
import { createControl } from "./control.mjs";
import { createFaults } from "./faults.mjs";
import { listen } from "./listener.mjs";
import { createLog } from "./log.mjs";
import { DEFAULTS } from "./options.mjs";
import { createPages } from "./pages/index.mjs";
import { createGithub } from "./providers/github.mjs";
import { createSanity } from "./providers/sanity.mjs";
import { createSlack } from "./providers/slack.mjs";
import { createAccounts } from "./scalekit/accounts.mjs";
import { createEnvironment } from "./scalekit/environment.mjs";
import { createExecute } from "./scalekit/execute.mjs";
import { createMagicLinks } from "./scalekit/magic_link.mjs";
import { createScalekit } from "./scalekit/server.mjs";
import { createTokens } from "./scalekit/token.mjs";
import { createTools } from "./scalekit/tools.mjs";
import { createWebhooks } from "./scalekit/webhooks.mjs";
import { createVariants } from "./variants.mjs";

const random = (bytes) => randomBytes(bytes).toString("base64url");

export async function startSandbox(given = {}) {
  const options = { ...DEFAULTS, ...given };
  const credentials = {
    client_id: `skc_${10n ** 16n + BigInt(`0x${randomBytes(6).toString("hex")}`)}`,
    client_secret: `test_${random(32)}`,
    anthropic_api_key: `sk-ant-api-sandbox-${random(40)}`,
  };
  const claude = { apiKey: credentials.anthropic_api_key, latencyModelMs: options.latencyModelMs };
  const latency = {
    tool_ms: options.latencyToolMs,
    get model_ms() { return claude.latencyModelMs; },
    set model_ms(ms) { claude.latencyModelMs = ms; },
  };
  const urls = {};
  const faults = createFaults();
  const log = createLog();
  const switches = createVariants();
  const variants = switches.values;

  const environment = createEnvironment(options.connections);
  const webhooks = createWebhooks(environment);
  const tokens = createTokens({ clientId: credentials.client_id,
    clientSecret: credentials.client_secret, ttl: options.tokenTtl });
  const slack = createSlack({ log });
  const sanity = createSanity();
  const providers = { SLACK: slack, SANITYMCP: sanity, GITHUB: createGithub() };
  const magicLinks = createMagicLinks({ environment, variants, urls });
  const scalekit = createScalekit({
    faults, log, latency, tokens, variants, magicLinks,
    accounts: createAccounts({ environment, variants }),
    tools: createTools({ environment, variants }),
    execute: createExecute({ environment, variants, providers }),
    pages: createPages({ magicLinks, slack, log }),
  });
  const anthropic = createAnthropic({ faults, log, options: claude });

  function reset() {
    for (const part of [faults, log, switches, environment, webhooks, tokens, slack, sanity,
      magicLinks, anthropic]) part.reset();
    Object.assign(latency, { model_ms: options.latencyModelMs, tool_ms: options.latencyToolMs });
  }

  const open = (name, port, handle, journal) =>
    listen({ name, host: options.host, port, handle, log: journal });
  const listeners = {
    scalekit: await open("scalekit", options.scalekitPort, scalekit, log),
    anthropic: await open("anthropic", options.anthropicPort, anthropic.handle, log),
  };
  const control = createControl({ faults, log, latency, environment, tokens, variants: switches,
    magicLinks, slack, sanity, webhooks, anthropic, listeners, reset });
  listeners.control = await open("control", options.controlPort, control.handle);
  for (const [name, { url }] of Object.entries(listeners)) urls[name] = url;

  return {
    urls,
    credentials,
    control: control.call,
    async close() {
      faults.reset();
      await Promise.all(Object.values(listeners).map((listener) => listener.down()));
    },
  };
}
