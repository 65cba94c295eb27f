// HTTP as a caller of briefd speaks it. Plain node:http, so that a test can send any Host, any
// body and no body at all.

import http from "node:http";

/**
 * One request; {status, headers, text, body}, body being the parsed JSON or null.
 *
 *   body     a value, sent as JSON
 *   raw      a string or Buffer, sent as it is (give content-type yourself), or a list of them,
 *            sent chunked
 */
export function send(base, method, path, { body, raw, headers = {}, agent, seconds = 90 } = {}) {
  const url = new URL(path, base);
  const all = { ...headers };
  let parts = [];
  if (body !== undefined) {
    parts = [Buffer.from(JSON.stringify(body))];
    all["content-type"] ??= "application/json";
    all["content-length"] = parts[0].length;
  } else if (Array.isArray(raw)) {
    parts = raw;
    all["transfer-encoding"] = "chunked";
  } else if (raw !== undefined) {
    parts = [Buffer.from(raw)];
    all["content-length"] ??= parts[0].length;
  } else if (method !== "GET" && method !== "HEAD") {
    all["content-length"] = 0;
  }
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method, path, headers: all, agent }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode, headers: response.headers, text, body: parsed(text) });
      });
    });
    request.setTimeout(seconds * 1000, () => request.destroy(new Error(`no answer in ${seconds} s`)));
    // A refusal may come before the whole body was sent: then only the answer counts.
    request.on("error", (error) => {
      if (!request.res || !request.res.complete) reject(error);
    });
    for (const part of parts) request.write(part);
    request.end();
  });
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
