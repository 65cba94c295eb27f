// The documentation: every page is there, every link in it leads somewhere, and every code is explained.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { startWorld } from "./harness.mjs";

const root = new URL("../../", import.meta.url);
const pages = [...readdirSync(new URL("static/docs/", root)).map((file) => file.replace(/\.md$/, "")), "reference"];
const pathOf = (page) => page === "index" ? "/docs" : `/docs/${page}`;

let world;
const html = {}; // path → text
before(async () => {
  world = await startWorld();
  for (const page of pages) {
    const answer = await fetch(`${world.url}${pathOf(page)}`);
    assert.equal(answer.status, 200, page);
    assert.match(answer.headers.get("content-type"), /^text\/html/);
    assert.match(answer.headers.get("content-security-policy"), /default-src 'none'/);
    html[pathOf(page)] = await answer.text();
  }
});
after(() => world?.close());

test("every page has a title, is in the menu of every other, and needs no script", () => {
  for (const [path, text] of Object.entries(html)) {
    assert.equal(text.match(/<h1[ >]/g)?.length, 1, path);
    assert.ok(!/<script|<style|style="/.test(text), path);
    for (const page of pages) assert.ok(text.includes(`href="${pathOf(page)}"`), `${page} is in the menu of ${path}`);
  }
});

test("every link within the documentation leads to a part that exists", async () => {
  for (const [path, text] of Object.entries(html)) {
    for (const [, href] of text.matchAll(/href="([^"]*)"/g)) {
      if (/^https?:/.test(href)) continue;
      const { pathname, hash } = new URL(href.replaceAll("&amp;", "&"), `http://docs${path}`);
      if (hash) assert.ok(html[pathname]?.includes(`id="${hash.slice(1)}"`), `${href} in ${path}`);
      else assert.equal((await fetch(world.url + pathname)).status, 200, `${href} in ${path}`);
    }
  }
});

test("a page that is not there is 404, and a known one is not sent twice", async () => {
  assert.equal((await fetch(`${world.url}/docs/nothing`)).status, 404);
  const first = await fetch(`${world.url}/docs`);
  const second = await fetch(`${world.url}/docs`, { headers: { "if-none-match": first.headers.get("etag") } });
  assert.equal(second.status, 304);
});

const codesOf = (file, pattern) => [...readFileSync(new URL(file, root), "utf8").matchAll(pattern)].map((m) => m[1]);

const ofAnswers = codesOf("src/web/reply.h", /X\((\w+), \d{3}/g);
const ofBriefings = readFileSync(new URL("src/store/run_counts.c", root), "utf8").match(/ codes\[\] = \{([^}]*)\}/)[1].match(/\w+/g);

test("every code of an answer and of a briefing is explained: who must act, whether again, whether posted", () => {
  assert.ok(ofAnswers.length + ofBriefings.length > 40);
  const entries = new Map(readFileSync(new URL("static/docs/errors.md", root), "utf8").split(/^#{2,3} /m)
    .map((part) => [/^`(\w+)`\n/.exec(part)?.[1], part]));
  for (const code of new Set([...ofAnswers, ...ofBriefings])) {
    assert.ok(html["/docs/errors"].includes(`id="${code}"`), code);
    const entry = entries.get(code);
    assert.match(entry, /\*\*(Nobody|Caller|User|Operator|(A p|P)erson)/, `${code}: who must act`);
    assert.match(entry, /Again:\s+\w/, `${code}: does trying again help`);
    if (ofBriefings.includes(code)) assert.match(entry, /Posted:\s+(nothing|\*\*perhaps)/, `${code}: was anything posted`);
  }
  const retryable = codesOf("src/web/reply.h", /X\((\w+), \d{3}, true/g);
  assert.ok(retryable.length > 5);
  for (const code of retryable) assert.doesNotMatch(entries.get(code), /Again:\s+(no|not)\b/, code);
});
