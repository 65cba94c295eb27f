// What the sandbox's own tests share: a running sandbox, and a small client of it.

import { after, before, beforeEach } from "node:test";
import { startSandbox } from "./sandbox.mjs";

export const JSON_TYPE = { "content-type": "application/json" };

/** Starts a sandbox for the tests of a file, resets it before each of them, stops it at the end. */
export function useSandbox(options) {
  const it = {};
  before(async () => {
    it.sandbox = await startSandbox(options);
    it.base = it.sandbox.urls.scalekit;
    it.control = it.sandbox.control;
  });
  after(() => it.sandbox.close());
  beforeEach(async () => {
    await it.control("POST", "/reset");
    it.token = (await it.newToken()).access_token;
  });

  it.form = async (fields, headers = {}) => fetch(`${it.base}/oauth/token`,
    { method: "POST", body: new URLSearchParams(fields), headers });

  it.newToken = async () => {
    const { client_id, client_secret } = it.sandbox.credentials;
    return (await it.form({ grant_type: "client_credentials", client_id, client_secret })).json();
  };

  /** Calls the API; {status, body}. A string body is sent as it is. */
  it.api = async (method, path, body, headers = {}, signal = undefined) => {
    const answer = await fetch(it.base + path, {
      method,
      signal,
      headers: { authorization: `Bearer ${it.token}`, ...(body !== undefined && JSON_TYPE),
        ...headers },
      body: body === undefined || typeof body === "string" ? body : JSON.stringify(body),
    });
    return { status: answer.status, body: await answer.json() };
  };

  it.tool = (name, params = {}, more = {}) => it.api("POST", "/api/v1/execute_tool",
    { tool_name: name, identifier: "ada", params, ...more });

  it.connect = (connection, identifier = "ada", more = {}) =>
    it.control("POST", "/connect", { identifier, connection, ...more });

  return it;
}

export function violations({ body }) {
  return body.details[0].validation_error_info.field_violations;
}

export function errorCode({ body }) {
  return body.details[0].error_code;
}
