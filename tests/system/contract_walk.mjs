// For tests that walk the OpenAPI document: requests for each of its operations, and the ways in which every
// operation of a kind refuses. All of it goes through world.request, which holds the answer against the document.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";

const EVERY_SCOPE = ["briefings:read", "briefings:write", "connections:read", "connections:write"];

/** Ids that look right and lead to nothing. */
export const NOWHERE = { briefing: "br_00000000000000000000000000", endpoint: "we_00000000000000000000000000",
  delivery: "wd_00000000000000000000000000", user: "nobody", connector: "slack", name: "editorial-briefing" };

/** The path of an operation with these ids in it. */
export function pathOf(operation, ids) {
  const kind = { briefings: "briefing", "webhook-endpoints": "endpoint", deliveries: "delivery" };
  return operation.path.replace(/\{(\w+)\}/g, (_, name) =>
    encodeURIComponent(ids[name === "id" ? kind[operation.path.split("/")[1]] : name]));
}

/** The bodies that the document gives as examples, by name. Addresses lead to this machine: nothing leaves it. */
export function examplesOf(operation) {
  const examples = Object.entries(operation.requestBody?.content["application/json"].examples ?? {});
  return Object.fromEntries(examples.map(([name, { value }]) =>
    [name, JSON.parse(JSON.stringify(value).replaceAll("https://hooks.example.com", "http://127.0.0.1:65009"))]));
}

/** A request's body as the document gives an example of it; undefined when there is none. */
export function bodyOf(operation) {
  return operation.requestBody && (Object.values(examplesOf(operation))[0] ?? {});
}

export const has = (operation, code) => Object.values(operation.codes).flat().includes(code);
export const isKeyed = ({ security }) => security.length > 0;
export const isForBrowsers = ({ security }) => security.some((way) => "session" in way);

/** The operations, each with the codes that it can answer: {"404": ["not_found"]}. */
export function operationsOf(contract) {
  return contract.operations.map((operation) => {
    const codes = {};
    for (const status of Object.keys(operation.responses)) {
      const { value } = contract.resolve(`${operation.pointer}/responses/${status}`);
      const schema = value.content?.["application/problem+json"]?.schema;
      if (schema) codes[status] = schema.allOf[1].properties.code.enum;
    }
    const parameters = [...(operation.item.parameters ?? []), ...(operation.parameters ?? [])]
      .map((parameter) => (parameter.$ref ? contract.resolve(parameter.$ref).value : parameter));
    return { ...operation, codes, parameters };
  });
}

/** A scope that is none of those that open this operation. */
function otherScope({ security }) {
  const good = security.flatMap((way) => way.apiKey ?? []);
  return EVERY_SCOPE.find((scope) => !good.includes(scope));
}

const keys = new Map();
async function keyWith(world, scope) {
  if (!keys.has(scope)) keys.set(scope, await world.newKey(scope, `only ${scope}`.replace(/\W/g, "-")));
  return keys.get(scope);
}

export function assertCode(answer, status, code) {
  assert.deepEqual([answer.status, answer.body?.code], [status, code], `${answer.text}`);
}

/** What every operation of its kind refuses, whoever asks for what. */
export async function refusals(world, operation, key) {
  const path = pathOf(operation, NOWHERE);
  const body = bodyOf(operation);
  const ask = (options) => world.request(operation.method, path, { body, key, ...options });
  if (has(operation, "misdirected_request"))
    assertCode(await ask({ headers: { host: "evil.example" } }), 421, "misdirected_request");
  if (isKeyed(operation)) {
    assertCode(await ask({ key: null }), 401, "unauthenticated");
    assertCode(await ask({ key: "bk_unknown" }), 401, "unauthenticated");
    assertCode(await ask({ key: await keyWith(world, otherScope(operation)) }), 403, "insufficient_scope");
  }
  if (has(operation, "body_too_large"))
    assertCode(await ask({ body: undefined, raw: "", headers: { "content-length": "10000000" } }), 413, "body_too_large");
  if (operation.requestBody && isKeyed(operation)) {
    assertCode(await ask({ body: undefined, raw: "x", headers: { "content-type": "text/plain" } }), 415,
      "unsupported_media_type");
  }
  if (has(operation, "invalid_json") && operation.requestBody && isKeyed(operation)) {
    const known = pathOf(operation, { ...NOWHERE, user: "somebody" });
    assertCode(await world.request(operation.method, known, { key, raw: "{", headers: { "content-type": "application/json" } }),
      400, "invalid_json");
  }
}

export const SECRET = `whsec_${Buffer.alloc(24, 7).toString("base64")}`;

/** A webhook as ScaleKit signs it. */
export const signed = (raw) => {
  const at = String(Math.floor(Date.now() / 1000));
  const id = `msg_${raw.length}`;
  const sum = createHmac("sha256", Buffer.alloc(24, 7)).update(`${id}.${at}.${raw}`).digest("base64");
  return { key: null, raw, headers: { "content-type": "application/json", "webhook-id": id, "webhook-timestamp": at,
    "webhook-signature": `v1,${sum}` } };
};
