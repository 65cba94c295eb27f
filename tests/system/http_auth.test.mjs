// Who may call, what is there, and what every answer carries.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually, startWorld } from "./harness.mjs";

let world, blocked;
before(async () => {
  world = await startWorld();
  blocked = (await world.accepted(world.user())).id; // nobody connected it: it stays
});
after(() => world?.close());

/** An RFC 9457 answer of this status and code. */
function assertProblem(answer, status, code) {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.headers["content-type"], "application/problem+json");
  const { body } = answer;
  assert.deepEqual(Object.keys(body), ["type", "title", "status", "detail", "instance", "code",
    "retryable", "request_id", "errors"]);
  assert.deepEqual([body.status, body.code], [status, code]);
  assert.ok(body.type.endsWith(`#${code}`) && body.title && body.detail);
  assert.equal(body.request_id, answer.headers["x-request-id"]);
  assert.ok(Array.isArray(body.errors));
}

test("without an API key, or with a wrong one, nothing is answered", async () => {
  const none = await world.request("GET", "/briefings", { key: null });
  assertProblem(none, 401, "unauthenticated");
  assert.equal(none.headers["www-authenticate"], "Bearer");
  for (const authorization of ["Bearer ", "Bearer bk_wrong", `Basic ${world.key}`, world.key,
    `Bearer ${world.key}x`, `Bearer ${"k".repeat(5000)}`]) {
    const answer = await world.request("GET", "/briefings", { key: null, headers: { authorization } });
    assertProblem(answer, 401, "unauthenticated");
  }
  const post = await world.request("POST", "/briefings", { key: null, body: { user_id: "u" } });
  assertProblem(post, 401, "unauthenticated");
});

test("a key may do what its scopes say and nothing else", async () => {
  const reads = await world.newKey("briefings:read", "reader");
  const writes = await world.newKey("briefings:write", "writer");
  const connections = await world.newKey("connections:read", "looker");
  const asked = {
    list: ["GET", "/briefings"], get: ["GET", `/briefings/${blocked}`], connections: ["GET", "/users/u/connections"],
    create: ["POST", "/briefings", { body: {} }], cancel: ["POST", "/briefings/br_00000000000000000000000000/cancel"],
  };
  const allowed = { reads: ["list", "get"], writes: ["create", "cancel"], connections: ["connections"] };
  for (const [name, key] of Object.entries({ reads, writes, connections })) {
    for (const [what, [method, path, options]] of Object.entries(asked)) {
      const answer = await world.request(method, path, { key, ...options });
      if (allowed[name].includes(what)) assert.ok(![401, 403].includes(answer.status), `${name} ${what}`);
      else assertProblem(answer, 403, "insufficient_scope");
    }
  }
});

test("an admin key may do everything, from the moment it was made", async () => {
  const key = await world.newKey("admin", "boss");
  assert.equal((await world.request("GET", "/briefings", { key })).status, 200);
  assert.equal((await world.request("GET", "/users/u/connections", { key })).status, 200);
});

test("a revoked key is refused soon", async () => {
  const key = await world.newKey("briefings:read", "leaving");
  assert.equal((await world.request("GET", "/briefings", { key })).status, 200);
  const { stdout } = await world.cli(["keys", "list"]);
  const id = stdout.split("\n").find((line) => line.includes(" leaving ")).split(" ")[0];
  assert.equal((await world.cli(["keys", "revoke", id])).code, 0);
  const answer = await eventually(async () => {
    const asked = await world.request("GET", "/briefings", { key });
    return asked.status === 200 ? null : asked;
  }, "the key is refused");
  assertProblem(answer, 401, "unauthenticated");
});

test("the key's hash alone is stored", async () => {
  const { readFile, readdir } = await import("node:fs/promises");
  for (const name of await readdir(world.folder)) {
    const bytes = await readFile(`${world.folder}/${name}`);
    assert.ok(!bytes.includes(world.key), `${name} holds the key`);
  }
});

test("a path that is not there is 404, and so is what only looks like an id", async () => {
  for (const path of ["/nothing", "/briefings/", "/briefings/br_short", "/briefings/nope/cancel",
    "/briefings/%2e%2e", "/briefings/br_00000000000000000000000000", "/users//connections", "/%zz",
    `/briefings/${"a".repeat(3000)}`]) {
    assertProblem(await world.request("GET", path), path.endsWith("/cancel") ? 405 : 404,
      path.endsWith("/cancel") ? "method_not_allowed" : "not_found");
  }
  assertProblem(await world.request("POST", "/briefings/nope/cancel"), 404, "not_found");
});

test("a method that is not there is 405 and tells which are", async () => {
  for (const [method, path, allow] of [["DELETE", "/briefings", "POST, GET, HEAD, OPTIONS"],
    ["PATCH", `/briefings/${blocked}`, "GET, HEAD, OPTIONS"], ["GET", `/briefings/${blocked}/cancel`, "POST, OPTIONS"],
    ["POST", "/healthz", "GET, HEAD, OPTIONS"]]) {
    const answer = await world.request(method, path);
    assertProblem(answer, 405, "method_not_allowed");
    assert.equal(answer.headers.allow, allow);
  }
});

test("OPTIONS tells the methods, also without a key", async () => {
  const answer = await world.request("OPTIONS", "/briefings", { key: null });
  assert.equal(answer.status, 204);
  assert.equal(answer.headers.allow, "POST, GET, HEAD, OPTIONS");
  assert.equal(answer.headers["access-control-allow-origin"], undefined);
});

test("HEAD answers what GET would, without the body", async () => {
  for (const path of [`/briefings/${blocked}`, "/briefings?limit=1", "/healthz"]) {
    const got = await world.request("GET", path);
    const head = await world.request("HEAD", path);
    assert.equal(head.status, 200);
    assert.equal(head.text, "");
    for (const name of ["content-type", "content-length", "etag"])
      assert.equal(head.headers[name], got.headers[name], `${path} ${name}`);
  }
});

test("another host name is misdirected, except for the health checks", async () => {
  const { port } = new URL(world.url);
  for (const host of ["evil.example", `evil.example:${port}`, `localhost:${port}`, "127.0.0.1", `127.0.0.1:${port}.evil.example`])
    assertProblem(await world.request("GET", "/briefings", { headers: { host } }), 421, "misdirected_request");
  for (const path of ["/healthz", "/readyz"])
    assert.equal((await world.request("GET", path, { key: null, headers: { host: "evil.example" } })).status, 200);
});

test("health, readiness and version need no key", async () => {
  const ask = async (path) => (await world.request("GET", path, { key: null })).body;
  assert.deepEqual(await ask("/healthz"), { status: "ok" });
  const ready = await ask("/readyz");
  assert.deepEqual([ready.status, ready.draining, ready.storage_writable, ready.credentials_accepted],
    ["ready", false, true, true]);
  assert.match((await ask("/version")).version, /^\d+\.\d+\.\d+$/);
});

test("a caller's plain request id comes back, anything else is replaced", async () => {
  const ask = async (id) => (await world.request("GET", "/briefings", { headers: { "x-request-id": id } }))
    .headers["x-request-id"];
  assert.equal(await ask("deploy-42.a_b"), "deploy-42.a_b");
  for (const id of ["with space", "a\"b", "x".repeat(65), "<script>"]) assert.match(await ask(id), /^rq_/);
  const made = (await world.request("GET", "/healthz")).headers["x-request-id"];
  assert.match(made, /^rq_/);
  assert.notEqual(made, (await world.request("GET", "/healthz")).headers["x-request-id"]);
});

test("answers are not to be stored or guessed at", async () => {
  for (const path of ["/healthz", "/briefings", "/nothing", `/briefings/${blocked}`]) {
    const { headers } = await world.request("GET", path);
    assert.equal(headers["x-content-type-options"], "nosniff");
    assert.equal(headers["cache-control"], "no-store");
  }
});
