// The part of contract.test.mjs that needs services of its own: a single user, no places, a damaged database, tight
// limits. Imported there, because what was seen of the document is counted for the whole process.

import { closeSync, fstatSync, openSync, writeSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import assert from "node:assert/strict";
import { Browser } from "./browser.mjs";
import { loadContract } from "./contract.mjs";
import { assertCode, bodyOf, has, isForBrowsers, isKeyed, NOWHERE, operationsOf, pathOf, SECRET, signed } from "./contract_walk.mjs";
import { BINARY, CHANNEL, eventually, startWorld } from "./harness.mjs";

const operations = operationsOf(await loadContract(BINARY));

describe("one user, few places", () => {
  let world, browser, user;
  before(async () => {
    world = await startWorld({ env: { USER_ID: "u_7f", BRIEFD_MAX_OPEN_RUNS: "1", BRIEFD_MAX_WAITERS: "0", SLACK_CHANNEL: null,
      SCALEKIT_WEBHOOK_SECRET: SECRET, BRIEFD_WEBHOOK_ALLOW: "127.0.0.1" } });
    user = "u_7f";
    browser = new Browser(world);
    await browser.get("/");
  });
  after(() => world?.close());

  const asBrowser = (method, path, options = {}) => world.request(method, path, { key: null, ...options,
    headers: { ...options.headers, cookie: [...browser.cookies].map(([name, value]) => `${name}=${value}`).join("; ") } });

  test("what came through a proxy is refused everywhere", async () => {
    for (const operation of operations) {
      const answer = await world.request(operation.method, pathOf(operation, { ...NOWHERE, user }),
        { body: bodyOf(operation), headers: { "x-forwarded-for": "192.0.2.1" } });
      assertCode(answer, 400, "invalid_request");
    }
  });

  test("a browser needs its page's token, JSON, and its own user", async () => {
    await world.request("GET", "/recipes");
    for (const operation of operations.filter(isForBrowsers)) {
      const path = pathOf(operation, { ...NOWHERE, user });
      if (operation.method !== "GET") {
        assertCode(await asBrowser(operation.method, path), 403, "csrf_failed");
        assertCode(await asBrowser(operation.method, path, { raw: "x", headers: { "content-type": "text/plain" } }), 415,
          "unsupported_media_type");
      }
      if (has(operation, "not_found") && operation.path.startsWith("/users/"))
        assertCode(await asBrowser(operation.method, pathOf(operation, { ...NOWHERE, user: "other" })), 404, "not_found");
    }
    assertCode(await asBrowser("GET", "/briefings?user_id=other"), 404, "not_found");
    const { token } = await browser.page("/");
    assertCode(await asBrowser("POST", "/briefings", { body: { user_id: "other" },
      headers: { origin: world.url, "x-csrf-token": token } }), 404, "not_found");
    assertCode(await world.request("GET", "/recipes/nothing"), 404, "not_found");
  });

  test("no place to wait, and no place for a second briefing", async () => {
    const { id } = await world.accepted(user, { params: { slack_channel: CHANNEL } });
    await eventually(async () => (await world.document(id)).status === "blocked", "blocked");
    assertCode(await world.request("GET", `/briefings/${id}?wait=1`), 429, "rate_limited");
    assertCode(await world.brief(user, { if_running: "enqueue", params: { slack_channel: CHANNEL } }), 429, "queue_full");
  });

  test("a database that cannot be used is told as such", async () => {
    await world.stop(); // everything is in the one file now
    await world.start();
    const file = openSync(world.env.BRIEFD_DB, "r+");
    const { size } = fstatSync(file);
    writeSync(file, Buffer.alloc(size - 4096, 0xa5), 0, size - 4096, 4096);
    closeSync(file);
    for (const operation of operations.filter((each) => has(each, "storage_unavailable"))) {
      const options = isKeyed(operation) ? { key: "bk_unknown", body: bodyOf(operation) }
        : signed(JSON.stringify({ type: "connected_account.updated", data: { identifier: user } }));
      const answer = await world.request(operation.method, pathOf(operation, { ...NOWHERE, user }), options);
      assertCode(answer, 503, "storage_unavailable");
    }
    assert.equal((await world.request("GET", "/readyz")).status, 503);
    await world.kill();
  });
});

describe("too often", () => {
  let world;
  before(async () => {
    world = await startWorld({ env: { BRIEFD_KEY_RATE: "1", BRIEFD_KEY_BURST: "1", BRIEFD_ADDRESS_RATE: "1",
      BRIEFD_ADDRESS_BURST: "1", SCALEKIT_WEBHOOK_SECRET: SECRET, BRIEFD_WEBHOOK_ALLOW: "127.0.0.1" } });
  });
  after(() => world?.close());

  test("is 429 on every operation that has a limit", async () => {
    for (const operation of operations.filter((each) => has(each, "rate_limited"))) {
      const path = pathOf(operation, NOWHERE);
      const once = () => world.request(operation.method, path, { body: bodyOf(operation), headers: { "content-type": "application/json" } });
      await eventually(async () => (await Promise.all(Array.from({ length: 4 }, once)))
        .some(({ status, body }) => status === 429 && body.code === "rate_limited"), `${operation.name}: 429`);
    }
  });
});
