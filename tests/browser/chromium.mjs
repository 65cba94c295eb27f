// Debian's Chromium, a real one, for tests of the pages.
//
//   const chromium = await launch();
//   const page = await open(chromium, { width: 360, dark: true, scripts: false });
//   await assertAccessible(page);  await assertHeaders(response);
//
// The service listens on 127.0.0.1 and the sandbox on localhost: for a browser these are two sites.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"];
const PATIENCE = 20_000;

export const launch = () => chromium.launch({ executablePath: "/usr/bin/chromium", args: ARGS });

/** A page in a browser of its own: no cookie is shared with another. */
export async function open(browser, { width = 1200, dark = false, scripts = true, headers } = {}) {
  const context = await browser.newContext({ viewport: { width, height: 800 }, javaScriptEnabled: scripts,
    colorScheme: dark ? "dark" : "light", locale: "en-GB", timezoneId: "Europe/Oslo", extraHTTPHeaders: headers });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  page.problems = [];
  page.on("pageerror", (error) => page.problems.push(error.message));
  page.on("console", (line) => {
    if (/Content Security Policy|Content-Security-Policy/.test(line.text())) page.problems.push(line.text());
  });
  return page;
}

/** Another tab of the same browser. */
export const anotherTab = (page) => page.context().newPage();

/** From the app's button through our page in between, to the provider's consent page. */
export async function toConsent(page, connector) {
  await page.locator(`#connection-${connector} form.connect button`).click();
  await page.waitForURL(/\/magicLink\//);
}

/** The person at the provider decides; ends on a page of ours. */
export async function decide(page, decision = "allow") {
  await page.locator(`button[name="decision"][value="${decision}"]`).click();
  await page.waitForURL(/^http:\/\/127\.0\.0\.1/);
}

export async function connect(page, connector) {
  await toConsent(page, connector);
  await decide(page);
  await page.locator(`#connection-${connector}.state-usable`).waitFor();
}

/** Headers that every page of ours has. */
export function assertHeaders(response) {
  const headers = response.headers();
  const csp = headers["content-security-policy"] ?? "";
  const about = `${response.status()} ${response.url()}`;
  for (const rule of ["default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"])
    assert.ok(csp.includes(rule), `${about}: the policy has no ${rule}: ${csp}`);
  assert.doesNotMatch(csp, /unsafe|\*|data:/, about);
  assert.equal(headers["x-content-type-options"], "nosniff", about);
  assert.match(headers["referrer-policy"] ?? "", /^(no-referrer|same-origin|strict-origin)$/, about);
  assert.match(headers["cache-control"] ?? "", /no-store/, about);
}

/** axe-core finds nothing serious or critical, in light and in dark. */
export async function assertAccessible(page, name) {
  await page.evaluate(AXE);
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    // Colours are all that the second look can change.
    const only = colorScheme === "dark" ? { runOnly: ["color-contrast"] } : {};
    const found = await page.evaluate((more) => globalThis.axe.run(document, { resultTypes: ["violations"], ...more }), only);
    const serious = found.violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    const told = serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" | ")}`);
    assert.deepEqual(told, [], `${name}, ${colorScheme}`);
  }
}

/** Nothing is wider than the window. */
export async function assertFits(page, name) {
  const [content, window] = await page.evaluate(() =>
    [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(content <= window, `${name}: ${content} px wide in ${window} px`);
}

/** On a phone, whatever is there to be pressed is large enough for a finger. */
export async function assertTouchable(page, name) {
  const small = await page.locator("button, summary, input:not([type=hidden]), a.button, a.briefing, a.brand").evaluateAll((all) => all
    .filter((one) => one.checkVisibility())
    .map((one) => ({ html: one.outerHTML.slice(0, 100), height: one.getBoundingClientRect().height }))
    .filter(({ height }) => height < 44));
  assert.deepEqual(small, [], name);
}

/** Everything that is asked of any page, however it looks: headers, axe-core, a phone, a wide window. */
export async function assertSound(page, response, name) {
  if (response) assertHeaders(response);
  await assertAccessible(page, name);
  const before = page.viewportSize();
  for (const width of [360, 1280]) {
    await page.setViewportSize({ width, height: 800 });
    await assertFits(page, `${name}, ${width}`);
    if (width === 360) await assertTouchable(page, name);
  }
  await page.setViewportSize(before);
  assert.equal(await page.locator("h1").count(), 1, `${name}: one heading`);
  assert.deepEqual(page.problems, [], name);
}

/** Lines of Python with a connection `db` and these arguments from sys.argv[2] on. */
export function updateDatabase(world, lines, ...values) {
  execFileSync("python3", ["-c", `
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=10)
${lines}
db.commit()`, world.env.BRIEFD_DB, ...values]);
}

/** A ticket runs out, as if ten minutes had passed. */
export const expireTickets = (world, user) =>
  updateDatabase(world, 'db.execute("UPDATE connect_tickets SET expires_ms = 1 WHERE user_id = ?", [sys.argv[2]])', user);
