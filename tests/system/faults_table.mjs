// What an upstream can do to one request: faults of the connection, of the answer, and refusals.
//
//   says   how a test's name tells it
//   kind   what it means to a client, see below
//   effect whether the other side did what was asked
//
// Kinds, the first of which the client mends by itself:
//
//   fine       the right answer, only strange
//   broken     the connection broke: asked again, where that is harmless
//   later      429, 502, 503, 504: the same, after a while
//   silent     no answer in time
//   nonsense   an answer, but no usable one
//   failed     the other side failed and says nothing more
//   refused    certainly not done, and asking again would not help
//   account    the user's account must be connected again
//   ours       our own access token is refused

const info = (error_code, more) => ({ "@type": "type.googleapis.com/scalekit.v1.errdetails.ErrorInfo",
  error_code, request_info: { request_id: "5a0d4b00", serving_data: "" }, ...more });

/** An error body in ScaleKit's shape. */
export const problem = (code, message, error_code, more) =>
  ({ code, message, details: [info(error_code, more)] });

/** A failure of the provider, as ScaleKit passes it on. */
export const toolError = (code, word, message) => problem(code, message, "TOOL_ERROR", {
  tool_error_info: { execution_id: "7781", tool_error_code: word, tool_error_message: message } });

const status = (number, body, headers) =>
  ({ type: "status", status: number, ...(body && { body }), ...(headers && { headers }) });

export const FAULTS = {
  reset_before: { says: "a reset before anything was done", kind: "broken", effect: false,
    action: { type: "reset", when: "before" } },
  reset_after: { says: "a reset after it was done", kind: "broken", effect: true,
    action: { type: "reset", when: "after" } },
  closed_before: { says: "a connection closed without a byte before anything was done", kind: "broken",
    effect: false, action: { type: "close_silent", when: "before" } },
  closed_after: { says: "a connection closed without a byte after it was done", kind: "broken",
    effect: true, action: { type: "close_silent", when: "after" } },
  truncated: { says: "an answer that breaks off", kind: "broken", effect: true,
    action: { type: "truncate", bytes: 15 } },
  hang_headers: { says: "no answer at all", kind: "silent", effect: true,
    action: { type: "hang", when: "before_headers" } },
  hang_undone: { says: "no answer and nothing done", kind: "silent", effect: false,
    action: { type: "hang", when: "before_headers", before_effect: true } },
  hang_body: { says: "an answer that stops in the middle and stays open", kind: "silent", effect: true,
    action: { type: "hang", when: "mid_body" } },
  drip: { says: "an answer that comes slowly", kind: "fine", effect: true,
    action: { type: "drip", bytes_per_s: 8000 } },
  large: { says: "an answer of 300 KB", kind: "fine", effect: true,
    action: { type: "huge", bytes: 300_000 } },
  huge: { says: "an answer of 30 MB", kind: "nonsense", effect: true,
    action: { type: "huge", bytes: 30_000_000 } },
  malformed: { says: "an answer that is not JSON", kind: "nonsense", effect: true,
    action: { type: "malformed" } },
  html: { says: "a web page with status 200", kind: "nonsense", effect: false,
    action: { type: "html" } },
  empty: { says: "an empty answer with status 200", kind: "nonsense", effect: true,
    action: { type: "empty" } },
  list: { says: "a JSON list where an object belongs", kind: "nonsense", effect: false,
    action: { type: "body", body: [] } },

  status_400: { says: "400", kind: "refused", effect: false,
    action: status(400, problem(3, "validation failed", "INVALID_ARGUMENT")) },
  status_403: { says: "403", kind: "refused", effect: false,
    action: status(403, problem(7, "not allowed", "PERMISSION_DENIED")) },
  status_404: { says: "404 from a proxy", kind: "refused", effect: false,
    action: { type: "html", status: 404 } },
  status_408: { says: "408", kind: "failed", effect: true,
    action: { ...status(408), effect: true } },
  status_409: { says: "409", kind: "failed", effect: true,
    action: { ...status(409, problem(10, "aborted", "ABORTED")), effect: true } },
  status_413: { says: "413 without JSON", kind: "refused", effect: false,
    action: { type: "html", status: 413 } },
  status_429: { says: "429 with Retry-After", kind: "later", effect: false,
    action: status(429, problem(8, "rate limit exceeded", "RATE_LIMITED"), { "retry-after": "1" }) },
  status_429_bare: { says: "429 without a word when to come back", kind: "later", effect: false,
    action: status(429) },
  status_500: { says: "500", kind: "failed", effect: true,
    action: { ...status(500, problem(13, "internal error", "INTERNAL")), effect: true } },
  status_502: { says: "502 from a proxy", kind: "later", effect: true,
    action: { type: "html", status: 502, effect: true } },
  status_503: { says: "503", kind: "later", effect: false,
    action: status(503, problem(14, "unavailable", "UNAVAILABLE")) },
  status_504: { says: "504 after it was done", kind: "later", effect: true,
    action: { ...status(504, problem(4, "deadline exceeded", "DEADLINE_EXCEEDED")), effect: true } },

  our_token: { says: "401 about our token", kind: "ours", effect: false,
    action: status(401, problem(16, "token expired", "UNAUTHENTICATED")) },
  our_token_bare: { says: "401 without a word why", kind: "ours", effect: false, action: status(401) },
  token_revoked: { says: "401 because the provider refuses the user's token", kind: "account",
    effect: false, action: status(401, toolError(16, "UNAUTHORIZED", "the token was revoked")) },
  reauthentication: { says: "401 because the user must sign in again", kind: "account", effect: false,
    action: status(401, problem(16, "the account needs to be authorized again",
      "REAUTHENTICATION_NEEDED")) },
  no_refresh_token: { says: "401 because the account has no refresh token", kind: "account",
    effect: false, action: status(401, problem(16, "no refresh token", "REFRESH_TOKEN_MISSING")) },
  not_active: { says: "400 because the account is not active", kind: "account", effect: false,
    action: status(400, problem(9, "connected account is not active", "FAILED_PRECONDITION")) },
};

/**
 * Rows for one endpoint: each fault of the table with what `expect(fault)`
 * says of it. `rule` is the place: endpoint, match, skip, count; `beside` are rules for other places.
 * An expectation of null leaves a fault out; its `then` ends the row's name.
 */
export function rowsFor(where, rule, expect, beside = []) {
  return Object.entries(FAULTS).flatMap(([name, fault]) => {
    const expected = expect(fault, name);
    if (!expected) return [];
    const { then, ...row } = expected;
    return [{ name: `${where}: ${fault.says}; ${then}`, 
      faults: [...beside, { ...rule, action: fault.action }],
      slow: fault.kind === "silent" ? 2 : rule.count === -1 ? 1 : 0,
      waits: fault.kind === "silent" || (rule.count === -1 && rule.endpoint.startsWith("anthropic.")), ...row }];
  });
}
