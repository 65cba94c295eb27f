// Sanity's MCP tools. Queries are really evaluated (groq-js) over the caller's own content lake.
// Failures are answers with isError, as MCP servers give them.

import { evaluate, parse } from "groq-js";
import { person } from "./people.mjs";
import { makeLake } from "./sanity_data.mjs";

const PERSPECTIVES = ["published", "previewDrafts", "drafts", "raw"];
const STATES = ["active", "archived", "published"];

class McpError extends Error {}

export function createSanity() {
  const lakes = new Map(); // person's hash -> lake

  function lakeOf(who) {
    if (!lakes.has(who.hex)) lakes.set(who.hex, makeLake(who));
    return lakes.get(who.hex);
  }

  function dataset(who, params) {
    const { resource } = params;
    if (resource === null || typeof resource !== "object") {
      throw new McpError("invalid arguments: resource is required");
    }
    const { projectId, dataset: name } = resource;
    const project = lakeOf(who).datasets[projectId];
    if (!project) throw new McpError(`no access to project "${projectId}"`);
    if (!Object.hasOwn(project, name)) throw new McpError(`dataset "${name}" not found`);
    return project[name];
  }

  const tools = {
    sanitymcp_whoami: (who) => ({ id: `p${who.code(30, 8)}`, name: who.name, email: who.email,
      provider: "google" }),

    sanitymcp_list_organizations: (who) =>
      [{ id: `o${who.hex.slice(6, 14)}`, name: `Press ${who.tag}` }],

    sanitymcp_list_projects: (who) => lakeOf(who).projects,

    sanitymcp_list_datasets(who, params) {
      const project = lakeOf(who).datasets[params.resource?.projectId];
      if (!project) throw new McpError(`no access to project "${params.resource?.projectId}"`);
      return Object.keys(project).map((name) => ({ name, aclMode: "private" }));
    },

    async sanitymcp_query_documents(who, params) {
      const documents = dataset(who, params);
      const perspective = params.perspective ?? "published";
      if (!PERSPECTIVES.includes(perspective)) {
        throw new McpError(`invalid arguments: unknown perspective "${perspective}"`);
      }
      if (typeof params.query !== "string") {
        throw new McpError("invalid arguments: query is required");
      }
      const given = params.params ?? {};
      let answer;
      try {
        const tree = parse(params.query, { params: given });
        const visible = seen(documents, perspective);
        const value = await evaluate(tree, { dataset: visible, params: given });
        answer = await value.get();
      } catch (error) {
        throw new McpError(`GROQ query failed: ${error.message}`);
      }
      if (Array.isArray(answer) && params.single) return answer[0] ?? null;
      if (Array.isArray(answer) && params.limit > 0) return answer.slice(0, params.limit);
      return answer;
    },

    sanitymcp_get_document(who, params) {
      const found = dataset(who, params).find(({ _id }) => _id === params.documentId);
      if (!found) throw new McpError(`document "${params.documentId}" not found`);
      return found;
    },

    sanitymcp_list_releases(who, params) {
      const state = params.state ?? "active";
      if (!STATES.includes(state)) {
        throw new McpError(`invalid arguments: unknown state "${state}"`);
      }
      const from = params.offset ?? 0;
      return dataset(who, params)
        .filter((document) => document._type === "system.release" && document.state === state)
        .slice(from, from + (params.limit ?? 50));
    },
  };

  return {
    knows: (tool) => Object.hasOwn(tools, tool),

    /** Runs a tool; the result is the `data` object of the answer. */
    async run(tool, params, { account, variants }) {
      try {
        const value = await tools[tool](person(account.identifier, account.choice), params);
        return wrap(value, variants.mcp_result);
      } catch (error) {
        if (!(error instanceof McpError)) throw error;
        return { ...wrap(error.message, variants.mcp_result), isError: true };
      }
    },

    /** The control port replaces a person's projects or the documents of one dataset. */
    control({ identifier, choice = 0, projects, project = "newsroom", dataset: name = "production",
      documents }) {
      const lake = lakeOf(person(identifier, Number(choice)));
      if (projects) {
        lake.projects = projects;
        for (const { id } of projects) lake.datasets[id] ??= { production: [] };
      }
      const found = lake.projects.find(({ id, displayName }) =>
        project === id || project === displayName);
      if (!found) throw new Error(`this person has no project "${project}"`);
      if (documents) lake.datasets[found.id][name] = documents;
      return { projects: lake.projects, documents: lake.datasets[found.id][name] ?? [] };
    },

    reset: () => lakes.clear(),
  };
}

/** What a perspective shows of a dataset. */
function seen(documents, perspective) {
  if (perspective === "raw") return documents;
  const plain = documents.filter(({ _id }) => !/^(drafts\.|versions\.|_\.)/.test(_id));
  if (perspective === "published") return plain;
  const drafts = documents.filter(({ _id }) => _id.startsWith("drafts."));
  const replaced = new Set(drafts.map(({ _id }) => _id.slice(7)));
  return [
    ...plain.filter(({ _id }) => !replaced.has(_id)),
    ...drafts.map((draft) => ({ ...draft, _id: draft._id.slice(7), _originalId: draft._id })),
  ];
}

function wrap(value, form) {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  if (form === "native") return { result: value };
  return form === "mcp" ? { content: [{ type: "text", text }] } : { result: text };
}
