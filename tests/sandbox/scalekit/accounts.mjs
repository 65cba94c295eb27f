// Connected accounts: list, details, create, delete, disconnect.

import { ApiError, invalidField, notFound } from "./errors.mjs";
import { details, listItem } from "./environment.mjs";
import { page } from "./paging.mjs";
import { ACCOUNT_ID, CONNECTION_NAME, CONNECTOR, IDENTIFIER, list, message, ORGANIZATION, string,
  struct, uint } from "./fields.mjs";

const SELECTION = { ...ORGANIZATION, connector: CONNECTOR, identifier: IDENTIFIER, id: ACCOUNT_ID };

const AUTHORIZATION = message({
  oauth_token: message({ access_token: string(), refresh_token: string(), scopes: list(string()),
    domain: string() }),
  static_auth: message({ details: struct() }),
  google_dwd: message({ subject: string() }),
  trusted_idp: message({ db_user: string() }),
});

export const LIST = {
  ...ORGANIZATION, connector: CONNECTOR, identifier: IDENTIFIER, provider: string({ max: 50 }),
  page_size: uint({ lt: 100 }), page_token: string({ max: 100 }), query: string({ max: 100 }),
  connection_names: list(CONNECTION_NAME, { max_items: 20 }),
};
export const DETAILS = SELECTION;
export const DELETE = SELECTION;
export const CREATE = {
  ...ORGANIZATION, connector: CONNECTOR, identifier: IDENTIFIER,
  connected_account: message({ authorization_details: AUTHORIZATION, api_config: struct() },
    { required: true }),
};
export const DISCONNECT = {};

/** The account that a request selects, by id or by connector and identifier. */
export function select(environment, variants, { id, connector, identifier }) {
  if (id !== undefined) {
    const account = environment.byId(id);
    if (account) return account;
    if (variants.unknown_account_id === 500) throw new ApiError("INTERNAL", "internal error");
    throw notFound("connected account", id);
  }
  if (!connector || !identifier) {
    throw invalidField(connector ? "identifier" : "connector",
      "select the account by id, or by connector and identifier", "required");
  }
  environment.connection(connector);
  const account = environment.find(connector, identifier);
  if (!account) throw notFound("connected account", `${connector}/${identifier}`);
  return account;
}

export function createAccounts({ environment, variants }) {
  return {
    list(args) {
      if (args.connector !== undefined && args.connection_names) {
        throw invalidField("connector", "connector and connection_names exclude each other",
          "connector_or_connection_names_not_both");
      }
      const names = args.connection_names ?? (args.connector ? [args.connector] : []);
      for (const name of names) environment.connection(name);
      const found = args.identifier ? environment.of(args.identifier) : [...environment.all()];
      const wanted = found.filter((account) =>
        (names.length === 0 || names.includes(account.connector)) &&
        (!args.provider || account.provider === args.provider) &&
        (!args.query || account.identifier.includes(args.query)));
      const { items, ...rest } = page(wanted, args, 10);
      return { json: { connected_accounts: items.map(listItem), ...rest } };
    },

    details(args) {
      return { json: { connected_account: details(select(environment, variants, args)) } };
    },

    create(args) {
      if (!args.connector) throw invalidField("connector", "value is required", "required");
      if (!args.identifier) throw invalidField("identifier", "value is required", "required");
      environment.connection(args.connector);
      if (environment.find(args.connector, args.identifier)) {
        throw new ApiError("RESOURCE_ALREADY_EXISTS", "connected account already exists",
          { status: variants.duplicate_create });
      }
      const token = args.connected_account.authorization_details?.oauth_token?.access_token;
      const account = environment.create(args.connector, args.identifier,
        token ? "ACTIVE" : "PENDING_AUTH");
      if (args.connected_account.api_config) account.api_config = args.connected_account.api_config;
      return { status: variants.create_status, effect: true,
        json: { connected_account: details(account) } };
    },

    delete(args) {
      environment.remove(select(environment, variants, args));
      return { json: {}, effect: true };
    },

    disconnect(args, { id }) {
      const account = select(environment, variants, { id });
      environment.setStatus(account, "DISCONNECTED");
      return { json: { connected_account: details(account) }, effect: true };
    },
  };
}
