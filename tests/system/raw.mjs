// A socket that says what no HTTP client would: half a request, a byte at a time, one that is too
// large.

import { once } from "node:events";
import { connect } from "node:net";

export class Raw {
  #socket;
  #got = "";
  #wake = () => {};
  isClosed = false;

  /** Use dial(). */
  constructor(socket) {
    this.#socket = socket;
    socket.setEncoding("latin1");
    const changed = (change) => (value) => {
      change(value);
      this.#wake();
    };
    socket.on("data", changed((text) => { this.#got += text; }));
    socket.on("error", changed(() => { this.isClosed = true; })); // a reset is an end, too
    socket.on("close", changed(() => { this.isClosed = true; }));
  }

  say(text) {
    if (!this.isClosed) this.#socket.write(text, "latin1");
  }

  /** Says one character after the other, with a pause between them, until the other side hangs up. */
  async drip(text, pauseMs) {
    for (const character of text) {
      if (this.isClosed) return;
      this.say(character);
      await this.#change(pauseMs);
    }
  }

  /** The next answer, {status, headers, body}; null when the connection ends without one. */
  async answer() {
    for (;;) {
      const end = this.#got.indexOf("\r\n\r\n");
      const lines = end < 0 ? [] : this.#got.slice(0, end).split("\r\n");
      const headers = Object.fromEntries(lines.slice(1).map((line) => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }));
      const length = Number(headers["content-length"] ?? 0);
      if (end >= 0 && this.#got.length >= end + 4 + length) {
        const body = this.#got.slice(end + 4, end + 4 + length);
        this.#got = this.#got.slice(end + 4 + length);
        return { status: Number(lines[0].split(" ")[1]), headers, body };
      }
      if (this.isClosed) return null;
      await this.#change();
    }
  }

  /** Waits until the other side has hung up. */
  async closed() {
    while (!this.isClosed) await this.#change();
  }

  close() {
    this.#socket.destroy();
  }

  #change(ms) {
    return new Promise((resolve) => {
      const timer = ms && setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** A connection to the service at this URL. */
export async function dial(url) {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  return new Raw(socket);
}
