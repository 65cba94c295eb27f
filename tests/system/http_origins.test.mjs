// Scripts of other sites, and people who open an address in a browser.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { send } from "./client.mjs";
import { startWorld } from "./harness.mjs";

const OURS = "https://app.example.com";
const HTML = { accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" };
const corsOf = ({ headers }) => Object.keys(headers).filter((name) => name.startsWith("access-control-"));

describe("with an origin that may call", () => {
  let world;
  before(async () => { world = await startWorld({ env: { BRIEFD_CORS_ORIGINS: `https://other.example, ${OURS}` } }); });
  after(() => world?.close());

  const preflight = (path, origin, method = "POST") => world.request("OPTIONS", path, { key: null, headers: { origin,
    "access-control-request-method": method, "access-control-request-headers": "authorization,content-type" } });

  test("a preflight is answered for it, without a key and without credentials", async () => {
    const answer = await preflight("/briefings", OURS);
    assert.equal(answer.status, 204);
    assert.equal(answer.headers["access-control-allow-origin"], OURS);
    assert.equal(answer.headers["access-control-allow-methods"], "POST, GET, HEAD, OPTIONS");
    for (const name of ["Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "Last-Event-ID"])
      assert.ok(answer.headers["access-control-allow-headers"].split(", ").includes(name), name);
    assert.match(answer.headers["access-control-max-age"], /^\d+$/);
    assert.equal(answer.headers["access-control-allow-credentials"], undefined);
    assert.equal(answer.headers.vary, "Origin");
  });

  test("it may read answers, errors too, and the headers that matter", async () => {
    for (const [key, status] of [[world.key, 200], [null, 401]]) {
      const answer = await world.request("GET", "/briefings", { key, headers: { origin: OURS } });
      assert.equal(answer.status, status);
      assert.equal(answer.headers["access-control-allow-origin"], OURS);
      assert.match(answer.headers["access-control-expose-headers"], /ETag.*Retry-After.*X-Request-Id/);
      assert.equal(answer.headers["access-control-allow-credentials"], undefined);
    }
    const posted = await world.brief(world.user(), {}, { origin: OURS });
    assert.deepEqual([posted.status, posted.headers["access-control-allow-origin"]], [202, OURS]);
    const wrong = await world.request("DELETE", "/briefings", { headers: { origin: OURS } });
    assert.deepEqual([wrong.status, wrong.headers["access-control-allow-origin"]], [405, OURS]);
  });

  test("another origin gets nothing, but caches are told that it matters", async () => {
    for (const origin of ["https://evil.example", "null", `${OURS}.evil.example`, "https://app.example.co",
      "http://app.example.com", `${OURS}:8443`, ""]) {
      assert.deepEqual(corsOf(await preflight("/briefings", origin)), [], origin);
      const answer = await world.request("GET", "/briefings", { headers: { origin } });
      assert.deepEqual(corsOf(answer), [], origin);
      assert.equal(answer.headers.vary, "Origin");
    }
  });

  test("a cookie gets nothing, and pages are no routes for services", async () => {
    const cookie = await world.request("GET", "/briefings", { key: null, headers: { origin: OURS, cookie: "briefd=x" } });
    assert.deepEqual(corsOf(cookie), []);
    for (const path of ["/", "/sign-out", "/connect/t/x", "/static/app.css", "/healthz", "/nothing"])
      assert.deepEqual(corsOf(await preflight(path, OURS)), [], path);
  });
});

describe("as it is installed", () => {
  let world;
  before(async () => { world = await startWorld(); });
  after(() => world?.close());

  test("no origin may call", async () => {
    for (const method of ["OPTIONS", "GET"]) {
      const answer = await world.request(method, "/briefings", { headers: { origin: world.url, "access-control-request-method": "GET" } });
      assert.deepEqual(corsOf(answer), []);
    }
  });

  test("OPTIONS is 204 with Allow under every path of the contract and of the pages", async () => {
    const { body } = await world.request("GET", "/openapi.json", { key: null });
    const paths = new Set([...Object.keys(body.paths), ...body["x-outside-the-contract"].map((row) => row.split(" ")[1])]);
    for (const path of paths) {
      const answer = await world.request("OPTIONS", path.replace(/\{[^}]*\}/g, "x"), { key: null });
      assert.equal(answer.status, 204, path);
      assert.match(answer.headers.allow, /(^|, )OPTIONS$/, path);
      assert.equal(answer.headers.allow.includes("GET"), answer.headers.allow.includes("HEAD"), path);
      assert.ok(answer.headers["x-request-id"]);
    }
    assert.ok(paths.size > 15);
    const all = await world.request("OPTIONS", "*", { key: null });
    assert.deepEqual([all.status, all.headers.allow], [204, "GET, HEAD, POST, PUT, DELETE, OPTIONS"]);
  });

  test("a browser gets a page where there is nothing, a service a document", async () => {
    for (const [method, path, status, headers, code] of [
      ["GET", "/nothing", 404, {}, "not_found"], ["GET", "/static/none.css", 404, {}, "not_found"],
      ["GET", "/sign-out", 405, {}, "method_not_allowed"], ["GET", "/briefings/x/cancel", 405, {}, "method_not_allowed"],
      ["GET", "/", 421, { host: "other.example" }, "misdirected_request"], ["GET", "/briefings", 401, {}, "unauthenticated"]]) {
      const page = await send(world.url, method, path, { headers: { ...HTML, ...headers } });
      assert.equal(page.status, status, path);
      assert.equal(page.headers["content-type"], "text/html; charset=utf-8");
      assert.match(page.text, new RegExp(`data-code="${code}"`));
      assert.match(page.text, /<h1>[^<]+<\/h1>/);
      assert.match(page.headers["content-security-policy"], /default-src 'none'/);
      assert.ok(page.headers["x-request-id"]);
      if (status === 405) assert.ok(page.headers.allow);
      for (const accept of ["*/*", "application/json", "application/problem+json, text/html;q=0.5"]) {
        const document = await world.request(method, path, { key: null, headers: { ...headers, accept } });
        assert.deepEqual([document.status, document.body?.code], [status, code], `${path} ${accept}`);
      }
    }
    const service = await world.request("GET", "/nothing", { headers: HTML });
    assert.equal(service.body?.code, "not_found", "a caller with a key is no person");
  });

  test("nothing of the address comes back as markup", async () => {
    const page = await send(world.url, "GET", "/<script>alert(1)</script>", { headers: HTML });
    assert.equal(page.status, 404);
    assert.ok(!page.text.includes("alert(1)"));
  });
});
