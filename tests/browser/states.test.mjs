// Every state that a page can be in: it says in words what is the case and what to do, and is sound in light and
// dark, wide and narrow.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { startWorld } from "../system/harness.mjs";
import { assertSound, launch, open } from "./chromium.mjs";
import { BRIEFINGS, copyBriefing, LONG_TITLE, PATIENT } from "./states.mjs";

let world, chromium;
before(async () => {
  const env = { ...PATIENT, BRIEFD_TRUSTED_PROXY: "127.0.0.1", BRIEFD_TRUSTED_PROXY_HEADER: "X-Forwarded-User" };
  [world, chromium] = await Promise.all([startWorld({ env }), launch()]);
});
after(async () => {
  await chromium?.close();
  await world?.close();
});

/** A page of somebody whom the proxy has signed in: {page, response}. */
async function as(user, path = "/", options = {}) {
  const page = await open(chromium, { width: 1280, headers: { "x-forwarded-user": user }, ...options });
  return { page, response: await page.goto(world.url + path) };
}

// What the head says, and what to do: a piece of the advice, or the name of the link that leads there.
const EXPECTED = {
  posted: { state: "Posted" },
  preview: { state: "Preview ready" },
  running: { state: "Being written" },
  blocked: { state: "Waiting for you", link: "Connect Slack" },
  "blocked on both": { state: "Waiting for you", link: "Connect Sanity" },
  cancelled: { state: "Cancelled", advice: /Send a new briefing/ },
  expired: { state: "Not started", advice: /send a new briefing/, link: "Connect Sanity" },
  "expired in the queue": { state: "Not started", advice: /Its turn did not come in time/ },
  "not connected in time": { state: "Failed", link: "Connect Slack", advice: /Connect it/ },
  "channel refused": { state: "Failed", advice: /Check the channel/ },
  "declined by Claude": { state: "Failed", advice: /Send a new briefing/ },
  "nobody knows": { state: "Please check", advice: /Look into the channel/ },
  "long message": { state: "Preview ready" },
};
const RAW = /\b(queued|succeeded|[a-z]+(_[a-z]+)+)\b/;

describe("a briefing that is", () => {
  for (const [name, { state, advice, link }] of Object.entries(EXPECTED)) {
    it(`${name} says so, and what to do`, async () => {
      const { user, id } = await BRIEFINGS[name](world);
      const { page, response } = await as(user, `/b/${id}`);
      const html = await response.text();
      for (const part of [`>${state}</p>`, `<title>${state}: `, ...(advice ? [advice] : []), ...(link ? [`>${link}</a>`] : [])])
        assert.match(html, part instanceof RegExp ? part : new RegExp(part), "without scripts");
      assert.equal(await page.locator(".run-head .state").textContent(), state);
      const told = await page.locator(".run-head, .now, .timeline, .facts").allInnerTexts();
      assert.doesNotMatch(told.join("\n"), RAW);
      assert.ok(await page.locator(".timeline li").count() > 0);
      await assertSound(page, response, name);
      await page.goto(world.url);
      assert.equal(await page.locator(`.briefing[href="/b/${id}"] .state`).textContent(), state);
      await page.context().close();
    });
  }

  it("made of every mark that Slack knows is shown as Slack shows it, and nothing becomes markup", async () => {
    const { user, id } = await BRIEFINGS["long message"](world);
    const { page } = await as(user, `/b/${id}`);
    const message = page.locator(".message");
    await message.locator("strong").first().waitFor();
    const text = await message.innerText();
    for (const words of ["Editorial Briefing, Monday", "<b>bold</b>", "snake_case_title, 2*3*4 📝 gone drafts.x",
      "const a = *1*;", "The calendar and https://example.com/plain", LONG_TITLE])
      assert.ok(text.includes(words), `${words} is not in ${text}`);
    assert.equal(await message.locator("b").count(), 0);
    assert.equal(await message.getByRole("link", { name: "The calendar" }).getAttribute("href"), "https://example.com/a?b=1&c=2");
    for (const tag of ["em", "s", "code", "pre", "blockquote"]) assert.ok(await message.locator(tag).count() > 0, tag);
  });

  it("posted shows what the channel shows, word for word", async () => {
    const { user, id } = await BRIEFINGS.posted(world);
    const { page } = await as(user, `/b/${id}`);
    await page.locator(".message strong").first().waitFor();
    await page.getByText("Asking Sanity: query documents (3 times); Sanity: list releases").waitFor();
    const preview = await page.locator(".message").innerText();
    const slack = await open(chromium);
    await slack.goto(`${world.ready.scalekit}/slack/C0NEWSROOM1?identifier=${user}`);
    const words = (text) => text.replace(/\s+/g, " ").trim();
    const shown = words(await slack.locator("article.message .text").innerText());
    assert.ok(shown.endsWith(words(preview)), `${shown}\n\n${words(preview)}`);
  });

  it("looked at without scripts has room for its longer times", async () => {
    const { user, id } = await BRIEFINGS.preview(world);
    const { page } = await as(user, `/b/${id}`, { scripts: false });
    for (const width of [1280, 700, 360]) {
      await page.setViewportSize({ width, height: 800 });
      const cut = await page.locator(".timeline time").evaluateAll((all) => all.filter((one) => one.scrollWidth > one.clientWidth).length);
      assert.equal(cut, 0, `${width}`);
    }
  });

  it("blocked heals before the eyes of whoever has it open", async () => {
    const { user, id } = await BRIEFINGS.blocked(world);
    const { page } = await as(user, `/b/${id}`);
    await page.getByRole("link", { name: "Connect Slack" }).waitFor();
    await world.connect(user, "slack");
    await world.request("POST", `/users/${user}/connections/slack/check`);
    await page.locator('.run[data-status="succeeded"]').waitFor();
    await page.locator('.timeline li[data-type="unblocked"]').waitFor();
    assert.equal(await page.locator(".run-head .state").textContent(), "Posted");
    assert.equal(await page.getByRole("link", { name: "Connect Slack" }).count(), 0);
    await page.locator(".message strong").first().waitFor();
    const numbers = await page.locator(".timeline li").evaluateAll((all) => all.map(({ dataset }) => Number(dataset.n)));
    assert.deepEqual(numbers, numbers.map((_, i) => i + 1), "each step once, in order");
    assert.deepEqual(page.problems, []);
  });

  it("followed through a while in which the service cannot be reached", async () => {
    const { user, id } = await BRIEFINGS.blocked(world);
    const { page } = await as(user);
    await page.route(/\/briefings\//, (route) => route.abort());
    await page.goto(`${world.url}/b/${id}`);
    await page.locator(".trouble").waitFor();
    await page.unroute(/\/briefings\//);
    await world.connect(user, "slack");
    await world.request("POST", `/users/${user}/connections/slack/check`);
    await page.locator('.run[data-status="succeeded"]').waitFor();
    await page.locator(".trouble").waitFor({ state: "detached" });
  });
});

describe("the app page", () => {
  it("of somebody who has nothing yet says what to do first", async () => {
    const { page, response } = await as(world.user());
    await page.getByText("Connect your accounts, then send your first briefing.").waitFor();
    await page.getByText("None yet. The first one appears here.").waitFor();
    await assertSound(page, response, "the app without anything");
  });

  it("of somebody who has connected one of two accounts does not offer a first preview yet", async () => {
    const user = world.user();
    const { page } = await as(user);
    for (const [connector, words] of [["sanity", "Connect what is missing, then send your first briefing."],
      ["slack", "Look at a preview of your first briefing, then send it."]]) {
      await world.connect(user, connector);
      await world.request("POST", `/users/${user}/connections/${connector}/check`);
      await page.goto(world.url);
      await page.getByText(words).waitFor();
    }
  });

  it("suggests the browser's time zone, and keeps it", async () => {
    const { page } = await as(world.user());
    await page.getByRole("button", { name: "Use Europe/Oslo" }).click();
    assert.equal(await page.getByLabel("Time zone").inputValue(), "Europe/Oslo");
    await page.getByLabel("Time zone").press("Enter");
    const saved = page.getByText("Saved.");
    await saved.waitFor();
    assert.match(await page.locator(".effective").textContent(), /Europe\/Oslo$/);
    await page.getByText("None yet.").waitFor();
    await assertSound(page, null, "saved defaults");
  });

  it("shows a broken connection, one that an unknown word describes, and what has to be done", async () => {
    const user = await world.connected();
    await world.account(user, "slack", { status: "EXPIRED" });
    await world.account(user, "sanity", { status: "PENDING_AUTH" });
    for (const connector of ["slack", "sanity"]) await world.request("POST", `/users/${user}/connections/${connector}/check`);
    const { page, response } = await as(user, "/?connect=slack");
    const slack = page.locator("#connection-slack.state-broken");
    assert.match(await slack.innerText(), /Needs you[\s\S]*Connect again/);
    await slack.getByRole("button", { name: "Connect again: Slack" }).waitFor();
    assert.match(await page.locator("#connection-sanity.state-absent").innerText(), /Not finished/);
    assert.equal(await page.locator(".need").count(), 2);
    await assertSound(page, response, "broken connections");
  });

  it("has pages for many briefings, and loses none", async () => {
    const { user, id } = await BRIEFINGS.preview(world);
    copyBriefing(world, id, 119);
    const { page, response } = await as(user);
    await assertSound(page, response, "many briefings");
    const seen = new Set();
    for (;;) {
      for (const href of await page.locator("a.briefing").evaluateAll((all) => all.map((link) => link.getAttribute("href")))) seen.add(href);
      const older = page.getByRole("link", { name: "Older" });
      if (await older.count() === 0) break;
      const before = page.url();
      await older.click();
      await page.waitForURL((url) => url.href !== before);
    }
    assert.equal(seen.size, 120);
    await page.getByRole("link", { name: "Newest" }).click();
    await page.locator(`.briefing[href="/b/${id}"]`).or(page.getByRole("link", { name: "Older" })).first().waitFor();
  });

  it("follows a briefing to its end, and a connection that is made elsewhere", async () => {
    const { user, id } = await BRIEFINGS.blocked(world);
    const { page } = await as(user);
    assert.equal(await page.locator(`.briefing[href="/b/${id}"]`).getAttribute("data-status"), "blocked");
    await world.connect(user, "slack");
    await world.request("POST", `/users/${user}/connections/slack/check`);
    await page.locator(`.briefing[href="/b/${id}"][data-status="succeeded"]`).waitFor();
    await page.locator("#connection-slack.state-usable").waitFor();
    assert.equal(await page.locator(".need").count(), 0);
  });

  it("starts one briefing, however often a button is pressed, and says at once that it was", async () => {
    const user = await world.connected();
    const { page } = await as(user);
    const button = page.getByRole("button", { name: "Send a briefing now" });
    let tell;
    const told = new Promise((resolve) => {
      tell = resolve;
    });
    await page.route(/\/brief\//, (route) => told.then(() => route.continue()));
    await page.exposeFunction("tell", tell);
    await page.evaluate(() => {
      const form = document.querySelector("form.brief");
      form.addEventListener("submit", () => setTimeout(() => {
        const pressed = form.querySelector(".is-busy");
        globalThis.tell({ busy: form.getAttribute("aria-busy"), pressed: pressed?.textContent, disabled: pressed?.disabled });
        form.requestSubmit();
      }, 100), { once: true });
    });
    await button.click({ noWaitAfter: true });
    assert.deepEqual(await told, { busy: "true", pressed: "Send a briefing now", disabled: true });
    await page.waitForURL(/\/b\/br_/);
    await page.locator('.run[data-status="succeeded"]').waitFor();
    assert.equal((await world.posts(user)).length, 1);
    await page.goBack();
    await button.waitFor();
    assert.equal(await button.isDisabled(), false);
  });
});
