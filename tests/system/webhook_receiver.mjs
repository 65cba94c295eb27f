// A receiver of webhooks: keeps what came, and answers as it is told to.
//
//   const receiver = await startReceiver();
//   receiver.answer = (hook, n) => ({ status: n === 1 ? 500 : 204 });    // n: tries of this webhook-id
//   const endpoint = await receiver.endpoint(world, admin, { events: ["briefing.succeeded"] });
//   const hook = await receiver.came((hook) => hook.payload.data.id === id);
//   receiver.verify(hook);          // by the official package; throws
//   await receiver.close();

import assert from "node:assert/strict";
import http from "node:http";
import { Webhook } from "standardwebhooks";
import { eventually } from "./harness.mjs";

export async function startReceiver(host = "127.0.0.1") {
  const receiver = {
    hooks: [], // {id, headers, raw, payload, at}, in the order in which they came
    answer: () => ({ status: 204 }), // {status, headers?, body?}, or a promise of it
    secret: null, // of the endpoint that was made last
  };
  const server = http.createServer((request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", async () => {
      const raw = Buffer.concat(chunks).toString();
      const hook = { id: request.headers["webhook-id"], method: request.method, path: request.url,
        headers: request.headers, raw, payload: JSON.parse(raw || "null"), at: Date.now() };
      receiver.hooks.push(hook);
      const n = receiver.hooks.filter(({ id }) => id === hook.id).length;
      const { status, headers = {}, body = "" } = await receiver.answer(hook, n, request);
      if (response.destroyed) return;
      response.on("error", () => {});
      response.writeHead(status, headers);
      if (typeof body === "function") body(response);
      else response.end(body);
    });
    request.on("error", () => {});
  });
  await new Promise((resolve) => { server.listen(0, host, resolve); });
  const { port } = server.address();
  receiver.port = port;
  receiver.url = `http://${host}:${port}/hooks`;

  /** Makes an endpoint that leads here; its document, with the secret. */
  receiver.endpoint = async (world, admin, fields = {}) => {
    const made = await world.request("POST", "/webhook-endpoints",
      { key: admin, body: { url: receiver.url, ...fields } });
    assert.equal(made.status, 201, made.text);
    receiver.secret = made.body.secret;
    return made.body;
  };
  /** The first for which test(hook) is true, past or to come. */
  receiver.came = async (test = () => true, what = "a webhook") => {
    await eventually(() => receiver.hooks.some(test), what, 60);
    return receiver.hooks.find(test);
  };
  /** What the official package makes of it; throws when it does not believe it. */
  receiver.verify = (hook, secret = receiver.secret) => new Webhook(secret).verify(hook.raw, hook.headers);
  receiver.close = () => new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections?.();
  });
  return receiver;
}

/** A promise that the test keeps open, and open(value) that ends it. */
export function gate() {
  let open;
  const waiting = new Promise((resolve) => { open = resolve; });
  return { waiting, open };
}
