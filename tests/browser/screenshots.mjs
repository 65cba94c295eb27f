#!/usr/bin/env node
// A picture of every page in every state, wide and narrow, light and dark, for people to look at.
//
//   ./dev build && node tests/browser/screenshots.mjs [NAME…]     into build/screenshots
//
// With names, only pictures whose name contains one of them are taken.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { ticketFor } from "../system/browser.mjs";
import { ROOT, startWorld } from "../system/harness.mjs";
import { connect, decide, expireTickets, launch, open, toConsent } from "./chromium.mjs";
import { agreed, BRIEFINGS, copyBriefing, ENDS, PATIENT } from "./states.mjs";

const folder = process.env.BRIEFD_SHOTS ?? join(ROOT, "build/screenshots");
const wanted = process.argv.slice(2);
const isWanted = (name) => wanted.length === 0 || wanted.some((word) => name.includes(word));
const LOOKS = [[1280, "light"], [1280, "dark"], [360, "light"], [360, "dark"]];

mkdirSync(folder, { recursive: true });
const chromium = await launch();
const proxy = await startWorld({ env: { ...PATIENT, BRIEFD_TRUSTED_PROXY: "127.0.0.1", BRIEFD_TRUSTED_PROXY_HEADER: "X-Forwarded-User" } });
const tickets = await startWorld();

async function picture(page, name) {
  if (!isWanted(name)) return;
  for (const [width, colorScheme] of LOOKS) {
    await page.setViewportSize({ width, height: 800 });
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.screenshot({ path: join(folder, `${name}-${width}-${colorScheme}.png`), fullPage: true });
  }
  console.log(name);
}

/** A page of somebody whom the proxy has signed in. */
async function as(user, path = "/", options = {}) {
  const page = await open(chromium, { width: 1280, headers: { "x-forwarded-user": user }, ...options });
  await page.goto(proxy.url + path);
  return page;
}

const slug = (text) => text.toLowerCase().replaceAll(" ", "-");

async function briefings() {
  for (const [name, make] of Object.entries(BRIEFINGS)) {
    const shot = `briefing-${slug(name)}`;
    if (!isWanted(shot)) continue;
    const { user, id } = await make(proxy);
    const page = await as(user, `/b/${id}`);
    await picture(page, shot);
    await page.context().close();
  }
  if (!isWanted("briefing-no-script")) return;
  const { user, id } = await BRIEFINGS.preview(proxy);
  await picture(await as(user, `/b/${id}`, { scripts: false }), "briefing-no-script");
}

async function app() {
  await picture(await as(proxy.user()), "app-empty");
  await picture(await as(proxy.user(), "/", { scripts: false }), "app-empty-no-script");
  await picture(await as("u".repeat(100)), "app-long-name");
  const user = proxy.user();
  const page = await as(user);
  await connect(page, "sanity");
  await picture(page, "app-one-connected");
  await connect(page, "slack");
  await picture(page, "app-connected");
  await page.locator('.recipe input[name="params.slack_channel"]').fill("#newsroom <b>");
  await page.locator('.recipe input[name="timezone"]').fill("Oslo");
  await page.getByRole("button", { name: "Preview" }).click();
  await page.locator('[aria-invalid="true"]').first().waitFor();
  await picture(page, "app-field-error");
  await page.goto(proxy.url);
  await page.getByRole("button", { name: "Save defaults" }).click();
  await page.getByText("Saved.").waitFor();
  await picture(page, "app-saved");
  await proxy.brief(user, { mode: "preview" }).then(({ body }) => proxy.untilEnd(body.id));
  const { body: { id } } = await proxy.brief(user);
  await proxy.untilEnd(id);
  await proxy.account(user, "slack", { status: "EXPIRED" });
  await proxy.request("POST", `/users/${user}/connections/slack/check`);
  await page.goto(proxy.url);
  await picture(page, "app-broken");
  await proxy.brief(user);
  copyBriefing(proxy, id, 44);
  await page.goto(`${proxy.url}/?connect=slack`);
  await picture(page, "app-many");
  await page.locator("a.older").click();
  await picture(page, "app-older");
  await picture(await as(user, "/b/br_01K00000000000000000000000"), "note-no-briefing");
  await picture(await as(user, "/nowhere"), "note-nowhere");
  await page.goto(proxy.url);
  await page.getByRole("button", { name: "Sign out" }).click();
  await picture(page, "signed-out-proxy");
  const nobody = await open(chromium, { width: 1280 });
  await nobody.goto(proxy.url);
  await picture(nobody, "note-nobody-proxy");
}

async function byTicket() {
  const user = tickets.user();
  const page = await open(chromium, { width: 1280 });
  const url = await ticketFor(tickets, user, { display_name: "Ada Lovelace", confirm: true });
  await page.goto(url);
  await picture(page, "ticket");
  await page.locator("form.redeem button").click();
  await picture(page, "ticket-app-empty");
  await page.route(/magicLink/, (route) => route.abort("aborted"));
  await page.locator("#connection-slack form.connect button").click({ noWaitAfter: true });
  await page.locator("a.go").waitFor();
  await picture(page, "go");
  await page.unroute(/magicLink/);
  await page.goto(tickets.url);
  await toConsent(page, "slack");
  await picture(page, "sandbox-consent");
  await decide(page);
  await picture(page, "ticket-app-waiting");
  await page.goto(url);
  await picture(page, "ticket-used");
  const late = await ticketFor(tickets, user);
  expireTickets(tickets, user);
  await page.goto(late);
  await picture(page, "ticket-expired");
  await page.goto(`${tickets.url}/connect/t/${"x".repeat(43)}`);
  await picture(page, "ticket-unknown");
  await page.goto(await ticketFor(tickets, tickets.user()));
  await picture(page, "ticket-mismatch");
  await page.goto(tickets.url);
  await page.getByRole("button", { name: "Sign out" }).click();
  await picture(page, "signed-out-ticket");
  await page.goto(tickets.url);
  await picture(page, "note-nobody-ticket");
}

/** Each way in which connecting can end, as the callback's page tells it. */
async function ends() {
  for (const [code, come] of Object.entries(ENDS)) {
    if (!isWanted(`end-${code}`)) continue;
    const page = await open(chromium, { width: 1280 });
    await come(tickets, page, await agreed(tickets, page));
    await page.locator(`[data-code="${code}"]`).waitFor();
    await tickets.clearFaults();
    await picture(page, `end-${code}`);
    await page.context().close();
  }
}

/** The documentation, page by page. */
async function docs() {
  const page = await open(chromium, { width: 1280 });
  await page.goto(`${tickets.url}/docs`);
  const paths = await page.locator('a[href^="/docs"]:not([href*="#"])').evaluateAll((all) => all.map((link) => link.getAttribute("href")));
  for (const path of new Set(paths)) {
    await page.goto(tickets.url + path);
    await picture(page, path.slice(1).replace("/", "-"));
  }
}

const groups = [[/^docs/, docs], [/^app|^note|^signed/, app], [/^briefing/, briefings], [/^ticket|^go|^sandbox|^signed|^note/, byTicket], [/^end/, ends]];
try {
  for (const [names, take] of groups)
    if (wanted.length === 0 || wanted.some((word) => names.test(word))) await take();
} finally {
  await chromium.close();
  await Promise.all([proxy.close(), tickets.close()]);
}
