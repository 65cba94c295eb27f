// What travels with the pages: the files that they name, and the words that are true before a run.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Browser, connection, invited } from "./browser.mjs";
import { ROOT, startWorld } from "./harness.mjs";

let world;
before(async () => {
  world = await startWorld();
});
after(() => world?.close());

const TYPES = { css: "text/css; charset=utf-8", js: "text/javascript; charset=utf-8", svg: "image/svg+xml" };

describe("a file of the pages", () => {
  const files = readdirSync(join(ROOT, "static")).filter((name) => name.split(".").pop() in TYPES);

  it("is served with its type, for pages of ours alone, and not again while it is the same", async () => {
    assert.ok(files.includes("app.css") && files.includes("app.js"));
    const browser = new Browser(world);
    for (const name of files) {
      const answer = await browser.get(`/static/${name}`);
      assert.equal(answer.status, 200, name);
      assert.equal(answer.headers["content-type"], TYPES[name.split(".").pop()]);
      assert.equal(answer.headers["x-content-type-options"], "nosniff");
      assert.equal(answer.headers["cross-origin-resource-policy"], "same-origin");
      assert.equal(answer.headers["cache-control"], "no-cache");
      assert.match(answer.headers["content-security-policy"], /default-src 'none'; sandbox/);
      assert.equal(answer.headers["set-cookie"], undefined);
      const again = await browser.get(`/static/${name}`, { headers: { "if-none-match": answer.headers.etag } });
      assert.equal(again.status, 304, name);
    }
  });

  it("is there when a page or another file names it, and names no other host", async () => {
    const browser = await invited(world, world.user());
    const queue = ["/"];
    const seen = new Set(queue);
    while (queue.length) {
      const path = queue.shift();
      const { status, text } = await browser.get(path);
      assert.equal(status, 200, path);
      assert.doesNotMatch(text, /<script(?! type="module" src="\/static\/)|<style|\son[a-z]+=|style="/, path);
      assert.doesNotMatch(text.replaceAll("http://www.w3.org/2000/svg", ""), /(?:src|href|url|from)[="'( ]+(?:https?:)?\/\//, path);
      for (const [found] of text.matchAll(/\/static\/[\w./-]+/g))
        if (!seen.has(found)) {
          seen.add(found);
          queue.push(found);
        }
    }
    assert.ok(seen.size > 5, [...seen].join(" "));
  });
});

it("before each run the accounts are read anew, and what is stored is true afterwards", async () => {
  const user = await world.connected();
  for (const connector of ["sanity", "slack"]) await world.request("POST", `/users/${user}/connections/${connector}/check`);
  await world.account(user, "slack", { status: "EXPIRED" });
  assert.equal((await connection(world, user, "slack")).status, "ACTIVE", "nobody has said anything yet");
  const { id } = await world.accepted(user, { mode: "preview" });
  await world.until(id, ({ status }) => status === "blocked");
  const { status, usable } = await connection(world, user, "slack");
  assert.deepEqual({ status, usable }, { status: "EXPIRED", usable: false });
});
