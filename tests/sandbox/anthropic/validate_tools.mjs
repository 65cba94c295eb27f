// Tool definitions: names, known fields, and input schemas as JSON Schema draft 2020-12.

import { invalid } from "./errors.mjs";
import { array, boolean, fields, isObject, matching, objectWith, oneOf, string } from "./shape.mjs";

const PROPERTY_KEY = /^[a-zA-Z0-9_.-]{1,64}$/;
const MAX_DEPTH = 60;
const MAX_STRICT = 20;

const CUSTOM = {
  name: matching(/^[a-zA-Z0-9_-]{1,64}$/),
  input_schema: checkInputSchema,
  "description?": string,
  "type?": oneOf("custom"),
  "strict?": boolean,
  "cache_control?": objectWith({ type: oneOf("ephemeral"), "ttl?": oneOf("5m", "1h") }),
  "input_examples?": array,
  "defer_loading?": boolean,
  "allowed_callers?": array,
  "eager_input_streaming?": boolean,
};

const SERVER_TOOL = /^(web_search|web_fetch|code_execution|bash|text_editor|tool_search_tool_(regex|bm25)|memory|computer)_\d{8}$/;

export function checkTools(tools) {
  const names = new Set();
  let strict = 0;
  tools.forEach((tool, i) => {
    if (!isObject(tool)) throw invalid(`tools.${i}: Input should be an object`);
    if (typeof tool.type === "string" && tool.type !== "custom") {
      if (!SERVER_TOOL.test(tool.type)) {
        throw invalid(`tools.${i}: Input tag '${tool.type}' found using 'type' does not ` +
          "match any of the expected tags");
      }
    } else {
      fields(tool, CUSTOM, `tools.${i}.custom`);
      if (tool.strict) checkStrict(tool.input_schema, `tools.${i}.custom.input_schema`);
      strict += tool.strict ? 1 : 0;
    }
    if (names.has(tool.name)) throw invalid("tools: Tool names must be unique.");
    names.add(tool.name);
  });
  if (strict > MAX_STRICT) throw invalid(`tools: at most ${MAX_STRICT} tools may be strict`);
  if (tools.length > 0 && tools.every((tool) => tool.defer_loading)) {
    throw invalid("tools: at least one tool must not be deferred");
  }
}

function checkInputSchema(schema, path) {
  if (!isObject(schema)) throw invalid(`${path}: Input should be an object`);
  if (schema.type === undefined) throw invalid(`${path}.type: Field required`);
  if (schema.type !== "object") throw invalid(`${path}.type: Input should be 'object'`);
  for (const word of ["oneOf", "allOf", "anyOf"]) {
    if (word in schema) {
      throw invalid(`${path}: input_schema does not support oneOf, allOf, or anyOf at the ` +
        "top level");
    }
  }
  for (const key of Object.keys(isObject(schema.properties) ? schema.properties : {})) {
    if (!PROPERTY_KEY.test(key)) {
      throw invalid(`${path}.properties: Property keys should match pattern ` +
        `'${PROPERTY_KEY.source}'`);
    }
  }
  if (!isSchema(schema, 0)) {
    throw invalid(`${path}: JSON schema is invalid. It must match JSON Schema draft 2020-12 ` +
      "(https://json-schema.org/draft/2020-12).");
  }
}

const TYPES = ["object", "array", "string", "number", "integer", "boolean", "null"];
const isType = (v) => TYPES.includes(v);
const isUnique = (list) => new Set(list).size === list.length;
const isCount = (v) => Number.isInteger(v) && v >= 0;
const isNumber = (v) => typeof v === "number";
const isText = (v) => typeof v === "string";
const isFlag = (v) => typeof v === "boolean";
const isStrings = (v) => Array.isArray(v) && v.every(isText) && isUnique(v);
const isSchemas = (v, depth) => Array.isArray(v) && v.length > 0 &&
  v.every((s) => isSchema(s, depth));
const isSchemaMap = (v, depth) => isObject(v) && Object.values(v).every((s) => isSchema(s, depth));

// What each keyword of the draft must look like; keywords that are not here mean nothing.
const KEYWORDS = {
  type: (v) => isType(v) || (Array.isArray(v) && v.length > 0 && v.every(isType) && isUnique(v)),
  properties: isSchemaMap,
  patternProperties: isSchemaMap,
  $defs: isSchemaMap,
  definitions: isSchemaMap,
  dependentSchemas: isSchemaMap,
  required: isStrings,
  enum: Array.isArray,
  items: isSchema,
  prefixItems: isSchemas,
  contains: isSchema,
  additionalProperties: isSchema,
  unevaluatedProperties: isSchema,
  propertyNames: isSchema,
  anyOf: isSchemas,
  oneOf: isSchemas,
  allOf: isSchemas,
  not: isSchema,
  if: isSchema,
  then: isSchema,
  else: isSchema,
  minimum: isNumber,
  maximum: isNumber,
  exclusiveMinimum: isNumber,
  exclusiveMaximum: isNumber,
  multipleOf: (v) => isNumber(v) && v > 0,
  minLength: isCount,
  maxLength: isCount,
  minItems: isCount,
  maxItems: isCount,
  minProperties: isCount,
  maxProperties: isCount,
  uniqueItems: isFlag,
  readOnly: isFlag,
  writeOnly: isFlag,
  deprecated: isFlag,
  title: isText,
  description: isText,
  format: isText,
  $ref: isText,
  $comment: isText,
  examples: Array.isArray,
  pattern: isPattern,
};

function isSchema(schema, depth) {
  if (typeof schema === "boolean") return true;
  if (!isObject(schema) || depth > MAX_DEPTH) return false;
  for (const word in schema) {
    if (Object.hasOwn(KEYWORDS, word) && !KEYWORDS[word](schema[word], depth + 1)) return false;
  }
  return true;
}

function isPattern(text) {
  try {
    return isText(text) && new RegExp(text, "u") !== null;
  } catch {
    return false;
  }
}

const NOT_STRICT = ["minimum", "maximum", "minLength", "maxLength", "multipleOf"];

/** A strict tool closes every object and does without the keywords a grammar cannot express. */
function checkStrict(schema, path) {
  if (!isObject(schema)) return;
  if (schema.type === "object" && schema.additionalProperties !== false) {
    throw invalid(`${path}: For 'object' type, 'additionalProperties' must be explicitly set ` +
      "to false");
  }
  const word = NOT_STRICT.find((w) => w in schema);
  if (word) throw invalid(`${path}: property '${word}' is not supported`);
  for (const [name, inner] of Object.entries(schema.properties ?? {})) {
    checkStrict(inner, `${path}.properties.${name}`);
  }
  checkStrict(schema.items, `${path}.items`);
}
