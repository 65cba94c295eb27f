// Anthropic's error answers: what went wrong, as status, headers and body.
//
// ApiError is thrown by whatever checks a request; NAMED are the failures that a test asks for by
// name, in the shapes the real service (or the edge in front of it) gives them.

export class ApiError extends Error {
  constructor(status, type, message, { details, headers } = {}) {
    super(message);
    this.status = status;
    this.type = type;
    this.details = details;
    this.headers = headers;
  }
}

/** The usual refusal: the request itself is wrong. */
export function invalid(message, details) {
  return new ApiError(400, "invalid_request_error", message, { details });
}

export function errorBody({ type, message, details }, requestId) {
  const error = details === undefined ? { type, message } : { type, message, details };
  return JSON.stringify({ type: "error", error, request_id: requestId });
}

const TYPE_OF_STATUS = {
  400: "invalid_request_error", 401: "authentication_error", 402: "billing_error",
  403: "permission_error", 404: "not_found_error", 409: "conflict_error",
  413: "request_too_large", 429: "rate_limit_error", 500: "api_error", 503: "api_error",
  504: "timeout_error", 529: "overloaded_error",
};

const MESSAGE_OF_TYPE = {
  invalid_request_error: "The request is invalid.",
  authentication_error: "invalid x-api-key",
  billing_error: "Your credit balance is too low to access the API.",
  permission_error: "Your API key may not use this resource.",
  not_found_error: "The requested resource was not found.",
  conflict_error: "The request conflicts with another one.",
  request_too_large: "Request exceeds the maximum size",
  rate_limit_error: "This request would exceed your organization's rate limit.",
  api_error: "Internal server error",
  timeout_error: "The request took too long.",
  overloaded_error: "Overloaded",
};

const edge = (status, title) => ({ status, html: `<html>\r\n<head><title>${status} ${title}</title>` +
  `</head>\r\n<body>\r\n<center><h1>${status} ${title}</h1></center>\r\n<hr>` +
  "<center>cloudflare</center>\r\n</body>\r\n</html>\r\n" });

const spend = (code, message) => ({ status: 429, type: "rate_limit_error", message,
  details: { error_code: code } });

// Failures by name: {status, type, message, details, headers} or {status, html}.
const NAMED = {
  rate_limit: { status: 429, headers: { "retry-after": "1" } },
  rate_limit_bare: { status: 429 },
  ramp_limit: { status: 429, headers: { "retry-after": "1" },
    message: "Your usage grew too quickly.", details: { error_code: "ramp_limit_exceeded" } },
  spend_limit: spend("enforced_spend_limit_reached",
    "You have reached your enforced spend limit for this month."),
  contract_limit: spend("contract_spend_limit_reached",
    "Your organization reached the spend limit of its contract."),
  own_spend_limit: { status: 400,
    message: "You have reached your specified API usage limits. Access returns next month." },
  overloaded: { status: 529, headers: { "x-should-retry": "true" } },
  unavailable: { status: 503 },
  api_error: { status: 500 },
  api_error_final: { status: 500, headers: { "x-should-retry": "false" } },
  timeout: { status: 504 },
  billing: { status: 402 },
  permission: { status: 403 },
  on_hold: { status: 403, message: "Your organization is on hold.",
    details: { error_code: "organization_on_hold", appeal_url: "https://localhost/appeal" } },
  authentication: { status: 401 },
  not_found: { status: 404 },
  too_large: { status: 413 },
  too_large_html: edge(413, "Payload Too Large"),
  bad_gateway_html: edge(502, "Bad Gateway"),
  unavailable_html: edge(503, "Service Temporarily Unavailable"),
  gateway_timeout_html: edge(504, "Gateway Time-out"),
};

export const ERROR_NAMES = Object.keys(NAMED);

/**
 * The answer {status, headers, body} for a failure: a row of NAMED, or a bare status for which the
 * ordinary type and message are filled in. `extra` overrides fields and adds headers.
 */
export function errorAnswer(which, requestId, extra = {}) {
  const row = typeof which === "number" ? { status: which } : NAMED[which];
  const headers = { ...row.headers, ...extra.headers };
  if (extra.retry_after !== undefined) headers["retry-after"] = String(extra.retry_after);
  if (extra.retry_after_ms !== undefined) headers["retry-after-ms"] = String(extra.retry_after_ms);
  if (row.html) {
    return { status: row.status, headers: { ...headers, "content-type": "text/html" },
      body: row.html };
  }
  const type = extra.error_type ?? row.type ?? TYPE_OF_STATUS[row.status] ?? "api_error";
  const message = extra.message ?? row.message ?? MESSAGE_OF_TYPE[type] ?? "Unknown error";
  const details = extra.details ?? row.details;
  return {
    status: row.status,
    headers: { ...headers, "content-type": "application/json", "request-id": requestId },
    body: errorBody({ type, message, details }, requestId),
  };
}

/** The message that goes with an error type inside a stream. */
export function messageOf(type) {
  return MESSAGE_OF_TYPE[type] ?? "Unknown error";
}
