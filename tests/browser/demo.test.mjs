// What `./dev demo` leads a newcomer through, by the addresses that it prints and nothing else.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { BINARY, ROOT } from "../system/harness.mjs";
import { said, startProgram } from "../system/processes.mjs";
import { assertAccessible, assertHeaders, connect, launch, open } from "./chromium.mjs";

let chromium, demo;
before(async () => {
  const { PATH, HOME } = process.env;
  demo = startProgram(process.execPath, [join(ROOT, "tests/demo/demo.mjs")],
    { env: { PATH, HOME, BRIEFD_BIN: BINARY, BRIEFD_ROOT: ROOT }, cwd: ROOT });
  chromium = await launch();
});
after(async () => {
  await chromium?.close();
  demo?.kill("SIGINT");
  const exit = await demo?.ended;
  assert.equal(exit?.code, 0, said(demo));
});

/** The first printed line with this in it. */
const printed = (pattern) => demo.line((line) => pattern.test(line), 120);

describe("the demo", () => {
  it("leads a newcomer from two buttons to the first message in the channel", async () => {
    await printed(/In a browser, as/);
    const [url] = /http:\S+/.exec(await printed(/^\s*http:\/\/127\.0\.0\.1:\d+\/$/));
    const [channel] = /http:\S+/.exec(await printed(/identifier=demo-newcomer/));
    const page = await open(chromium);
    assertHeaders(await page.goto(url));
    await assertAccessible(page, "the newcomer's page");
    await page.getByText("Connect your accounts, then send your first briefing.").waitFor();
    await connect(page, "sanity");
    await connect(page, "slack");
    await page.getByRole("button", { name: "Preview" }).click();
    await page.waitForURL(/\/b\/br_/);
    await page.locator('.run[data-status="succeeded"]').waitFor();
    await page.getByRole("link", { name: "All briefings" }).click();
    await page.getByRole("button", { name: "Send a briefing now" }).click();
    await page.waitForURL(/\/b\/br_/);
    await page.locator('.run[data-status="succeeded"]').waitFor();
    const message = await page.locator(".message").innerText();
    const slack = await open(chromium);
    await slack.goto(channel);
    const shown = await slack.locator("article.message .text").innerText();
    const words = (text) => text.replace(/\s+/g, " ").trim();
    assert.ok(words(shown).endsWith(words(message)), `${words(shown)}\n\n${words(message)}`);
    assert.equal(await slack.locator("article.message").count(), 1);
    assert.deepEqual(page.problems, []);
  });

  it("does not take a browser's word for who it is", async () => {
    const [url] = /http:\S+/.exec(await printed(/^\s*http:\/\/127\.0\.0\.1:\d+\/$/));
    const answer = await fetch(url, { headers: { "x-forwarded-user": "demo-editor" } });
    assert.match(await answer.text(), /data-user="demo-newcomer"/);
  });
});
