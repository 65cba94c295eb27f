// Requests of a page to the service: JSON. A problem document becomes an Error with its status.

export async function ask(method, path, { headers = {} } = {}) {
  const answer = await fetch(path, { method, credentials: "same-origin", headers: { accept: "application/json", ...headers } });
  if (answer.status === 304) return { status: 304, body: null };
  const body = await answer.json().catch(() => null);
  if (!answer.ok)
    throw Object.assign(new Error(body?.detail ?? `The service answered with ${answer.status}.`), { status: answer.status });
  return { status: answer.status, body };
}
