// Tool lists: the catalogue, what one user's accounts offer (scoped), what a user could run.
// The tools' JSON is made once (catalogue/); an answer is glued together from finished text.

import { TOOLS, TOOL_BY_NAME } from "../catalogue/index.mjs";
import { invalidField, notFound } from "./errors.mjs";
import { page } from "./paging.mjs";
import { CONNECTOR, flag, IDENTIFIER, list, string, uint } from "./fields.mjs";

const PAGE = { page_size: uint(), page_token: string({ max: 200 }) };
const USER = string({ max: 100, required: true });

export const SCOPED = {
  identifier: USER,
  "filter.providers": list(string({ min: 1, max: 50 })),
  "filter.tool_names": list(string({ min: 1, max: 100 })),
  "filter.connection_names": list(CONNECTOR),
  ...PAGE,
};

export const LIST = {
  "filter.summary": flag(), "filter.provider": string({ max: 50 }), "filter.identifier": IDENTIFIER,
  "filter.tool_name": list(string()), "filter.query": string({ min: 3, max: 100 }),
  "filter.connector": CONNECTOR, "filter.organization_id": string({ max: 32 }),
  "filter.user_id": string({ max: 32 }),
  "filter.connected_account_id": string({ max: 100, prefix: "ca_" }),
  ...PAGE,
};

export const AVAILABLE = { identifier: USER, ...PAGE };

const ALL = Object.values(TOOLS).flat();

export function createTools({ environment, variants }) {
  function answer(field, found, args, show) {
    const { items, ...rest } = page(found, args, variants.scoped_page_size);
    const tail = JSON.stringify(rest).slice(1);
    return { text: `{"${field}":[${items.map(show).join(",")}],${tail}` };
  }

  return {
    scoped(args) {
      const providers = args["filter.providers"];
      const names = args["filter.tool_names"];
      const connections = args["filter.connection_names"];
      if (!providers && !names && !connections) {
        throw invalidField("filter", "value is required", "required");
      }
      if (providers && new Set(providers).size < providers.length) {
        throw invalidField("filter.providers", "a provider is repeated", "unique");
      }
      for (const name of connections ?? []) environment.connection(name);

      let accounts = environment.of(args.identifier);
      const wanted = (account) => (!connections || connections.includes(account.connector)) &&
        (!providers || providers.includes(account.provider)) &&
        (!names || names.some((name) => TOOL_BY_NAME.get(name)?.provider === account.provider));
      const without = (field) => (name) => !accounts.some((account) => account[field] === name);
      const lacking = (connections ?? []).find(without("connector")) ??
        (providers ?? []).find(without("provider"));
      accounts = accounts.filter(wanted);
      if (variants.scoped_without_account === "not_found" && (lacking || accounts.length === 0)) {
        throw notFound("connected account", lacking ?? args.identifier);
      }
      if (new Set(accounts.map((a) => a.provider)).size < accounts.length) {
        throw invalidField("identifier", "more than one account for a provider", "ambiguous");
      }
      const who = `"identifier":${JSON.stringify(args.identifier)},"connected_account_id":`;
      const found = accounts.flatMap((account) => (TOOLS[account.provider] ?? [])
        .filter((tool) => !names || names.includes(tool.name))
        .map((tool) => ({ tool, account })));
      let bare = variants.scoped_entry_without_tool;
      return answer("tools", found, args, ({ tool, account }) => {
        const entry = `{${bare ? "" : `"tool":${tool.json},`}${who}"${account.id}"}`;
        bare = false;
        return entry;
      });
    },

    list(args) {
      let providers = args["filter.provider"] ? [args["filter.provider"]] : null;
      if (args["filter.connector"]) {
        providers = [environment.connection(args["filter.connector"]).provider];
      }
      if (args["filter.connected_account_id"]) {
        const account = environment.byId(args["filter.connected_account_id"]);
        if (!account) throw notFound("connected account", args["filter.connected_account_id"]);
        providers = [account.provider];
      }
      if (args["filter.identifier"]) {
        const accounts = environment.of(args["filter.identifier"]);
        if (accounts.length === 0) throw notFound("identifier", args["filter.identifier"]);
        providers ??= accounts.map((account) => account.provider);
      }
      const names = args["filter.tool_name"];
      const words = args["filter.query"]?.toLowerCase();
      const found = ALL.filter((tool) => (!providers || providers.includes(tool.provider)) &&
        (!names || names.includes(tool.name)) &&
        (!words || `${tool.name} ${tool.description}`.toLowerCase().includes(words)));
      if (args["filter.summary"]) {
        const { items, ...rest } = page(found, args, variants.scoped_page_size);
        return { json: { tools: [], tool_names: items.map((tool) => tool.name), ...rest } };
      }
      return answer("tools", found, args, (tool) => tool.json);
    },

    available(args) {
      const providers = new Set(environment.of(args.identifier).map((account) => account.provider));
      const found = ALL.filter((tool) => providers.has(tool.provider));
      return answer("tools", found, args, (tool) => tool.json);
    },
  };
}
