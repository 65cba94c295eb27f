// An editor on a machine of their own (single-user mode): connecting, briefing, and what heals.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { startWorld } from "../system/harness.mjs";
import { anotherTab, assertAccessible, assertFits, assertHeaders, assertSound, connect, decide, launch, open,
  toConsent } from "./chromium.mjs";

const USER = "editor";
let world, chromium;
before(async () => {
  [world, chromium] = await Promise.all([startWorld({ env: { USER_ID: USER } }), launch()]);
});
after(async () => {
  await chromium?.close();
  await world?.close();
});

/** A page of the app with nothing connected. */
async function fresh(options) {
  for (const connector of ["sanity", "slack"])
    await world.request("DELETE", `/users/${USER}/connections/${connector}`);
  const page = await open(chromium, options);
  assertHeaders(await page.goto(world.url));
  return page;
}

const press = (page, name) => page.getByRole("button", { name, exact: true }).click();
/** They are open for somebody who has none yet. */
const showDefaults = (page) => page.locator(".defaults").evaluate((details) => {
  details.open = true;
});
const stepsOf = (page) => page.locator(".timeline li").evaluateAll((all) => all.map(({ dataset }) => dataset.type));
const status = (page, word) => page.locator(`.run[data-status="${word}"]`).waitFor();

describe("an editor", () => {
  it("connects both, sends a briefing, watches it, loses Slack, and heals a blocked one", async () => {
    const page = await fresh();
    await page.getByRole("button", { name: "Send a briefing now" }).waitFor();
    await assertAccessible(page, "the app without connections");
    await connect(page, "sanity");
    await connect(page, "slack");
    assert.match(await page.locator(".notice-ok").first().textContent(), /Slack is connected/);
    await page.getByRole("button", { name: "Send a briefing now" }).waitFor();
    await assertAccessible(page, "the app with connections");

    await world.latency({ model_ms: 300 });
    await press(page, "Send a briefing now");
    await page.waitForURL(/\/b\/br_/);
    await page.locator('.timeline li[data-type="model_asked"]').first().waitFor();
    assert.equal(await page.locator('.timeline li[data-type="delivered"]').count(), 0, "watched while it happens");
    await status(page, "succeeded");
    await world.latency({ model_ms: 0 });
    await page.locator('.timeline li[data-type="delivered"]').waitFor();
    await page.locator(".message strong").first().waitFor();
    const [post] = await world.posts(USER);
    const shown = await page.locator(".message").textContent();
    assert.ok(!/\*[A-Z]|&amp;|<https?:/.test(shown), `shown as Slack shows it: ${shown}`);
    assert.ok(post.text.length > 0);
    const live = await stepsOf(page);
    assertHeaders(await page.reload());
    await page.locator('.timeline li[data-type="delivered"]').waitFor();
    const last = await page.locator(".run").getAttribute("data-last-event");
    await page.locator(`.timeline li[data-n="${last}"]`).waitFor();
    assert.deepEqual((await stepsOf(page)).slice(0, live.length), live, "the same after a reload");
    await assertAccessible(page, "a finished briefing");

    await page.goto(world.url);
    await page.locator("#connection-slack form.disconnect button").click();
    await page.locator("#connection-slack.state-absent").waitFor();
    await press(page, "Send a briefing now");
    await page.waitForURL(/\/b\/br_/);
    await status(page, "blocked");
    const way = page.getByRole("link", { name: "Connect Slack" });
    await way.waitFor();
    await assertAccessible(page, "a blocked briefing");
    const blocked = page.url();
    await way.click();
    await page.waitForURL(/connect=slack/);
    await connect(page, "slack");
    await page.goto(blocked);
    await status(page, "succeeded");
    assert.equal((await world.posts(USER)).length, 2);
    assert.deepEqual(page.problems, []);
  });

  it("previews without posting, and keeps defaults of their own", async () => {
    const page = await fresh();
    await connect(page, "sanity");
    await connect(page, "slack");
    const before = (await world.posts(USER)).length;
    await showDefaults(page);
    await page.locator('.recipe input[name="params.slack_channel"]').fill("C0NEWSROOM1");
    await press(page, "Save defaults");
    await page.getByText("Saved.").waitFor();
    assert.equal(await page.locator(".effective").textContent().then((text) => text.includes("C0NEWSROOM1")), true);
    await page.reload();
    assert.equal(await page.locator('.recipe input[name="params.slack_channel"]').inputValue(), "C0NEWSROOM1");
    await press(page, "Preview");
    await page.waitForURL(/\/b\/br_/);
    await status(page, "succeeded");
    await page.locator(".message strong").first().waitFor();
    assert.equal((await world.posts(USER)).length, before);
  });

  it("is told which default is wrong, next to it", async () => {
    const page = await fresh();
    await showDefaults(page);
    await page.locator('.recipe input[name="params.slack_channel"]').fill("not a channel <b>");
    await press(page, "Send a briefing now");
    await page.locator('.recipe input[name="params.slack_channel"][aria-invalid="true"]').waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.name), "params.slack_channel", "and is there at once");
    assert.notEqual(await page.locator(".recipe .field-error").allTextContents().then((all) => all.join("")), "");
    await assertAccessible(page, "a form with an error");
  });

  it("says no at the provider, and is not connected", async () => {
    const page = await fresh();
    await toConsent(page, "slack");
    await decide(page, "deny");
    await page.locator('[data-code="access_denied"]').waitFor();
    await assertSound(page, null, "denied");
    await page.goto(world.url);
    assert.equal(await page.locator("#connection-slack.state-usable").count(), 0);
  });

  it("connects in two tabs at once, and both succeed", async () => {
    const first = await fresh();
    const second = await anotherTab(first);
    await second.goto(world.url);
    await toConsent(first, "slack");
    await toConsent(second, "sanity");
    await decide(first);
    await decide(second);
    await second.locator("#connection-sanity.state-usable").waitFor();
    await second.locator("#connection-slack.state-usable").waitFor();
  });

  it("connects the same account in two tabs, and both succeed", async () => {
    const first = await fresh();
    const second = await anotherTab(first);
    await second.goto(world.url);
    await toConsent(first, "slack");
    await toConsent(second, "slack");
    await decide(second);
    await second.locator("#connection-slack.state-usable").waitFor();
    await decide(first);
    await first.locator("#connection-slack.state-usable").waitFor();
  });

  it("connects, keeps defaults, briefs and disconnects without JavaScript", async () => {
    const page = await fresh({ scripts: false });
    await connect(page, "slack");
    await connect(page, "sanity");
    if (await page.locator(".defaults:not([open])").count()) await page.locator(".defaults summary").click();
    await page.getByLabel("Time zone").fill("Atlantic/Faroe");
    await press(page, "Save defaults");
    await page.getByText("Saved.").waitFor();
    await press(page, "Preview");
    await page.waitForURL(/\/b\/br_/);
    const ended = page.locator('.run[data-status="succeeded"]');
    await world.eventually(async () => {
      await page.reload();
      return ended.count();
    }, "the preview is ready");
    assert.match(await page.locator(".timeline").innerText(), /Accepted[\s\S]*The message is ready; nothing was posted/);
    assert.match(await page.locator("pre.message").innerText(), /Editorial Briefing/);
    assert.match(await page.locator(".facts").innerText(), /Atlantic\/Faroe/);
    await page.goto(world.url);
    await page.locator("#connection-slack form.disconnect button").click();
    await page.locator("#connection-slack.state-absent").waitFor();
  });

  it("needs no sideways scrolling on a phone, whatever is written", async () => {
    const page = await fresh({ width: 360 });
    await page.getByRole("button", { name: "Send a briefing now" }).waitFor();
    await assertFits(page, "the app without connections");
    await connect(page, "sanity");
    await connect(page, "slack");
    await page.getByRole("button", { name: "Preview" }).waitFor();
    await assertFits(page, "the app");
    await press(page, "Preview");
    await page.waitForURL(/\/b\/br_/);
    await status(page, "succeeded");
    await page.locator(".message strong").first().waitFor();
    await assertFits(page, "a briefing");
  });

  it("does everything with the keyboard alone, and always sees where the focus is", async () => {
    const page = await fresh();
    const tabTo = async (selector) => {
      for (let i = 0; i < 60; i++) {
        await page.keyboard.press("Tab");
        const [is, outline] = await page.evaluate((wanted) => [document.activeElement?.matches(wanted),
          getComputedStyle(document.activeElement).outlineStyle], selector);
        if (page.url().startsWith(world.url)) assert.notEqual(outline, "none", "where the focus is can be seen");
        if (is) return;
      }
      assert.fail(`Tab never reaches ${selector}`);
    };
    for (const connector of ["slack", "sanity"]) {
      await tabTo(`#connection-${connector} form.connect button`);
      await page.keyboard.press("Enter");
      await page.waitForURL(/\/magicLink\//);
      await tabTo('button[value="allow"]');
      await page.keyboard.press("Enter");
      await page.locator(`#connection-${connector}.state-usable`).waitFor();
    }
    await tabTo('button[value="preview"]');
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/b\/br_/);
    await status(page, "succeeded");
    await tabTo(".back a");
    await page.keyboard.press("Enter");
    await page.locator("#connection-slack.state-usable").waitFor();
    await tabTo("#connection-slack form.disconnect button");
    await page.keyboard.press("Enter");
    await page.locator("#connection-slack.state-absent").waitFor();
  });

  it("finds a helpful page where a briefing is not", async () => {
    const page = await open(chromium);
    const answer = await page.goto(`${world.url}/b/br_01K00000000000000000000000`);
    assert.equal(answer.status(), 404);
    await page.locator('[data-code="not_found"]').waitFor();
    await assertSound(page, answer, "no such briefing");
  });
});
