// SIGHUP: recipes, connectors, models and secrets are read anew while briefings go on.

import assert from "node:assert/strict";
import { appendFile, cp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ask } from "./database.mjs";
import { eventually, ROOT, startWorld } from "./harness.mjs";

let world, config;
before(async () => {
  world = await startWorld({ briefd: false });
  config = join(world.folder, "config");
  for (const name of ["connectors.json", "models.json", "recipes"])
    await cp(join(ROOT, "config", name), join(config, name), { recursive: true });
  world.env.BRIEFD_CONFIG_DIR = config;
  await world.start();
});
after(() => world?.close());

const path = (...names) => join(config, ...names);
const prompt = () => path("recipes/editorial-briefing/prompt.md");
const recipes = async () => (await world.request("GET", "/recipes")).body.data;
const hash = async () => (await recipes()).find((recipe) => recipe.name === "editorial-briefing").hash;

/** Sends SIGHUP and waits for what becomes of it: the n-th line of this event. */
async function reload(event = "reloaded") {
  const lines = () => world.logs().filter((line) => line.event === event);
  const before = lines().length;
  world.signal("SIGHUP");
  await eventually(() => lines().length > before, event);
  return lines().at(-1);
}

test("a briefing under way keeps its recipe, the next one gets the new", async () => {
  const old = await hash();
  await world.fault({ endpoint: "anthropic.messages", skip: 1, count: 1, action: { type: "delay", ms: 1500 } });
  const user = await world.connected();
  const from = (await world.stats()).last;
  const { id } = await world.accepted(user);
  await eventually(async () => (await world.log("anthropic.messages", from)).length >= 2, "it is in the middle");
  await appendFile(prompt(), "\nBe brief.\n");
  await reload();
  const fresh = await hash();
  assert.notEqual(fresh, old);
  const run = await world.untilEnd(id);
  assert.deepEqual([run.status, run.recipe.hash, run.attempt], ["succeeded", old, 1]);
  const next = await world.briefToEnd(user, { mode: "preview" });
  assert.deepEqual([next.status, next.recipe.hash], ["succeeded", fresh]);
});

test("a recipe comes and goes", async () => {
  await cp(path("recipes/editorial-briefing"), path("recipes/evening"), { recursive: true });
  assert.equal((await reload()).recipes, 2);
  const user = await world.connected();
  assert.equal((await world.briefToEnd(user, { recipe: "evening", mode: "preview" })).status, "succeeded");
  await rm(path("recipes/evening"), { recursive: true });
  await reload();
  const answer = await world.brief(user, { recipe: "evening" });
  assert.deepEqual([answer.status, answer.body.code], [422, "unknown_recipe"]);
});

test("with a problem anywhere nothing changes, and one line says all of them", async () => {
  const before = await hash();
  const models = await readFile(path("models.json"), "utf8");
  await appendFile(prompt(), "\nBe very brief.\n");
  await writeFile(path("models.json"), "{");
  await writeFile(path("recipes/editorial-briefing/recipe.json.bak"), "no recipe");
  await cp(path("recipes/editorial-briefing"), path("recipes/broken"), { recursive: true });
  await writeFile(path("recipes/broken/recipe.json"), "[]");
  const { problems, level } = await reload("reload_refused");
  assert.equal(level, "error");
  assert.match(problems, /models\.json/);
  assert.match(problems, /broken/);
  assert.equal(await hash(), before);
  assert.equal((await recipes()).length, 1);
  const user = await world.connected();
  assert.equal((await world.briefToEnd(user, { mode: "preview" })).recipe.hash, before);
  await writeFile(path("models.json"), models);
  await rm(path("recipes/broken"), { recursive: true });
  await reload();
  assert.notEqual(await hash(), before);
});

test("defaults from .env count at once; what needs a restart is named", async () => {
  await writeFile(join(world.folder, ".env"), "BRIEFD_TIMEZONE=Europe/Oslo\nBRIEFD_MAX_RUNS=7\n", { mode: 0o600 });
  const { settings } = await reload("reload_needs_restart");
  assert.equal(settings, "BRIEFD_MAX_RUNS");
  const user = await world.connected();
  const { id } = await world.briefToEnd(user, { mode: "preview" });
  assert.deepEqual(ask(join(world.folder, "briefd.db"), `SELECT timezone FROM runs WHERE id = '${id}'`), [["Europe/Oslo"]]);
});

test("reloading again and again disturbs neither briefings nor requests", async () => {
  const users = await Promise.all([1, 2, 3].map(() => world.connected()));
  const runs = users.map((user) => world.briefToEnd(user, { mode: "preview" }));
  for (let i = 0; i < 10; i++) {
    await appendFile(prompt(), `\nVariant ${i}.\n`);
    const [, answer] = await Promise.all([reload(), world.request("GET", "/recipes/editorial-briefing")]);
    assert.equal(answer.status, 200);
  }
  for (const run of await Promise.all(runs)) assert.equal(run.status, "succeeded", JSON.stringify(run.error));
});
