// Request messages as tables: which fields exist, their types, and ScaleKit's rules about them.
// Both spellings of a name are accepted (snake_case, lowerCamelCase), anything unknown is refused,
// null is the same as absent.

import { invalidFields } from "./errors.mjs";

const NAME = /^[a-zA-Z0-9_: -]*$/;

export const string = (rules = {}) => ({ kind: "string", ...rules });
export const uint = (rules = {}) => ({ kind: "uint", ...rules });
export const flag = (rules = {}) => ({ kind: "bool", ...rules });
export const struct = (rules = {}) => ({ kind: "struct", ...rules });
export const list = (item, rules = {}) => ({ kind: "list", item, ...rules });
export const message = (fields, rules = {}) => ({ kind: "message", fields, ...rules });

export const ORGANIZATION = { organization_id: string({ max: 32 }), user_id: string({ max: 32 }) };
export const CONNECTOR = string({ max: 400, pattern: NAME });
export const CONNECTION_NAME = string({ min: 1, max: 400, pattern: NAME });
export const IDENTIFIER = string({ max: 100 });
export const ACCOUNT_ID = string({ max: 32, prefix: "ca_" });

const camel = (name) => name.replace(/_([a-z0-9])/g, (_, c) => c.toUpperCase());
const spellings = new WeakMap();

function byName(fields) {
  let names = spellings.get(fields);
  if (!names) {
    names = new Map();
    for (const name of Object.keys(fields)) {
      names.set(name, name);
      names.set(name.split(".").map(camel).join("."), name);
    }
    spellings.set(fields, names);
  }
  return names;
}

/** Checks a parsed JSON body; returns its fields by their snake_case names. */
export function readBody(fields, body) {
  const violations = [];
  const read = readMessage(fields, body, "", violations);
  if (violations.length) throw invalidFields(violations);
  return read;
}

function readMessage(fields, given, path, violations) {
  const read = {};
  const wrong = (field, description, constraint) =>
    violations.push({ field: path + field, description, constraint });
  if (given === null || typeof given !== "object" || Array.isArray(given)) {
    wrong(path ? "" : "body", "must be a JSON object", "type");
    return read;
  }
  const names = byName(fields);
  for (const [key, value] of Object.entries(given)) {
    const name = names.get(key);
    if (name === undefined) wrong(key, `unknown field "${key}"`, "unknown_field");
    else if (name in read) wrong(key, "given twice", "duplicate");
    else if (value !== null) read[name] = readValue(fields[name], value, path + name, violations);
  }
  for (const [name, rule] of Object.entries(fields)) {
    if (rule.required && (read[name] === undefined || read[name] === "")) {
      wrong(name, "value is required", "required");
    }
  }
  return read;
}

function readValue(rule, value, field, violations) {
  const wrong = (description, constraint) => violations.push({ field, description, constraint });
  switch (rule.kind) {
  case "string":
    if (typeof value !== "string") wrong("must be a string", "type");
    else checkString(rule, value, wrong);
    return value;
  case "uint":
    if (!(Number.isInteger(value) && value >= 0 && value <= 0xffffffff)) {
      wrong("must be a uint32", "type");
    }
    checkNumber(rule, value, wrong);
    return value;
  case "bool":
    if (typeof value !== "boolean") wrong("must be a boolean", "type");
    return value;
  case "struct":
    if (typeof value !== "object" || Array.isArray(value)) wrong("must be a JSON object", "type");
    return value;
  case "list":
    if (!Array.isArray(value)) {
      wrong("must be an array", "type");
      return [];
    }
    if (value.length > (rule.max_items ?? Infinity)) {
      wrong(`at most ${rule.max_items} items`, "max_items");
    }
    return value.map((item, i) => readValue(rule.item, item, `${field}[${i}]`, violations));
  default:
    return readMessage(rule.fields, value, `${field}.`, violations);
  }
}

function checkString(rule, value, wrong) {
  const length = [...value].length;
  if (length > (rule.max ?? Infinity)) wrong(`at most ${rule.max} characters`, "max_len");
  if (length < (rule.min ?? 0)) wrong(`at least ${rule.min} characters`, "min_len");
  const { prefix, pattern } = rule;
  if (prefix && !value.startsWith(prefix)) wrong(`must begin with ${prefix}`, "prefix");
  if (pattern && !pattern.test(value)) wrong(`must match ${pattern.source}`, "pattern");
}

function checkNumber(rule, value, wrong) {
  if (rule.lt !== undefined && value >= rule.lt) wrong(`must be less than ${rule.lt}`, "lt");
  if (rule.lte !== undefined && value > rule.lte) wrong(`must be at most ${rule.lte}`, "lte");
}

/** Checks query parameters; nested messages are written with dots, lists by repetition. */
export function readQuery(fields, query) {
  const violations = [];
  const read = {};
  const names = byName(fields);
  for (const [key, text] of query) {
    const name = names.get(key);
    const wrong = (description, constraint) =>
      violations.push({ field: key, description, constraint });
    if (name === undefined) {
      wrong(`unknown query parameter "${key}"`, "unknown_field");
      continue;
    }
    const rule = fields[name];
    const one = rule.kind === "list" ? rule.item : rule;
    const value = fromText(one, text);
    if (value === undefined) {
      wrong(`not a ${one.kind}`, "type");
    } else if (rule.kind === "list") {
      (read[name] ??= []).push(value);
      readValue(one, value, key, violations);
      if (read[name].length > (rule.max_items ?? Infinity)) wrong("too many values", "max_items");
    } else if (name in read) {
      wrong("given twice", "duplicate");
    } else {
      read[name] = readValue(one, value, key, violations);
    }
  }
  for (const [name, rule] of Object.entries(fields)) {
    if (rule.required && !read[name]) {
      violations.push({ field: name, description: "value is required", constraint: "required" });
    }
  }
  if (violations.length) throw invalidFields(violations);
  return read;
}

function fromText(rule, text) {
  if (rule.kind === "uint") return /^\d{1,10}$/.test(text) ? Number(text) : undefined;
  if (rule.kind === "bool") return { true: true, false: false }[text];
  return text;
}
