// Small pieces of HTTP that the listeners share.

export class TooLarge extends Error {}

/** The whole body of a request as a Buffer; fails with TooLarge above `limit` bytes. */
export function readBody(req, limit = 4 << 20) {
  return new Promise((resolve, reject) => {
    const chunks = [];
    let size = 0;
    req.on("data", (chunk) => {
      size += chunk.length;
      if (size <= limit) chunks.push(chunk);
    });
    req.on("end", () => (size > limit ? reject(new TooLarge(`more than ${limit} bytes`))
      : resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks))));
    req.on("error", reject);
    req.on("close", () => {
      if (!req.complete) reject(new Error("the client left in the middle of its request"));
    });
  });
}

export function mediaType(req) {
  return (req.headers["content-type"] ?? "").split(";")[0].trim().toLowerCase();
}

export function sendJson(res, status, value) {
  const body = JSON.stringify(value);
  res.writeHead(status, { "content-type": "application/json",
    "content-length": Buffer.byteLength(body) });
  res.end(body);
}

export function sendHtml(res, status, body, headers = {}) {
  res.writeHead(status, { "content-type": "text/html; charset=utf-8", "cache-control": "no-store",
    "referrer-policy": "no-referrer", "content-length": Buffer.byteLength(body), ...headers });
  res.end(body);
}

export function cookie(req, name) {
  for (const part of (req.headers.cookie ?? "").split(";")) {
    const at = part.indexOf("=");
    if (part.slice(0, at).trim() === name) return part.slice(at + 1).trim();
  }
  return undefined;
}
