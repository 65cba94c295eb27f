// Errors as ScaleKit's REST API words them: google.rpc.Status with one ErrorInfo detail.

import { randomBytes } from "node:crypto";

const TYPE = "type.googleapis.com/scalekit.v1.errdetails.ErrorInfo";

// google.rpc code and HTTP status of each error_code that the sandbox answers.
const KINDS = {
  INVALID_ARGUMENT: [3, 400],
  FAILED_PRECONDITION: [9, 400],
  RESOURCE_NOT_FOUND: [5, 404],
  RESOURCE_ALREADY_EXISTS: [6, 409],
  PERMISSION_DENIED: [7, 403],
  UNAUTHENTICATED: [16, 401],
  UNIMPLEMENTED: [12, 501],
  UNSUPPORTED_MEDIA_TYPE: [3, 415],
  REQUEST_TOO_LARGE: [8, 413],
  INTERNAL: [13, 500],
};

// The google.rpc code that goes with an HTTP status, for tool errors.
const CODE_OF = { 400: 3, 401: 16, 403: 7, 404: 5, 409: 10, 413: 3, 429: 8, 500: 13, 501: 12,
  503: 14, 504: 4 };

export class ApiError extends Error {
  constructor(errorCode, message, { status, info = {} } = {}) {
    super(message);
    const [code, usual] = KINDS[errorCode];
    this.status = status ?? usual;
    this.code = code;
    this.info = { error_code: errorCode, ...info };
  }
}

/** A provider refused or failed a tool: the ScaleKit error that carries it. */
export class ToolError extends ApiError {
  constructor(status, toolCode, message, executionId) {
    super("INTERNAL", message, { status });
    this.code = CODE_OF[status] ?? 2;
    this.info = {
      error_code: "TOOL_ERROR",
      tool_error_info: {
        execution_id: executionId ?? "",
        tool_error_code: toolCode,
        tool_error_message: message,
      },
    };
  }
}

export function invalidFields(violations) {
  return new ApiError("INVALID_ARGUMENT", "validation failed", {
    info: { validation_error_info: { field_violations: violations } },
  });
}

export function invalidField(field, description, constraint = "invalid") {
  return invalidFields([{ field, description, constraint }]);
}

export function notFound(what, name) {
  return new ApiError("RESOURCE_NOT_FOUND", `${what} not found`, {
    info: { resource_info: { resource_name: what, description: `no ${what} "${name}"` } },
  });
}

export function errorBody(error) {
  return {
    code: error.code,
    message: error.message,
    details: [{
      "@type": TYPE,
      ...error.info,
      request_info: { request_id: randomBytes(8).toString("hex"), serving_data: "" },
    }],
  };
}
