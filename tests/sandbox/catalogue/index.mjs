// Every tool of every provider as its finished JSON text, made once.
//
// Most definitions are tame. A few are not, in the ways real ones are not: "required": true inside
// a property, a property key with "$", a name longer than 64 characters, a description longer than
// 1,024, version parameters that are not for a model.

import { createHash } from "node:crypto";
import github from "./github.mjs";
import sanity from "./sanity.mjs";
import slack from "./slack.mjs";

const TYPES = { int: "integer", num: "number", bool: "boolean", obj: "object", arr: "array" };

const READING = /(^|_)(get|list|fetch|query|search|read|whoami|test|lookup|compare|guide)(_|$)/;

const HINTS = {
  intent: "Why this call is made, in a few words.",
  resource: "The project and dataset to work on: projectId and dataset.",
  perspective: "published, previewDrafts or raw. Drafts show in the last two alone.",
  channel: "A channel id, a #name, or a user id for a direct message.",
  limit: "At most so many items.",
  cursor: "Where the last page ended.",
  schema_version: "Version of this definition.",
  tool_version: "Version of the tool that shall run.",
};

const LONG = `Lists what waits for the legal department. ${
  "Rights of pictures, names of minors, embargo dates and open corrections are each a reason " +
  "to wait, and every reason is given with the person who raised it. "}`.repeat(6);

// Custom tools of a connection, which ScaleKit names after it.
const CUSTOM = {
  SANITYMCP: [
    ["c-sanitymcp-sandbox_list-documents-awaiting-legal-review-across-all-datasets",
      "$filter $top:int $orderby dataset", LONG],
    ["c-sanitymcp-sandbox_count-words", "documentId* resource*:obj",
      "Counts words: “quotes”, newline\nand \\ included. Ærlig talt."],
  ],
};

function property(toolName, name, type) {
  const made = { type };
  if (HINTS[name]) made.description = HINTS[name];
  if (toolName === "slack_send_message" && name === "channel") made.required = true;
  if (type === "array") made.items = name.endsWith("ids") ? { type: "string" } : { type: "object" };
  if (name === "resource") {
    made.properties = { projectId: { type: "string" }, dataset: { type: "string" } };
    // Real definitions carry this, though JSON Schema wants an array of names here.
    if (toolName === "sanitymcp_query_documents") made.required = true;
    else made.required = ["projectId", "dataset"];
  }
  return made;
}

function define(provider, [name, parameters, description]) {
  const properties = {};
  const required = [];
  for (const parameter of parameters.split(" ").filter(Boolean)) {
    const [, key, star, type] = /^(.+?)(\*?)(?::(\w+))?$/.exec(parameter);
    properties[key] = property(name, key, TYPES[type] ?? "string");
    if (star) required.push(key);
  }
  const reads = READING.test(name);
  const number = parseInt(createHash("sha256").update(name).digest("hex").slice(0, 10), 16);
  return {
    id: `tol_${number}`,
    provider,
    definition: {
      name,
      display_name: name.replace(/^(c-)?[a-z]+(mcp)?[-_]+/, "").replace(/[-_]/g, " "),
      description,
      provider,
      input_schema: { type: "object", properties, required },
      output_schema: { type: "object" },
      annotations: { read_only_hint: reads, destructive_hint: /delete|discard|kick/.test(name),
        idempotent_hint: reads, open_world_hint: true },
      display_properties: {},
    },
    metadata: {},
    tags: [],
    is_default: !name.startsWith("c-"),
    updated_at: "2026-09-01T12:00:00Z",
  };
}

function build(provider, rows) {
  return [...rows, ...(CUSTOM[provider] ?? [])].map((row) => {
    const tool = define(provider, row);
    const { name, description, input_schema: schema } = tool.definition;
    return { name, provider, description, schema, json: JSON.stringify(tool) };
  });
}

export const TOOLS = {
  SANITYMCP: build("SANITYMCP", sanity),
  SLACK: build("SLACK", slack),
  GITHUB: build("GITHUB", github),
};

export const TOOL_BY_NAME = new Map(Object.values(TOOLS).flat().map((tool) => [tool.name, tool]));
