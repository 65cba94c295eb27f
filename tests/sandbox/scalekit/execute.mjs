// POST /api/v1/execute_tool: finds the account, runs the provider's tool, wraps what it gave.

import { randomBytes } from "node:crypto";
import { TOOL_BY_NAME } from "../catalogue/index.mjs";
import { ApiError, invalidField, notFound, ToolError } from "./errors.mjs";
import { CONNECTOR, string, struct } from "./fields.mjs";

export const EXECUTE = {
  tool_name: string({ required: true }), identifier: string(), params: struct(),
  connected_account_id: string({ max: 100 }), connector: CONNECTOR,
  organization_id: string({ max: 100 }), user_id: string({ max: 100 }),
  agent_run_id: string({ max: 255 }),
};

export function createExecute({ environment, variants, providers }) {
  function account(args, tool) {
    if (args.connected_account_id) {
      const found = environment.byId(args.connected_account_id);
      if (!found) throw notFound("connected account", args.connected_account_id);
      return found;
    }
    if (!args.identifier) {
      throw invalidField("identifier", "select an account by id, or by identifier", "required");
    }
    if (args.connector) {
      environment.connection(args.connector);
      const found = environment.find(args.connector, args.identifier);
      if (!found) throw notFound("connected account", `${args.connector}/${args.identifier}`);
      return found;
    }
    const found = environment.of(args.identifier).filter((a) => a.provider === tool.provider);
    if (found.length === 0) throw notFound("connected account", args.identifier);
    if (found.length > 1) throw invalidField("identifier", "several accounts fit", "ambiguous");
    return found[0];
  }

  /** Runs the call; `entry` is its line in the journal. */
  return async function execute(args, _path, entry) {
    const tool = TOOL_BY_NAME.get(args.tool_name);
    if (!tool) {
      throw variants.unknown_tool === 404 ? notFound("tool", args.tool_name)
        : invalidField("tool_name", `tool ${args.tool_name} not found`, "unknown_tool");
    }
    const chosen = account(args, tool);
    entry.identifier = chosen.identifier;
    if (chosen.provider !== tool.provider) {
      throw invalidField("tool_name", `not a tool of ${chosen.provider}`, "provider");
    }
    if (chosen.status !== "ACTIVE") {
      throw new ApiError("FAILED_PRECONDITION", "connected account is not active");
    }
    const executionId = variants.execution_id === "empty" ? ""
      : BigInt(`0x${randomBytes(7).toString("hex")}`).toString();
    entry.execution_id = executionId;
    if (chosen.revoked) {
      throw new ToolError(401, "UNAUTHORIZED", `${tool.provider}: token revoked`, executionId);
    }
    const provider = providers[tool.provider];
    if (!provider.knows(tool.name)) {
      throw new ToolError(501, "NOT_PLAYED", `the sandbox does not play ${tool.name}`, executionId);
    }
    environment.used(chosen);
    let data;
    try {
      data = await provider.run(tool.name, args.params ?? {}, { account: chosen, variants });
    } catch (error) {
      if (error instanceof ToolError) error.info.tool_error_info.execution_id = executionId;
      throw error;
    }
    return {
      effect: provider.writes?.(tool.name, data) ?? false,
      json: { data: wrapped(data), execution_id: executionId },
    };
  };

  function wrapped(data) {
    if (Array.isArray(data)) return { [variants.array_wrapper]: data };
    return typeof data === "object" && data !== null ? data : { result: data };
  }
}
