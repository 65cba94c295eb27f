// A browser without a window: it keeps cookies, follows no redirect by itself, and sends what a
// browser sends with a form. Beside it the provider's consent page, as a person uses it.

import { send } from "./client.mjs";

export class Browser {
  cookies = new Map();

  constructor(world) {
    this.world = world;
  }

  get base() {
    return this.world.url;
  }

  async request(method, path, { headers = {}, cookies = true, ...more } = {}) {
    const jar = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const own = cookies && jar ? { cookie: jar } : {};
    const answer = await send(this.base, method, path, { headers: { ...own, ...headers }, ...more });
    for (const line of answer.headers["set-cookie"] ?? []) this.#take(line);
    return answer;
  }

  #take(line) {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
    if (/Max-Age=0\b/.test(line)) this.cookies.delete(name);
    else this.cookies.set(name, value);
  }

  get = (path, options) => this.request("GET", path, options);

  /** A form, sent from a page of our own unless headers say otherwise. */
  post(path, fields = {}, { headers = {}, ...more } = {}) {
    return this.request("POST", path, { ...more, raw: new URLSearchParams(fields).toString(),
      headers: { "content-type": "application/x-www-form-urlencoded", origin: this.base,
        "sec-fetch-site": "same-origin", ...headers } });
  }

  /** JSON as a script of our page sends it. */
  async script(method, path, body, headers = {}) {
    const { token } = await this.page("/");
    return this.request(method, path, { ...(body !== undefined && { body }),
      headers: { origin: this.base, "x-csrf-token": token, ...headers } });
  }

  /** A page, and the token of its forms. */
  async page(path, options) {
    const answer = await this.get(path, options);
    return { ...answer, token: tokenOf(answer.text), code: codeOf(answer.text) };
  }

  /** Opens a page and presses the button of the form that posts to `action`. */
  async press(path, action, fields = {}) {
    const { token } = await this.page(path);
    return this.post(action, { csrf_token: token, ...fields });
  }

  /** Opens a ticket and says yes. */
  redeem = (url) => this.press(new URL(url).pathname, new URL(url).pathname);

  /** From the button to ScaleKit's link. */
  async start(connector, fields = {}) {
    const started = await this.press("/", `/oauth/${connector}/start`, fields);
    if (started.status !== 303) throw new Error(`start: ${started.status} ${codeOf(started.text)}`);
    const go = await this.get(started.headers.location);
    if (go.status !== 200) throw new Error(`go: ${go.status} ${codeOf(go.text)}`);
    return unescaped(/<a class="button go" href="([^"]+)"/.exec(go.text)[1]);
  }

  /** The whole way; the answer of the callback. */
  async connect(connector, options) {
    const back = await consent(await this.start(connector), options);
    return this.get(back);
  }
}

export const tokenOf = (html) => /name="csrf_token" value="([^"]+)"/.exec(html)?.[1];
export const codeOf = (html) => /data-code="([^"]+)"/.exec(html)?.[1];
const unescaped = (text) => text.replaceAll("&amp;", "&");

/** A person at the provider: the path and query of the address they are sent back to. */
export async function consent(link, { decision = "allow", choice = "0" } = {}) {
  const opened = await fetch(link);
  const cookie = opened.headers.get("set-cookie").split(";")[0];
  const reader = /name="reader" value="([^"]+)"/.exec(await opened.text())[1];
  const decided = await fetch(link, { method: "POST", redirect: "manual", headers: { cookie },
    body: new URLSearchParams({ reader, decision, choice }) });
  await decided.arrayBuffer();
  const back = new URL(decided.headers.get("location"));
  return back.pathname + back.search;
}

/** A ticket for this user: its address. */
export async function ticketFor(world, user, fields = {}) {
  const answer = await world.request("POST", `/users/${user}/connect-tickets`, { body: fields });
  if (answer.status !== 201) throw new Error(`ticket: ${answer.status} ${answer.text}`);
  return answer.body.url;
}

/** A browser that has redeemed a ticket of this user. */
export async function invited(world, user, fields) {
  const browser = new Browser(world);
  const answer = await browser.redeem(await ticketFor(world, user, fields));
  if (answer.status !== 303) throw new Error(`redeem: ${answer.status} ${codeOf(answer.text)}`);
  return browser;
}

/** What the service says of one connection. */
export async function connection(world, user, connector) {
  return (await world.request("GET", `/users/${user}/connections/${connector}`)).body;
}
