// Where webhooks may go is decided when the connection is opened, whatever the name was; and how long
// a receiver may take.

import assert from "node:assert/strict";
import { after, before, it } from "node:test";
import { startWorld } from "./harness.mjs";
import { gate, startReceiver } from "./webhook_receiver.mjs";

let world, admin;
before(async () => {
  world = await startWorld({ env: { BRIEFD_WEBHOOK_ALLOW: "127.0.0.2", BRIEFD_WEBHOOK_TIMEOUT: "300ms",
    BRIEFD_WEBHOOK_RETRY_FOR: "10m", HTTP_PROXY: "http://127.0.0.2:9", http_proxy: "http://127.0.0.2:9" } });
  admin = await world.newKey("admin", "host");
});
after(() => world?.close());

const ask = (method, path, more = {}) => world.request(method, path, { key: admin, ...more });

/** Sends a test to this address; the delivery after its first try. */
async function tried(url) {
  const made = await ask("POST", "/webhook-endpoints", { body: { url } });
  assert.equal(made.status, 201, made.text);
  const { body } = await ask("POST", `/webhook-endpoints/${made.body.id}/test`);
  await world.eventually(async () => (await ask("GET", `/deliveries/${body.id}`)).body.attempts > 0, "tried");
  return (await ask("GET", `/deliveries/${body.id}`)).body;
}

it("a name that leads to an address which is not allowed is refused when connecting", async () => {
  const receiver = await startReceiver("127.0.0.1");
  for (const scheme of ["http", "https"]) {
    const delivery = await tried(`${scheme}://localhost:${receiver.port}/hooks`);
    assert.equal(delivery.state, "pending");
    assert.equal(delivery.last_status, null);
    assert.match(delivery.last_error, /the address is refused/);
  }
  assert.equal(receiver.hooks.length, 0);
  await receiver.close();
});

it("an address that is allowed is reached, past the environment's proxies", async () => {
  const receiver = await startReceiver("127.0.0.2");
  const delivery = await tried(receiver.url);
  assert.equal(delivery.state, "delivered");
  assert.equal(receiver.hooks.length, 1);
  await receiver.close();
});

it("a receiver that does not answer in time has not taken it", async () => {
  const receiver = await startReceiver("127.0.0.2");
  const { waiting, open } = gate();
  receiver.answer = () => waiting;
  const delivery = await tried(receiver.url);
  assert.equal(delivery.state, "pending");
  assert.match(delivery.last_error, /within 0\.3 s/);
  open({ status: 200 });
  await receiver.close();
});

it("without the setting, nothing but public https addresses is taken", async () => {
  await world.stop();
  await world.start({ BRIEFD_WEBHOOK_ALLOW: "" });
  for (const url of ["http://example.com/", "https://127.0.0.1/", "https://localhost/", "https://[::1]/"]) {
    const made = await ask("POST", "/webhook-endpoints", { body: { url } });
    assert.deepEqual([made.status, made.body.errors[0].pointer], [400, "/url"], url);
  }
  const { body } = await ask("POST", "/webhook-endpoints",
    { body: { url: "https://receiver.example/hooks?team=a" } });
  assert.equal(body.url, "https://receiver.example/hooks?team=a");
});
