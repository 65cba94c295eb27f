// Bad input, made from the OpenAPI document (mutations.mjs): never a 500, never a hang, always what the document
// describes (the harness looks), and whatever the document forbids is refused by its name.
//
// BRIEFD_TEST_LONG=1 adds thousands of requests with several things wrong; BRIEFD_MUTATION_SEED=N other ones.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { loadContract } from "./contract.mjs";
import { NOWHERE, operationsOf } from "./contract_walk.mjs";
import { BINARY, startWorld } from "./harness.mjs";
import { combined, mutationsOf } from "./mutations.mjs";

const contract = await loadContract(BINARY);
const operations = operationsOf(contract);
const SEED = Number(process.env.BRIEFD_MUTATION_SEED ?? 1);
const COMBINED = process.env.BRIEFD_TEST_LONG ? 400 : 10;
const AT_ONCE = 8;

let world, admin, ids;
before(async () => {
  world = await startWorld({ env: { SCALEKIT_WEBHOOK_SECRET: `whsec_${Buffer.alloc(24, 7).toString("base64")}`,
    BRIEFD_WEBHOOK_ALLOW: "127.0.0.1" } });
  admin = await world.newKey("admin", "mutation");
  const { id: briefing } = await world.accepted(world.user()); // nobody connected it: it stays blocked
  ids = { ...NOWHERE, briefing, user: world.user() };
});
after(() => world?.close());

const isSame = (a, b) => a === b || a.startsWith(`${b}/`) || b.startsWith(`${a}/`);

async function send({ method, path, raw, headers, name, at, isWrong }) {
  const options = { key: admin, headers, ...(raw !== undefined && { raw }) };
  if ("authorization" in headers || "host" in headers) options.key = null;
  // What waits for a change is not mutated to do so for a minute.
  const quick = path.replace(/([?&]wait=)([1-9]\d*)(?=&|$)/, (_, key, n) => (n <= 60 ? `${key}0` : `${key}${n}`));
  const answer = await world.request(method, quick, options).catch((error) => {
    // A head that is no HTTP at all is answered by closing the connection; anything else has an answer.
    if (/ECONNRESET|EPIPE|socket hang up|Invalid (header|character)/.test(`${error.code} ${error.message}`)) return null;
    throw new Error(`${method} ${path}, ${name}: ${error.message}`);
  });
  if (!answer) return;
  const story = () => `${method} ${path.slice(0, 200)}, ${name}: ${answer.status} ${answer.text.slice(0, 600)}`;
  assert.ok(answer.status < 500, story());
  if (answer.status >= 400 && method !== "HEAD" && answer.headers["content-type"] !== "text/html")
    assert.equal(answer.headers["content-type"], "application/problem+json", story());
  if (isWrong !== true) return;
  assert.ok(answer.status >= 400, `accepted, although the document forbids it: ${story()}`);
  if (answer.body.code !== "invalid_request") return;
  const pointers = answer.body.errors.map(({ pointer }) => pointer);
  assert.ok(pointers.some((pointer) => isSame(pointer, at)), `not called by its name (${at}): ${story()}`);
}

/** All of them, a few at a time; every problem is told. */
async function sendAll(mutations) {
  const problems = [];
  let n = 0;
  const worker = async () => {
    for (let next = mutations.next(); !next.done; next = mutations.next()) {
      n++;
      await send(next.value).catch((error) => problems.push(error.message));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  assert.deepEqual(problems.slice(0, 20), [], `${problems.length} of ${n}`);
  assert.ok(n > 5);
}

for (const operation of operations) {
  test(`${operation.name}: each thing wrong alone`, () => sendAll(mutationsOf(operation, contract, ids)));
}

test("several things wrong at once", async () => {
  for (const [i, operation] of operations.entries())
    await sendAll(combined(operation, contract, ids, COMBINED, SEED + i));
});

test("afterwards the service is well", async () => {
  assert.equal((await world.request("GET", "/readyz")).status, 200);
  const bad = world.logs().filter(({ event, level }) => level === "error" || event === "request_failed");
  assert.deepEqual(bad, []);
});
