// POST /oauth/token: client credentials for an access token with a real end.

import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

const FIELDS = new Set(["grant_type", "client_id", "client_secret", "scope"]);

export function createTokens({ clientId, clientSecret, ttl }) {
  const live = new Map(); // token -> when it ends, in ms
  const signature = randomBytes(192).toString("base64url");
  let seconds = ttl;

  function issue() {
    const now = Date.now();
    for (const [token, ends] of live) {
      if (ends > now && live.size < 10_000) break;
      live.delete(token);
    }
    const claims = { iss: "sandbox", sub: clientId, iat: Math.floor(now / 1000),
      exp: Math.floor(now / 1000) + seconds, jti: randomBytes(12).toString("hex") };
    const token = [{ alg: "RS256", typ: "JWT" }, claims]
      .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
      .join(".") + `.${signature}`;
    live.set(token, now + seconds * 1000);
    return token;
  }

  return {
    /** The answer to a token request: {status, json}. */
    grant(req, body) {
      const type = (req.headers["content-type"] ?? "").split(";")[0].trim().toLowerCase();
      if (type !== "application/x-www-form-urlencoded") {
        return refuse(400, "invalid_request", "the body must be form-urlencoded");
      }
      const form = new URLSearchParams(body);
      const given = {};
      for (const [name, value] of form) {
        if (!FIELDS.has(name)) return refuse(400, "invalid_request", `unknown parameter ${name}`);
        if (name in given) return refuse(400, "invalid_request", `${name} is given twice`);
        given[name] = value;
      }
      if (!given.grant_type) return refuse(400, "invalid_request", "grant_type is missing");
      if (given.grant_type !== "client_credentials") {
        return refuse(400, "unsupported_grant_type", "only client_credentials is supported");
      }
      if (!given.client_id || !given.client_secret) {
        return refuse(400, "invalid_request", "client_id and client_secret are required");
      }
      if (!same(given.client_id, clientId) || !same(given.client_secret, clientSecret)) {
        return refuse(401, "invalid_client", "client authentication failed");
      }
      return { status: 200, issued: true,
        json: { access_token: issue(), token_type: "Bearer", expires_in: seconds } };
    },

    /** What is wrong with an Authorization header; null when nothing is. */
    problem(header) {
      const token = /^Bearer ([^\s]+)$/i.exec(header ?? "")?.[1];
      if (!token) return "Token empty";
      const ends = live.get(token);
      if (ends === undefined) return "Invalid token";
      return ends <= Date.now() ? "Token expired" : null;
    },

    control({ ttl: newTtl, revoke_all: revokeAll }) {
      if (newTtl !== undefined) seconds = newTtl;
      if (revokeAll) live.clear();
      return { ttl: seconds, live: live.size };
    },

    /** Tokens that were given stay good: a client between two tests need not notice. */
    reset() {
      seconds = ttl;
    },
  };
}

function refuse(status, error, description) {
  return { status, json: { error, error_description: description } };
}

function same(a, b) {
  const digest = (text) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
