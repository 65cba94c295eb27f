// Clients that are slow, silent, many, or say too much: raw sockets.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { eventually, startWorld } from "./harness.mjs";
import { dial } from "./raw.mjs";

const head = (world, lines = "") =>
  `POST /briefings HTTP/1.1\r\nHost: ${new URL(world.url).host}\r\nAuthorization: Bearer ${world.key}\r\n${lines}`;

function assertProblem(answer, status, code) {
  assert.equal(answer?.status, status);
  assert.equal(answer.headers["content-type"], "application/problem+json");
  const body = JSON.parse(answer.body);
  assert.deepEqual([body.status, body.code], [status, code]);
  assert.match(body.request_id, /^[A-Za-z0-9._-]+$/);
  assert.equal(answer.headers["x-request-id"], body.request_id);
}

describe("a client that takes its time", () => {
  let world;
  before(async () => { world = await startWorld({ env: { BRIEFD_REQUEST_TIMEOUT: "1s", BRIEFD_IDLE_TIMEOUT: "2s" } }); });
  after(() => world?.close());

  test("headers that drip are cut off, and the client is told", async () => {
    const client = await dial(world.url);
    client.say(head(world));
    await client.drip(`X-Slow: ${"z".repeat(1000)}`, 100);
    assertProblem(await client.answer(), 408, "request_timeout");
    await client.closed();
  });

  test("a body that drips is cut off, and nothing is accepted", async () => {
    const user = world.user();
    const body = JSON.stringify({ user_id: user, metadata: { note: "z".repeat(1000) } });
    const client = await dial(world.url);
    client.say(head(world, `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`));
    await client.drip(body, 100);
    assertProblem(await client.answer(), 408, "request_timeout");
    await client.closed();
    assert.deepEqual((await world.request("GET", `/briefings?user_id=${user}`)).body.data, []);
  });

  test("chunks that drip are no way around it", async () => {
    const client = await dial(world.url);
    client.say(head(world, "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"));
    await client.drip("1\r\n \r\n".repeat(200), 100);
    assertProblem(await client.answer(), 408, "request_timeout");
    await client.closed();
  });

  test("a request line that drips is cut off without a word", async () => {
    const client = await dial(world.url);
    await client.drip(`GET /${"z".repeat(1000)}`, 100);
    assert.equal(await client.answer(), null);
  });

  test("a connection that says nothing is closed, before its first request and after one", async () => {
    const silent = await dial(world.url);
    const once = await dial(world.url);
    once.say("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    assert.equal((await once.answer()).status, 200);
    assert.equal(await silent.answer(), null);
    assert.equal(await once.answer(), null);
  });

  test("dripping after a request was answered is no way around it", async () => {
    const client = await dial(world.url);
    client.say("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    assert.equal((await client.answer()).status, 200);
    await client.drip(`GET /${"z".repeat(1000)}`, 100);
    assert.equal(await client.answer(), null);
  });

  test("who waits for an answer is not cut off, however short the limits", async () => {
    const { id } = await world.accepted(world.user());
    await world.until(id, (run) => run.status === "blocked");
    const { headers: { etag } } = await world.request("GET", `/briefings/${id}`);
    const answer = await world.request("GET", `/briefings/${id}?wait=5`, { headers: { "if-none-match": etag } });
    assert.equal(answer.status, 304);
  });
});

describe("requests that are too large or broken", () => {
  let world, host;
  before(async () => {
    world = await startWorld();
    host = new URL(world.url).host;
  });
  after(() => world?.close());

  const ask = async (text) => {
    const client = await dial(world.url);
    client.say(text);
    const answer = await client.answer();
    client.close();
    return answer;
  };

  test("an address of more than 8 KiB is 414", async () => {
    for (const path of [`/briefings?cursor=${"z".repeat(8200)}`, `/${"z".repeat(20000)}`])
      assertProblem(await ask(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`), 414, "uri_too_long");
    const fits = await ask(`GET /briefings?cursor=${"z".repeat(8000)} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    assert.equal(fits.status, 401);
  });

  test("a query of very many fields is refused at once", async () => {
    for (const [fields, status, code] of [[490, 400, "invalid_request"], [4000, 400, "invalid_request"],
      [4200, 414, "uri_too_long"]]) {
      const query = Array(fields).fill("a").join("&");
      const answer = await ask(`GET /briefings?${query} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${world.key}\r\n\r\n`);
      assertProblem(answer, status, code);
    }
  });

  test("headers of more than 16 KiB are 431, in one piece or in many", async () => {
    const many = Array.from({ length: 120 }, (_, i) => `X-Header-${i}: ${"z".repeat(130)}\r\n`).join("");
    for (const lines of [`X-Large: ${"z".repeat(17000)}\r\n`, many])
      assertProblem(await ask(`GET /version HTTP/1.1\r\nHost: ${host}\r\n${lines}\r\n`), 431, "headers_too_large");
    const fits = await ask(`GET /version HTTP/1.1\r\nHost: ${host}\r\nX-Large: ${"z".repeat(15000)}\r\n\r\n`);
    assert.equal(fits.status, 200);
  });

  test("what is larger than any buffer is refused as well, and the service goes on", async () => {
    for (const [text, status, code] of [
      [`GET /${"z".repeat(100_000)} HTTP/1.1\r\nHost: ${host}\r\n\r\n`, 414, "uri_too_long"],
      [`GET /version HTTP/1.1\r\nHost: ${host}\r\nX: ${"z".repeat(100_000)}\r\n\r\n`, 431, "headers_too_large"]]) {
      const answer = await ask(text);
      if (answer) assertProblem(answer, status, code); // or the rest of the request has drowned it
    }
    assert.equal((await world.request("GET", "/healthz")).status, 200);
  });

  test("a head of more fields than there is room for is refused, with a problem document", async () => {
    for (const lines of ["a:b\r\n".repeat(1000), `Cookie: ${"a=b;".repeat(1000)}\r\n`])
      assertProblem(await ask(`GET /version HTTP/1.1\r\nHost: ${host}\r\n${lines}\r\n`), 431, "headers_too_large");
  });

  test("what is no HTTP is refused with a problem document or nothing, and the service goes on", async () => {
    const post = (lines, body = "") => `POST /briefings HTTP/1.1\r\nHost: ${host}\r\n${lines}\r\n\r\n${body}`;
    const chunks = (body) => post("Transfer-Encoding: chunked", body);
    for (const text of ["GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET \r\n\r\n", "GET /\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", `GET /version HTTP/1.1\r\nHost: ${host}\r\nNo colon\r\n\r\n`,
      post("Content-Length: -5"), post("Content-Length: 5, 5"), post("Content-Length:"), post("Content-Length: 0x5"),
      chunks("zz\r\n"), chunks("-1\r\n"), chunks("2\r\n{}xx"), chunks(`2;${"x".repeat(40_000)}`)]) {
      const answer = await ask(text);
      if (answer) assertProblem(answer, 400, "invalid_request");
    }
    assertProblem(await ask(`GET /version HTTP/1.1\r\nHost: ${host}\r\nCookie: a=b; ="\r\n\r\n`), 431, "headers_too_large");
    assertProblem(await ask(post(`Content-Length: ${"9".repeat(30)}`)), 413, "body_too_large");
    assertProblem(await ask(chunks("fffffffffffffffff\r\nx")), 413, "body_too_large");
    assert.equal((await world.request("GET", "/healthz")).status, 200);
  });

  test("what is only strange HTTP is answered", async () => {
    const client = await dial(world.url);
    client.say(`\r\n\r\nGET /version HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    assert.equal((await client.answer())?.status, 200);
    client.close();
    assertProblem(await ask("GET /version HTTP/1.1\r\n\r\n"), 421, "misdirected_request");
  });

  test("a whole address instead of a path counts, its host included", async () => {
    const get = (target, hostHeader = host) => ask(`GET ${target} HTTP/1.1\r\nHost: ${hostHeader}\r\n\r\n`);
    for (const target of [`http://${host}/version`, `HTTP://${host}/version?`]) assert.equal((await get(target)).status, 200);
    assert.equal((await get(`http://${host}/version`, "other.example")).status, 200);
    assertProblem(await get("http://other.example/version"), 421, "misdirected_request");
    assertProblem(await get(`http://user@${host}/version`), 421, "misdirected_request");
    assertProblem(await get(`http://${host}/version/http://${host}/version`), 404, "not_found");
    assert.match((await get(`http://${host}`)).headers["content-type"], /^text\/html/);
    assert.equal((await get(`http://${host}?limit=1`)).status, (await get("/?limit=1")).status);
  });

  test("two requests in one packet are answered in order", async () => {
    const client = await dial(world.url);
    client.say(`GET /version HTTP/1.1\r\nHost: ${host}\r\nX-Request-Id: one\r\n\r\n`
      + `GET /nothing HTTP/1.1\r\nHost: ${host}\r\nX-Request-Id: two\r\n\r\n`);
    const answers = [await client.answer(), await client.answer()];
    assert.deepEqual(answers.map(({ status, headers }) => [status, headers["x-request-id"]]), [[200, "one"], [404, "two"]]);
    client.close();
  });
});

describe("many connections", () => {
  const alive = async (client) => {
    client.say("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    return (await client.answer())?.status === 200;
  };

  test("one address may have as many as it may, and gets them back", async () => {
    const world = await startWorld({ env: { BRIEFD_MAX_CONNECTIONS_PER_ADDRESS: "3" } });
    const clients = [];
    for (let i = 0; i < 3; i++) {
      clients.push(await dial(world.url));
      assert.ok(await alive(clients[i]));
    }
    const fourth = await dial(world.url);
    assert.equal(await fourth.answer(), null);
    clients[0].close();
    await eventually(async () => {
      const next = await dial(world.url);
      const isAlive = await alive(next);
      next.close();
      return isAlive;
    }, "a connection is free again");
    for (const client of clients) client.close();
    await world.close();
  });

  test("those above the limit of all wait until one is free", async () => {
    const world = await startWorld({ env: { BRIEFD_MAX_CONNECTIONS: "4" } });
    const clients = [];
    for (let i = 0; i < 12; i++) {
      clients.push(await dial(world.url));
      clients[i].say("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    }
    for (const client of clients) assert.equal((await client.answer())?.status, 200);
    await world.close();
  });
});

describe("a client whose request could be read in two ways", () => {
  let world;
  before(async () => { world = await startWorld(); });
  after(() => world?.close());

  const JSON_TYPE = "Content-Type: application/json\r\n";
  for (const [what, lines, rest] of [
    ["two lengths", `${JSON_TYPE}Content-Length: 2\r\nContent-Length: 40\r\n`, "{}"],
    ["a length and chunks", `${JSON_TYPE}Content-Length: 40\r\nTransfer-Encoding: chunked\r\n`, "2\r\n{}\r\n0\r\n\r\n"],
    ["a space before the colon", `${JSON_TYPE}Content-Length : 40\r\n`, ""],
    ["a name that is none", `${JSON_TYPE}Content(Length): 2\r\n`, ""],
    ["a coding that nobody knows", `${JSON_TYPE}Transfer-Encoding: gzip\r\n`, "{}"],
    ["chunks inside another coding", `${JSON_TYPE}Transfer-Encoding: chunked, gzip\r\n`, "2\r\n{}\r\n0\r\n\r\n"],
    ["an empty coding", `${JSON_TYPE}Transfer-Encoding:\r\n`, "{}"],
    ["two hosts", "Host: other.example\r\nContent-Length: 0\r\n", ""]]) {
    test(`${what}: refused, and nothing that follows on the connection is answered`, async () => {
      const client = await dial(world.url);
      client.say(`${head(world, lines)}\r\n${rest}GET /version HTTP/1.1\r\nHost: ${new URL(world.url).host}\r\n\r\n`);
      assertProblem(await client.answer(), 400, "invalid_request");
      assert.equal(await client.answer(), null);
    });
  }

  test("chunks in HTTP/1.0: refused", async () => {
    const client = await dial(world.url);
    client.say(head(world, `${JSON_TYPE}Transfer-Encoding: chunked\r\n`).replace("HTTP/1.1", "HTTP/1.0") + "\r\n2\r\n{}\r\n0\r\n\r\n");
    assertProblem(await client.answer(), 400, "invalid_request");
    assert.equal(await client.answer(), null);
  });
});
