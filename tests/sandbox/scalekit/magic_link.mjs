// From an authorization link to an ACTIVE account: the link, what a person decides on its page, and
// the verification by the application afterwards.
//
//   magic_link ─▶ PENDING_AUTH ─▶ (Allow) PENDING_VERIFICATION ─▶ (verify) ACTIVE
//
// A link opens once: whoever opened it may reload (a cookie says who), nobody else may. Deciding
// ends it. An auth request is used once too.

import { randomBytes } from "node:crypto";
import { ApiError, invalidField, notFound } from "./errors.mjs";
import { select } from "./accounts.mjs";
import { ACCOUNT_ID, CONNECTOR, IDENTIFIER, ORGANIZATION, string } from "./fields.mjs";

export const MAGIC_LINK = {
  ...ORGANIZATION, connector: CONNECTOR, identifier: IDENTIFIER, id: ACCOUNT_ID,
  state: string({ max: 512 }),
  user_verify_url: string({ max: 2048, pattern: /^$|^https?:\/\// }),
};

export const VERIFY = {
  auth_request_id: string({ min: 1, max: 1000, required: true }),
  identifier: string({ min: 1, max: 200, required: true }),
};

const MOST_FLOWS = 20_000;
const random = (bytes) => randomBytes(bytes).toString("base64url");

export function createMagicLinks({ environment, variants, urls }) {
  let flows, requests;

  function reset() {
    flows = new Map();     // link token -> flow
    requests = new Map();  // auth_request_id -> flow
  }
  reset();

  function remember(map, key, flow) {
    map.set(key, flow);
    if (map.size > MOST_FLOWS) map.delete(map.keys().next().value);
  }

  function link(args) {
    let account;
    if (args.id === undefined && args.connector && args.identifier) {
      environment.connection(args.connector);
      account = environment.find(args.connector, args.identifier) ??
        environment.create(args.connector, args.identifier);
    } else {
      account = select(environment, variants, args);
    }
    if (!args.user_verify_url && variants.missing_verify_url === "400" &&
      variants.verify_mode === "B2B") {
      throw invalidField("user_verify_url", "is required in this environment", "required");
    }
    if (account.status !== "ACTIVE" || variants.reauth_active === "pending") {
      environment.setStatus(account, "PENDING_AUTH");
    }
    const expires = Date.now() + variants.link_ttl * 1000;
    const flow = { token: random(48), account, state: args.state, verifyUrl: args.user_verify_url,
      expires, reader: null, decided: false, choice: 0, authRequest: null, consumed: false };
    remember(flows, flow.token, flow);
    return {
      effect: true,
      flow,
      json: {
        link: `${variants.link_base ?? urls.scalekit}/magicLink/${flow.token}`,
        expiry: new Date(expires).toISOString(),
      },
    };
  }

  /** A browser opens a link: {flow, cookie?} or {problem}. */
  function open(token, cookie) {
    const flow = flows.get(token);
    if (!flow) return { problem: "unknown" };
    if (flow.decided) return { problem: "used" };
    if (flow.expires <= Date.now()) return { problem: "expired" };
    if (environment.byId(flow.account.id) !== flow.account) return { problem: "unknown" };
    if (flow.reader === null) {
      flow.reader = random(24);
      return { flow, cookie: flow.reader };
    }
    return cookie === flow.reader ? { flow } : { problem: "used" };
  }

  /** The person decides: {redirect} back to the application, or {page} where it ends here. */
  function decide(flow, { allow, choice }) {
    flow.decided = true;
    const { account } = flow;
    if (!allow) {
      if (!flow.verifyUrl || variants.callback_errors === "page") return { page: "denied" };
      return { redirect: comeBack(flow, { error: "access_denied",
        error_description: "The user denied the request" }) };
    }
    flow.choice = choice;
    if (variants.verify_mode !== "B2B") {
      activate(flow);
      return { page: "connected" };
    }
    if (!flow.verifyUrl) return { page: "failed_to_exchange" };
    flow.authRequest = random(150);
    flow.requestExpires = Date.now() + variants.auth_request_ttl * 1000;
    remember(requests, flow.authRequest, flow);
    environment.setStatus(account, "PENDING_VERIFICATION");
    account.pending = flow;
    return { redirect: comeBack(flow, { auth_request_id: flow.authRequest }) };
  }

  function comeBack(flow, parameters) {
    const url = new URL(flow.verifyUrl);
    for (const [name, value] of Object.entries(parameters)) url.searchParams.append(name, value);
    if (flow.state !== undefined) url.searchParams.append("state", flow.state);
    return url.href;
  }

  function activate(flow) {
    flow.account.choice = flow.choice;
    flow.account.pending = undefined;
    environment.setStatus(flow.account, "ACTIVE");
  }

  function verify(args) {
    const flow = requests.get(args.auth_request_id);
    const done = { json: { post_user_verify_redirect_url: `${urls.scalekit}/connected/success` } };
    if (!flow || flow.requestExpires <= Date.now() ||
      environment.byId(flow.account.id) !== flow.account) {
      throw notFound("auth request", "…");
    }
    if (flow.account.identifier !== args.identifier) {
      throw new ApiError("PERMISSION_DENIED", "identifier does not match the auth request");
    }
    if (flow.consumed) {
      if (variants.verify_repeat === "ok") return done;
      throw notFound("auth request", "…");
    }
    if (flow.account.status !== "PENDING_VERIFICATION" || flow.account.pending !== flow) {
      throw new ApiError("FAILED_PRECONDITION", "no pending verification for this account");
    }
    flow.consumed = true;
    activate(flow);
    return { ...done, effect: true };
  }

  /** Walks the whole way as a person would, and ends with an ACTIVE account. */
  function walk({ connection, identifier, choice = 0 }) {
    const { flow } = link({ connector: connection, identifier,
      user_verify_url: "http://localhost/walked" });
    decide(flow, { allow: true, choice });
    if (flow.authRequest) verify({ auth_request_id: flow.authRequest, identifier });
    return flow.account;
  }

  return { reset, link, open, decide, verify, walk };
}
