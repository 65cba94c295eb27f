// The documentation as a person reads it, on a phone and at a desk.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ROOT, startWorld } from "../system/harness.mjs";
import { assertAccessible, assertFits, assertTouchable, launch, open } from "./chromium.mjs";

const pages = [...readdirSync(join(ROOT, "static/docs")).map((file) => file.replace(/\.md$/, "")), "reference"];

let world, chromium;
before(async () => {
  [world, chromium] = await Promise.all([startWorld(), launch()]);
});
after(async () => {
  await chromium?.close();
  await world?.close();
});

/** What is wider than its place and can only be read by scrolling sideways. */
const cutTables = (page) => page.locator(".docs-table").evaluateAll((all) => all
  .filter((table) => table.scrollWidth > table.clientWidth).map((table) => table.innerText.slice(0, 80)));

for (const name of pages) {
  test(`${name}: fits, with every table as a whole, and shows in the menu where it is`, async () => {
    const page = await open(chromium, { width: 1280, scripts: false });
    await page.goto(`${world.url}${name === "index" ? "/docs" : `/docs/${name}`}`);
    for (const width of [1280, 700, 360]) {
      await page.setViewportSize({ width, height: 800 });
      await assertFits(page, `${name}, ${width}`);
      assert.deepEqual(await cutTables(page), [], `${name}, ${width}`);
      const here = await page.locator(".docs-menu [aria-current]").boundingBox();
      assert.ok(here.x >= 0 && here.x + here.width <= width, `${name}, ${width}: the menu shows where it is`);
    }
    await assertTouchable(page, name);
    await page.context().close();
  });
}

test("a page of every kind is accessible", async () => {
  const page = await open(chromium, { width: 1280 });
  for (const name of ["", "/api", "/errors", "/promises"]) {
    await page.goto(`${world.url}/docs${name}`);
    await assertAccessible(page, name);
  }
  assert.deepEqual(page.problems, []);
});
