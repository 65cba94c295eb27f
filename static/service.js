// Requests of the page to the service: JSON, with the session's token. A problem document becomes an Error whose message is
// for people and whose `fields` tell which input was wrong.

const token = () => document.querySelector('meta[name="csrf-token"]')?.content ?? "";

export class Problem extends Error {
  constructor(status, body) {
    super(body?.detail ?? `The service answered with ${status}.`);
    this.status = status;
    this.code = body?.code;
    this.fields = body?.errors ?? [];
    this.retryable = body?.retryable ?? status >= 500;
  }
}

export async function ask(method, path, { body, headers = {}, signal } = {}) {
  const answer = await fetch(path, {
    method,
    signal,
    credentials: "same-origin",
    headers: {
      accept: "application/json",
      ...(body ? { "content-type": "application/json" } : {}),
      ...(method === "GET" ? {} : { "x-csrf-token": token() }),
      ...headers,
    },
    body: body ? JSON.stringify(body) : undefined,
  });
  if (answer.status === 304) return { status: 304, etag: answer.headers.get("etag"), body: null };
  const text = await answer.text();
  let parsed = null;
  try {
    parsed = text ? JSON.parse(text) : null;
  } catch {
    parsed = null;
  }
  if (!answer.ok) throw new Problem(answer.status, parsed);
  return { status: answer.status, etag: answer.headers.get("etag"), body: parsed };
}
