// Requests with something wrong in them, made from the OpenAPI document: each field of the body, each parameter of
// the path and the query, each header is replaced by what it must not be, or may only just be.
//
//   for (const mutation of mutationsOf(operation, contract)) …
//   { name, at, method, path, raw?, headers, isWrong }
//
// `at` is how the service would call the place: a JSON pointer, "?name" or a header's name. `isWrong` says whether the
// document forbids it; null: it says nothing of such a thing. The same every time: nothing is left to chance, except in
// combined(), which has a seed.

import { bodyOf, examplesOf, pathOf } from "./contract_walk.mjs";

const JSON_TYPE = { "content-type": "application/json" };
const DEEP = (depth) => `${"[".repeat(depth)}${"]".repeat(depth)}`;
const ANYTHING = [null, true, 0, -1, 1.5, 9007199254740993, 1e308, "", "x", "é😀\u2028", "a\u0000b", "\u001b[31m", "../..",
  "'; DROP TABLE runs; --", [], [null], {}, { "": {} }, "x".repeat(300), "x".repeat(5000), Array.from({ length: 300 }, () => 1)];
const TEXTS = ["", "x", "0", "-1", "1.5", "99999999999999999999", "+1", " 1", "0x10", "true", "null", "é😀", "x".repeat(300), "%", "[]"];
const RAW_QUERY = ["%00", "%ff%fe", "%", "%zz", "a%0d%0ab", "%F0%9F%98%80"];

/** Values around the limits of a schema. */
function limitsOf(schema) {
  const values = [];
  if (schema.maxLength !== undefined) values.push("x".repeat(schema.maxLength), "x".repeat(schema.maxLength + 1), "é".repeat(schema.maxLength));
  if (schema.minimum !== undefined) values.push(schema.minimum, schema.minimum - 1);
  if (schema.maximum !== undefined) values.push(schema.maximum, schema.maximum + 1);
  if (schema.maxItems !== undefined) values.push(Array.from({ length: schema.maxItems + 1 }, (_, i) => `x${i}`));
  if (schema.maxProperties !== undefined)
    values.push(Object.fromEntries(Array.from({ length: schema.maxProperties + 1 }, (_, i) => [`k${i}`, "x"])));
  for (const word of schema.enum ?? []) values.push(word, `${word}x`, String(word).toUpperCase());
  return values;
}

const escaped = (name) => name.replaceAll("~", "~0").replaceAll("/", "~1");
const copy = (value) => JSON.parse(JSON.stringify(value));

/** The members of a value that the schema describes, as lists of names. */
function* places(contract, schema, value, path = []) {
  const known = schema?.$ref ? contract.resolve(schema.$ref).value : schema;
  yield { path, schema: known };
  if (value === null || typeof value !== "object") return;
  const names = Array.isArray(value) ? value.map((_, i) => String(i)) : Object.keys({ ...known.properties, ...value });
  for (const name of names) {
    const inner = Array.isArray(value) ? known.items : known.properties?.[name] ?? known.additionalProperties;
    if (inner && inner !== true) yield* places(contract, inner, value[name], [...path, name]);
  }
}

/** The body with another value at this place; undefined removes it. */
function changed(body, path, value) {
  if (path.length === 0) return value;
  const whole = copy(body);
  let at = whole;
  for (const name of path.slice(0, -1)) at = at[name] ??= {};
  if (value === undefined) delete at[path.at(-1)];
  else at[path.at(-1)] = value;
  return whole;
}

export const pointerOf = (path) => path.map((name) => `/${escaped(name)}`).join("");

function* bodies(operation, contract) {
  const content = operation.requestBody?.content["application/json"];
  if (!content) return;
  const schema = content.schema.$ref ?? `${operation.pointer}/requestBody/content/application~1json/schema`;
  const fits = contract.validator(schema);
  const base = Object.values(examplesOf(operation)).at(-1) ?? {};
  const values = (place) => [...ANYTHING, ...limitsOf(place.schema), ...(place.path.length ? [undefined] : [])];
  for (const place of places(contract, contract.resolve(schema).value, base)) {
    for (const value of values(place)) {
      const body = changed(base, place.path, value);
      // Which one of a list is the wrong one may be a matter of opinion: the second of two that are the same.
      const named = /^\d+$/.test(place.path.at(-1)) ? place.path.slice(0, -1) : place.path;
      yield { at: pointerOf(named), raw: JSON.stringify(body) ?? "", isWrong: !fits(body),
        name: `${pointerOf(place.path) || "the body"} = ${(JSON.stringify(value) ?? "nothing").slice(0, 40)}` };
    }
    if (place.schema.type === "object" && place.schema.properties) {
      for (const name of ["unknown", "a/b~c", "é", "__proto__", "x".repeat(90)]) {
        const body = changed(base, [...place.path, name], 1);
        yield { at: pointerOf([...place.path, name]), raw: JSON.stringify(body), isWrong: !fits(body), name: `${place.path} and ${name}` };
      }
    }
  }
  yield* brokenBodies(base);
}

/** Bodies that are no JSON, or not the JSON that they seem to be. */
function* brokenBodies(base) {
  const text = JSON.stringify(base);
  const first = Object.keys(base)[0] ?? "x";
  const broken = { nothing: "", "white space": "  ", "half of it": text.slice(0, text.length / 2), "twice": text + text,
    "a byte order mark": `\ufeff${text}`, "a NUL byte": `${text.slice(0, -1)}\0}`, "a comment": `/* */${text}`,
    "nested deeply": DEEP(5000), "a member nested deeply": `{${JSON.stringify(first)}:${DEEP(70)}}`,
    "a member twice": `{${JSON.stringify(first)}:1,${JSON.stringify(first)}:2}`, "single quotes": text.replaceAll("\"", "'"),
    "a lone surrogate": `{${JSON.stringify(first)}:"\\ud800"}`, "a number too long": `{${JSON.stringify(first)}:${"9".repeat(400)}}`,
    "too much": `{${JSON.stringify(first)}:"${"x".repeat(70_000)}"}` };
  for (const [name, raw] of Object.entries(broken)) yield { at: "", name, raw, isWrong: null };
  const bytes = Buffer.from(`{${JSON.stringify(first)}:"?"}`);
  bytes[bytes.indexOf("?")] = 0xff;
  yield { at: "", name: "bytes that are no UTF-8", raw: bytes, isWrong: null };
}

/** A parameter's text as the value that its schema speaks of. */
function typed(schema, text) {
  return schema.type === "integer" && /^-?\d{1,15}$/.test(text) ? Number(text) : text;
}

function* queries(operation, contract) {
  for (const { name, schema: raw, in: place } of operation.parameters) {
    if (place !== "query") continue;
    const schema = raw.$ref ? contract.resolve(raw.$ref).value : raw;
    const texts = [...TEXTS, ...limitsOf(schema).filter((value) => typeof value !== "object").map(String)];
    for (const text of texts) {
      const isWrong = !contract.fits(schema, typed(schema, text));
      yield { at: `?${name}`, name: `?${name}=${text.slice(0, 40)}`, query: `${name}=${encodeURIComponent(text)}`, isWrong };
    }
    for (const text of RAW_QUERY) yield { at: `?${name}`, name: `?${name}=${text}`, query: `${name}=${text}`, isWrong: null };
    yield { at: `?${name}`, name: `?${name} twice`, query: `${name}=1&${name}=1`, isWrong: true };
    yield { at: `?${name}`, name: `?${name} of 9000 characters`, query: `${name}=${"1".repeat(9000)}`, isWrong: null };
  }
  const strange = ["unknown=1", "=", "&&&", "%", "a".repeat(500), "[]=1", Array.from({ length: 40 }, (_, i) => `a${i}=1`).join("&")];
  for (const query of strange) yield { at: "?", name: `?${query.slice(0, 40)}`, query, isWrong: null };
}

function* paths(operation) {
  for (const { name, in: place } of operation.parameters) {
    if (place !== "path") continue;
    const values = [...RAW_QUERY, "x", "%20", "..", "%2e%2e", "%2f", ".", "é", "x".repeat(101), "x".repeat(201), "x".repeat(1100),
      "br_00000000000000000000000000", "br_Z", "%25", "a%00b", "'"];
    for (const value of values) yield { at: name, name: `{${name}} = ${value.slice(0, 40)}`, segment: { name, value }, isWrong: null };
  }
}

function* headersOf(operation, contract) {
  const latin1 = (text) => Buffer.from(text).toString("latin1");
  for (const { name, schema, in: place } of operation.parameters) {
    if (place !== "header") continue;
    for (const text of [...TEXTS.map(latin1), "\t", "\"", "\"\"", "\"x", "*", "W/\"1\"", "\"1\", \"2\"", "x".repeat(256), "x".repeat(8000), "\x80\xff"]) {
      const isKey = name === "Idempotency-Key";
      yield { at: name, name: `${name}: ${text.slice(0, 40)}`, headers: { [name]: text },
        isWrong: isKey ? text.trim() !== "" && !contract.fits(schema, text.trim()) : null };
    }
  }
  for (const headers of [{ accept: "nonsense" }, { "content-type": "x".repeat(500) }, { authorization: "Bearer" },
    { authorization: `Bearer ${"x".repeat(5000)}` }, { authorization: "Basic eDp5" }, { "x-request-id": "x\t y" }, { traceparent: "00-" },
    { host: "" }, { host: "x".repeat(300) }, { cookie: "=;;=a; b" }, { expect: "nothing" }, { "content-encoding": "gzip" }, { prefer: "wait=" }])
    yield { at: "", name: JSON.stringify(headers).slice(0, 60), headers, isWrong: null };
}

/** Every mutation of an operation; each changes one thing. */
export function* mutationsOf(operation, contract, ids) {
  const good = { method: operation.method, path: pathOf(operation, ids), headers: {},
    raw: operation.requestBody ? JSON.stringify(bodyOf(operation)) : undefined };
  const request = (mutation) => {
    const path = mutation.segment ? mutation.segment && pathWith(operation, ids, mutation.segment) : good.path;
    const raw = mutation.raw ?? good.raw;
    return { ...good, ...mutation, raw, path: mutation.query ? `${path}?${mutation.query}` : path,
      headers: { ...(raw !== undefined ? JSON_TYPE : {}), ...mutation.headers } };
  };
  for (const make of [bodies, queries, paths, headersOf])
    for (const mutation of make(operation, contract)) yield request(mutation);
}

function pathWith(operation, ids, { name, value }) {
  const kind = name === "id" ? { briefings: "briefing", "webhook-endpoints": "endpoint", deliveries: "delivery" }[operation.path.split("/")[1]] : name;
  const marked = pathOf(operation, { ...ids, [kind]: "MARK" });
  return marked.replace("MARK", value);
}

/** Mulberry32: numbers from 0 to 1, the same for the same seed. */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** `n` requests of an operation with several things wrong at once. */
export function* combined(operation, contract, ids, n, seed) {
  const all = [...mutationsOf(operation, contract, ids)];
  const next = random(seed);
  const pick = () => all[Math.floor(next() * all.length)];
  for (let i = 0; i < n; i++) {
    const [a, b, c] = [pick(), pick(), pick()];
    yield { ...a, name: `${a.name} · ${b.name} · ${c.name}`, raw: b.raw, headers: { ...a.headers, ...c.headers }, isWrong: null };
  }
}
