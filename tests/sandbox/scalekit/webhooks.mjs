// Webhooks from ScaleKit: connected_account.status_updated, signed as Standard Webhooks say.

import { createHmac } from "node:crypto";
import { stableNumber } from "./environment.mjs";

const RETRY_MS = [0, 200, 1000, 3000];
const TIMEOUT_MS = 10_000;

/** The headers that sign `body` with a secret "whsec_<base64>". */
export function sign(secret, id, timestamp, body) {
  const key = Buffer.from(secret.slice(secret.indexOf("_") + 1), "base64");
  const mac = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
  return { "webhook-id": id, "webhook-timestamp": String(timestamp),
    "webhook-signature": `v1,${mac}` };
}

export function createWebhooks(environment) {
  let target = null;
  let deliveries = [];
  let serial = 0;
  environment.onStatus((account, old) => {
    if (target) send(eventOf(account, old, ++serial));
  });

  async function send(event) {
    const { url, secret } = target;
    const body = JSON.stringify(event);
    const delivery = { id: event.id, type: event.type, attempts: 0, status: null };
    deliveries = [...deliveries.slice(-999), delivery];
    for (const wait of RETRY_MS) {
      await new Promise((resolve) => { setTimeout(resolve, wait).unref(); });
      delivery.attempts++;
      try {
        const answer = await fetch(url, {
          method: "POST", body, redirect: "manual", signal: AbortSignal.timeout(TIMEOUT_MS),
          headers: { "content-type": "application/json",
            ...sign(secret, event.id, Math.floor(Date.now() / 1000), body) },
        });
        await answer.arrayBuffer();
        delivery.status = answer.status;
        if (answer.ok) return;
      } catch (error) {
        delivery.status = error.cause?.code ?? error.name;
      }
    }
  }

  return {
    configure({ url, secret }) {
      target = url ? { url, secret } : null;
    },
    list: () => deliveries,
    reset() {
      target = null;
      deliveries = [];
    },
  };
}

function eventOf(account, old, serial) {
  return {
    spec_version: "1",
    id: `evt_${BigInt(stableNumber("event")) + BigInt(Date.now() % 1e9) * 1000n + BigInt(serial)}`,
    type: "connected_account.status_updated",
    object: "ConnectedAccount",
    occurred_at: new Date().toISOString(),
    environment_id: `env_${stableNumber("environment")}`,
    data: {
      id: account.id, identifier: account.identifier, connection_id: account.connection_id,
      connection_name: account.connector, provider: account.provider,
      authorization_type: account.authorization_type, status: account.status, old_status: old,
    },
  };
}
