// Holds answers of the service against its OpenAPI document. The harness does so with every answer that a
// system test gets; contract.test.mjs also looks whether all of the document was seen.
//
//   const contract = await loadContract(BINARY);
//   contract.check(method, path, answer);      // throws when the document does not allow this answer
//   contract.missing();                        // what no answer has shown yet
//
// Clients must take fields, types of events and codes that they do not know (the document says so). Here none
// may be unknown: objects are closed, and x-extensible-enum is the whole list. What is not described fails.

import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import Ajv2020 from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

const METHODS = ["get", "put", "post", "delete", "patch"];
// Of every reply, whoever gives it; the rest must be described.
const TRANSPORT = ["date", "connection", "keep-alive", "content-length", "content-type", "transfer-encoding", "vary",
  "cache-control", "x-content-type-options", "strict-transport-security", "access-control-allow-origin",
  "access-control-expose-headers", "x-request-id"];
// Said before it is known which operation is meant, or of a path with no operation.
const BEFORE_ROUTING = ["not_found", "method_not_allowed", "misdirected_request", "invalid_request", "rate_limited",
  "request_timeout", "uri_too_long", "headers_too_large", "body_too_large"];

/** The document as strictly as the program is meant to keep it. */
function closed(node) {
  if (Array.isArray(node)) return node.map(closed);
  if (node === null || typeof node !== "object") return node;
  const copy = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, closed(value)]));
  const isObject = copy.type === "object" || copy.type?.includes?.("object");
  if (isObject && copy.properties && copy.additionalProperties === undefined) copy.additionalProperties = false;
  if (copy["x-extensible-enum"]) copy.enum = copy["x-extensible-enum"];
  return copy;
}

const escaped = (part) => part.replaceAll("~", "~0").replaceAll("/", "~1");
const pathPattern = (path) => new RegExp(`^${path.replace(/[.]/g, "\\.").replace(/\{\w+\*\}/g, ".+")
  .replace(/\{\w+\}/g, "[^/]+")}$`);

export class Contract {
  #ajv;
  #compiled = new Map();
  seen = new Set(); // "GET /path 200", and fields: "#/components/schemas/X/properties/y value"

  constructor(document) {
    this.document = document;
    this.closed = closed(document);
    this.operations = Object.entries(document.paths).flatMap(([path, item]) =>
      METHODS.filter((method) => item[method]).map((method) => ({
        name: `${method.toUpperCase()} ${path}`, method: method.toUpperCase(), path, pattern: pathPattern(path),
        pointer: `#/paths/${escaped(path)}/${method}`, item, ...this.closed.paths[path][method] })));
    this.outside = document["x-outside-the-contract"].map((name) => name.split(" "))
      .map(([method, path]) => ({ method, pattern: pathPattern(path) }));
    this.#ajv = new Ajv2020({ strict: false, allErrors: true, validateSchema: false });
    addFormats.default(this.#ajv);
    this.#ajv.addSchema({ $id: "contract", components: this.closed.components, paths: this.closed.paths });
  }

  /** A function that tells whether a value fits what the pointer leads to; .errors then. */
  validator(pointer) {
    if (!this.#compiled.has(pointer)) this.#compiled.set(pointer, this.#ajv.compile({ $ref: `contract${pointer}` }));
    return this.#compiled.get(pointer);
  }

  /** Does the value fit a schema that is given itself? */
  fits(schema, value) {
    if (!this.#compiled.has(schema)) this.#compiled.set(schema, this.#ajv.compile(schema));
    return this.#compiled.get(schema)(value);
  }

  /** {at, value} of a pointer, references followed. */
  resolve(pointer) {
    let at = this.closed;
    for (const part of pointer.slice(2).split("/")) at = at[part.replaceAll("~1", "/").replaceAll("~0", "~")];
    return at?.$ref ? this.resolve(at.$ref) : { pointer, value: at };
  }

  find(method, path) {
    const wanted = method === "HEAD" ? "GET" : method;
    const bare = path.split("?")[0];
    const fitting = this.operations.filter(({ pattern }) => pattern.test(bare));
    return { operation: fitting.find((operation) => operation.method === wanted),
      isPath: fitting.length > 0,
      isOutside: this.outside.some((page) => page.pattern.test(bare)) };
  }

  /** Throws when the document does not allow this answer. */
  check(method, path, answer) {
    const { operation, isPath, isOutside } = this.find(method, path);
    if (isOutside && !operation) return;
    const problems = [];
    const tell = (text) => problems.push(text);
    if (!operation) this.#checkGeneral(method, isPath, answer, tell);
    else this.#checkOperation(operation, method, answer, tell);
    if (problems.length) {
      throw new Error(`${method} ${path} was answered against the contract:\n  ${problems.join("\n  ")}\n` +
        `${answer.status} ${JSON.stringify(answer.headers)}\n${answer.text.slice(0, 2000)}`);
    }
  }

  #checkGeneral(method, isPath, answer, tell) {
    if (method === "OPTIONS" && answer.status === 204) {
      if (!answer.headers.allow?.includes("OPTIONS")) tell("Allow is missing");
      return;
    }
    if (method === "HEAD") return;
    const validate = this.validator("#/components/schemas/Problem");
    if (answer.headers["content-type"] !== "application/problem+json") tell("no problem document");
    else if (!validate(answer.body)) tell(this.#ajv.errorsText(validate.errors, { dataVar: "body" }));
    else if (!BEFORE_ROUTING.includes(answer.body.code)) tell(`${answer.body.code} is not for a path without an operation`);
    else if (answer.status === 405 && !(isPath && answer.headers.allow)) tell("405 without a path, or without Allow");
  }

  #checkOperation(operation, method, answer, tell) {
    if (["request_timeout", "uri_too_long", "headers_too_large"].includes(answer.body?.code)) return;
    const response = operation.responses[answer.status];
    if (!response) return void tell(`the status ${answer.status} is not described`);
    const { pointer, value } = this.resolve(`${operation.pointer}/responses/${answer.status}`);
    this.#checkHeaders(value.headers ?? {}, answer.headers, tell);
    this.seen.add(`${operation.name} ${answer.status}`);
    if (method === "HEAD" || !value.content) {
      if (answer.text !== "") tell("there is a body, and none is described");
      return;
    }
    const type = answer.headers["content-type"]?.split(";")[0];
    if (!value.content[type]) return void tell(`the type ${type} is not described`);
    if (answer.body?.code) this.seen.add(`${operation.name} ${answer.status} ${answer.body.code}`);
    const schema = `${pointer}/content/${escaped(type)}/schema`;
    if (type.endsWith("json")) this.#checkValue(schema, answer.body, tell);
    else if (type === "text/event-stream") this.#checkStream(answer.text, tell);
  }

  #checkValue(pointer, body, tell) {
    const validate = this.validator(pointer);
    if (!validate(body)) tell(this.#ajv.errorsText(validate.errors, { dataVar: "body", separator: "\n  " }));
    else this.#mark(pointer, body);
  }

  /** Server-sent events: each has a number, its type and the event of the JSON page. */
  #checkStream(text, tell) {
    for (const block of text.split("\n\n")) {
      const field = (name) => block.split("\n").find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      if (!field("data") || field("event") === "end") continue;
      this.#checkValue("#/components/schemas/Event", JSON.parse(field("data")), tell);
    }
  }

  #checkHeaders(described, given, tell) {
    const known = new Set(TRANSPORT);
    for (const name of Object.keys(described)) {
      const header = this.resolve(described[name].$ref ?? "#/none").value ?? described[name];
      const text = given[name.toLowerCase()];
      known.add(name.toLowerCase());
      if (text === undefined) {
        if (header.required) tell(`the header ${name} is missing`);
        continue;
      }
      const value = header.schema.type === "integer" ? Number(text) : text;
      const validate = this.validator(described[name].$ref ? `${described[name].$ref}/schema` : "");
      if (!validate(value)) tell(`${name}: ${this.#ajv.errorsText(validate.errors, { dataVar: text })}`);
    }
    for (const name of Object.keys(given)) if (!known.has(name)) tell(`the header ${name} is not described`);
  }

  // ---- which fields were seen ----

  /** The fields of a schema, each once as null and once as a value where both are possible. */
  fields(pointer, into = new Set()) {
    this.#walk(pointer, undefined, (name) => into.has(name) || !into.add(name));
    return into;
  }

  #mark(pointer, value) {
    this.#walk(pointer, value, (name) => { this.seen.add(name); return false; });
  }

  /** Goes through schema and value together; through the schema alone when there is no value. visit() says whether
   *  it has been here already. */
  #walk(start, value, visit) {
    const { pointer, value: schema } = this.resolve(start);
    const isOpen = value === undefined;
    (schema.allOf ?? []).forEach((part, i) => {
      const at = `${pointer}/allOf/${i}`;
      if (!part.if) this.#walk(at, value, visit);
      else if (isOpen || this.validator(`${at}/if`)(value)) this.#walk(`${at}/then`, value, visit);
    });
    (schema.oneOf ?? []).forEach((part, i) => {
      if (part.type === "null") return;
      if (isOpen || value !== null) this.#walk(`${pointer}/oneOf/${i}`, value, visit);
    });
    if (value === null) return;
    for (const name of Object.keys(schema.properties ?? {})) {
      if (!isOpen && !(name in value)) continue;
      this.#property(`${pointer}/properties/${escaped(name)}`, isOpen ? undefined : value[name], visit);
    }
    if (schema.items && isOpen) this.#walk(`${pointer}/items`, undefined, visit);
    else if (schema.items) for (const item of value) this.#walk(`${pointer}/items`, item, visit);
  }

  #property(pointer, value, visit) {
    const { value: schema } = this.resolve(pointer);
    const canBeNull = schema.type?.includes?.("null") || schema.oneOf?.some(({ type }) => type === "null");
    let been = false;
    if (value !== null) been = visit(canBeNull ? `${pointer} (a value)` : pointer);
    if (canBeNull && !(value !== undefined && value !== null)) visit(`${pointer} (null)`);
    if (!been) this.#walk(pointer, value, visit);
  }

  /** What the document has and no answer has shown: "GET /path 200", "GET /path 409 code", fields. */
  missing() {
    const wanted = new Set();
    for (const operation of this.operations) {
      for (const status of Object.keys(operation.responses)) {
        const { pointer, value } = this.resolve(`${operation.pointer}/responses/${status}`);
        wanted.add(`${operation.name} ${status}`);
        for (const type of Object.keys(value.content ?? {})) {
          const schema = `${pointer}/content/${escaped(type)}/schema`;
          for (const code of this.resolve(schema).value.allOf?.[1]?.properties.code.enum ?? [])
            wanted.add(`${operation.name} ${status} ${code}`);
          this.fields(schema, wanted);
        }
      }
    }
    return [...wanted].filter((name) => !this.seen.has(name)).sort();
  }
}

let loaded;

/** The document that was built beside this program. One for the whole process. */
export async function loadContract(binary) {
  loaded ??= readFile(join(dirname(binary), "openapi.json"), "utf8").then((text) => new Contract(JSON.parse(text)));
  return loaded;
}
