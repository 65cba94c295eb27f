// One ScaleKit environment: its connections and the accounts that people connected.

import { createHash } from "node:crypto";
import { notFound } from "./errors.mjs";

export const STATUSES = ["CONNECTION_STATUS_UNSPECIFIED", "ACTIVE", "EXPIRED", "PENDING_AUTH",
  "PENDING_VERIFICATION", "DISCONNECTED"];

export const DEFAULT_CONNECTIONS = {
  "sanitymcp-sandbox": "SANITYMCP",
  "slack-sandbox": "SLACK",
  "github-sandbox": "GITHUB",
};

const TOKEN_LIFE_MS = 3600_000;
const now = () => new Date().toISOString();

/** A number of 17 digits that is always the same for `text`. */
export function stableNumber(text) {
  const hex = createHash("sha256").update(text).digest("hex").slice(0, 14);
  return String(10n ** 16n + (BigInt(`0x${hex}`) % (9n * 10n ** 16n)));
}

export function createEnvironment(extraConnections = {}) {
  const connections = new Map();
  for (const [name, provider] of Object.entries({ ...DEFAULT_CONNECTIONS, ...extraConnections })) {
    connections.set(name, { name, provider, id: `conn_${stableNumber(`connection ${name}`)}` });
  }
  const listeners = [];
  let byId, byIdentifier, serial;

  function reset() {
    byId = new Map();
    byIdentifier = new Map(); // identifier -> Map(connection name -> account)
    serial = 24834495392000000n;
  }
  reset();

  /** The connection of that exact name; 404 if there is none. */
  function connection(name) {
    const found = connections.get(name);
    if (!found) throw notFound("connection", name);
    return found;
  }

  function create(connectionName, identifier, status = "PENDING_AUTH") {
    const { provider, id } = connection(connectionName);
    const account = {
      id: `ca_${++serial}`, identifier, provider, connector: connectionName, connection_id: id,
      status, authorization_type: "OAUTH", updated_at: now(), api_config: {},
      choice: 0,        // which of the provider's accounts the person chose
      revoked: false,   // the provider refuses the token, and ScaleKit has not noticed
    };
    if (status === "ACTIVE") grantToken(account);
    byId.set(account.id, account);
    if (!byIdentifier.has(identifier)) byIdentifier.set(identifier, new Map());
    byIdentifier.get(identifier).set(connectionName, account);
    return account;
  }

  function grantToken(account) {
    account.token_expires_at = new Date(Date.now() + TOKEN_LIFE_MS).toISOString();
  }

  function setStatus(account, status) {
    const old = account.status;
    account.status = status;
    account.updated_at = now();
    if (status === "ACTIVE") {
      account.revoked = false;
      grantToken(account);
    }
    if (old !== status) for (const tell of listeners) tell(account, old);
    return account;
  }

  function remove(account) {
    byId.delete(account.id);
    const siblings = byIdentifier.get(account.identifier);
    siblings.delete(account.connector);
    if (siblings.size === 0) byIdentifier.delete(account.identifier);
  }

  return {
    reset,
    connection,
    connections,
    create,
    setStatus,
    remove,
    byId: (id) => byId.get(id),
    find: (connectionName, identifier) => byIdentifier.get(identifier)?.get(connectionName),
    of: (identifier) => [...(byIdentifier.get(identifier)?.values() ?? [])],
    all: () => byId.values(),
    used(account) {
      account.last_used_at = now();
    },
    /** `tell(account, oldStatus)` runs after every change of a status. */
    onStatus(tell) {
      listeners.push(tell);
    },
  };
}

/** An account as a list shows it. */
export function listItem(account) {
  const { id, identifier, provider, connector, connection_id, status,
    authorization_type } = account;
  return {
    id, identifier, provider, connector, connection_id, status, authorization_type,
    ...(account.token_expires_at && { token_expires_at: account.token_expires_at }),
    updated_at: account.updated_at,
    ...(account.last_used_at && { last_used_at: account.last_used_at }),
  };
}

/** An account as /details shows it: without credentials. */
export function details(account) {
  return { ...listItem(account), api_config: account.api_config };
}
