// A client of Server-Sent Events (WHATWG HTML, 9.2.6) that keeps everything it saw, so that a test can
// look at what EventSource would hide: comments, the lines as they came, and how the stream ended.

import http from "node:http";
import { eventually } from "./processes.mjs";

/** One block of a stream, between two empty lines. */
function parse(block) {
  const frame = { comments: [] };
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "") frame.comments.push(value);
    else frame[name] = name === "data" && "data" in frame ? `${frame.data}\n${value}` : value;
  }
  return frame;
}

class Stream {
  frames = []; // every block
  status = null;
  headers = null;
  error = null; // the connection was cut
  isOver = false;

  constructor(url, path, headers, { pausedAfterHeaders = false, agent } = {}) {
    this.answered = new Promise((resolve) => { this.#answer = resolve; });
    this.over = new Promise((resolve) => { this.#end = resolve; });
    this.request = http.get(new URL(path, url), { headers, agent: agent ?? false }, (response) => {
      this.response = response;
      this.status = response.statusCode;
      this.headers = response.headers;
      response.setEncoding("utf8");
      response.on("error", (error) => this.#finish(error));
      response.on("end", () => this.#finish(null));
      if (pausedAfterHeaders) response.pause();
      else response.on("data", (text) => this.#take(text));
      this.#answer(this);
    });
    this.request.on("error", (error) => this.#finish(error));
  }

  #answer;
  #end;
  #rest = "";

  #take(text) {
    this.#rest += text;
    for (let at; (at = this.#rest.indexOf("\n\n")) >= 0;) {
      this.frames.push(parse(this.#rest.slice(0, at)));
      this.#rest = this.#rest.slice(at + 2);
    }
  }

  #finish(error) {
    this.error ??= error;
    this.isOver = true;
    this.#answer(this);
    this.#end(this);
  }

  /** Reads on, after pausedAfterHeaders. */
  readOn() {
    this.response.on("data", (text) => this.#take(text));
    this.response.resume();
  }

  /** What is not JSON's own is no event: the end, comments, hints. */
  get events() {
    return this.frames.filter(({ event }) => event !== undefined && event !== "end");
  }

  get items() {
    return this.events.map(({ data }) => JSON.parse(data));
  }

  get ids() {
    return this.events.map(({ id }) => Number(id));
  }

  get end() {
    const frame = this.frames.find(({ event }) => event === "end");
    return frame && JSON.parse(frame.data);
  }

  get comments() {
    return this.frames.flatMap(({ comments }) => comments);
  }

  until = (test, what) => eventually(() => test(this) || (this.isOver && !test(this) &&
    Promise.reject(new Error(`the stream ended before: ${what}`))), what);

  close() {
    this.request.destroy();
  }
}

/** GET path as a stream; resolves when the answer's head is there. */
export function follow(world, path, { key = world.key, headers = {}, ...more } = {}) {
  const bearer = key === null ? {} : { authorization: `Bearer ${key}` };
  const stream = new Stream(world.url, path,
    { accept: "text/event-stream", ...bearer, ...headers }, more);
  return stream.answered;
}

/** 1, 2, 3 … n */
export const upTo = (n, from = 1) => Array.from({ length: n - from + 1 }, (_, i) => from + i);
