// Settings: where they come from, what is said of wrong ones, and that secrets stay secret.

import assert from "node:assert/strict";
import { chmod, mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { settingsFor, startWorld } from "./harness.mjs";

let world, complete;
before(async () => {
  world = await startWorld({ briefd: false });
  complete = { ...settingsFor(world.ready), BRIEFD_LISTEN: "127.0.0.1:0" };
});
after(() => world?.close());

/** Runs a command in an empty folder with these settings alone. */
async function alone(args, env = {}, files = {}) {
  const cwd = await mkdtemp(join(world.folder, "alone-"));
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(cwd, name), text);
    await chmod(join(cwd, name), 0o600);
  }
  return world.cli(args, { env, cwd, bare: true });
}

const without = (settings, ...names) =>
  Object.fromEntries(Object.entries(settings).filter(([name]) => !names.includes(name)));

test("with no settings at all every command that needs them lists all, in words, and exits with 78", async () => {
  for (const args of [["serve"], ["run", "--user", "u"], ["check-config"]]) {
    const { code, stdout, stderr } = await alone(args);
    assert.equal(code, 78);
    assert.equal(stdout, "");
    assert.match(stderr, /^briefd [a-z-]+: the configuration has 5 problems:$/m);
    for (const name of ["SCALEKIT_ENV_URL", "SCALEKIT_CLIENT_ID", "SCALEKIT_CLIENT_SECRET", "ANTHROPIC_API_KEY"])
      assert.match(stderr, new RegExp(`^  - ${name} is not set\\. \\w+ .*\\.$`, "m"));
    assert.match(stderr, /^ {2}- No connection is named.*SANITY_CONNECTION.*SLACK_CONNECTION/m);
  }
});

const WRONG = {
  SCALEKIT_ENV_URL: ["http://scalekit.example", /https/],
  SCALEKIT_CLIENT_ID: ["changeme", /placeholder/],
  ANTHROPIC_BASE_URL: ["not a url", /URL|address|begin/],
  BRIEFD_MODEL: ["claude-sonnet-4-20250514", /no prices/],
  BRIEFD_TIMEZONE: ["Mars/Olympus", /IANA/],
  BRIEFD_MAX_RUNS: ["0", /from 1/],
  BRIEFD_MAX_RUN: ["5", /no setting.*BRIEFD_MAX_RUNS/],
  BRIEFD_BLOCKED_TTL: ["soon", /must be/],
  BRIEFD_MAX_BUDGET: ["much", /must be/],
  BRIEFD_MAX_BODY: ["64Kb", /must be/],
  BRIEFD_LOG: ["xml", /json/],
  BRIEFD_LISTEN: ["8080", /must be/],
  BRIEFD_PUBLIC_URL: ["http://briefd.example", /https/],
  BRIEFD_SEAL_KEY: ["c2hvcnQ=", /32 bytes/],
  BRIEFD_DB: ["/nowhere/at/all/briefd.db", /folder|directory/],
  BRIEFD_CONFIG_DIR: ["/nowhere/at/all", /^ {2}- connectors.json: \/nowhere\/at\/all/, 3],
  SLACK_CHANNEL: ["#newsroom", /editorial-briefing/],
};
for (const [name, [value, words, n = 1]] of Object.entries(WRONG)) {
  test(`a wrong ${name} is named, with what is wrong`, async () => {
    const { code, stderr } = await alone(["check-config"], { ...complete, [name]: value });
    assert.equal(code, 78, stderr);
    assert.match(stderr, new RegExp(`has ${n} problem`));
    const line = stderr.split("\n").find((row) => row.startsWith("  - "));
    assert.ok(n > 1 || line.includes(name), line);
    assert.match(line, words);
  });
}

test("several wrong settings are told together", async () => {
  const wrong = Object.fromEntries(["SCALEKIT_ENV_URL", "BRIEFD_TIMEZONE", "BRIEFD_MAX_RUNS", "BRIEFD_LOG"]
    .map((name) => [name, WRONG[name][0]]));
  const { code, stderr } = await alone(["serve"], { ...without(complete, "ANTHROPIC_API_KEY"), ...wrong });
  assert.equal(code, 78);
  assert.match(stderr, /has 5 problems:/);
  for (const name of [...Object.keys(wrong), "ANTHROPIC_API_KEY"]) assert.ok(stderr.includes(`- ${name} `), name);
});

test("complete settings are fine", async () => {
  const { code, stderr } = await alone(["check-config"], complete);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /connectors sanity, slack; recipes editorial-briefing/);
});

test("a secret can stand in a file of its own", async () => {
  const env = { ...without(complete, "SCALEKIT_CLIENT_SECRET"), SCALEKIT_CLIENT_SECRET_FILE: "secret" };
  const fine = await alone(["check-config", "--print"], env, { secret: "s3cret-in-a-file\n" });
  assert.equal(fine.code, 0, fine.stderr);
  assert.match(fine.stdout, /^SCALEKIT_CLIENT_SECRET=\(set, 16 characters\) {2}# file secret$/m);
  const missing = await alone(["check-config"], env);
  assert.equal(missing.code, 78);
  assert.match(missing.stderr, /SCALEKIT_CLIENT_SECRET cannot be read from its file: .*secret/);
  const empty = await alone(["check-config"], env, { secret: "\n" });
  assert.match(empty.stderr, /SCALEKIT_CLIENT_SECRET cannot be read.*is empty/);
  const both = await alone(["check-config"], { ...complete, SCALEKIT_CLIENT_SECRET_FILE: "secret" }, { secret: "x" });
  assert.equal(both.code, 78);
  assert.match(both.stderr, /SCALEKIT_CLIENT_SECRET and SCALEKIT_CLIENT_SECRET_FILE are both set/);
});

test("a .env file is read, after the environment", async () => {
  const lines = Object.entries(complete).map(([name, value]) => `${name}="${value}"`);
  const files = { ".env": [...lines, "# a remark", "export BRIEFD_TIMEZONE=Europe/Oslo", "BRIEFD_MAX_RUNS=7"].join("\n") };
  const { code, stdout, stderr } = await alone(["check-config", "--print"], { BRIEFD_MAX_RUNS: "9" }, files);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^BRIEFD_TIMEZONE=Europe\/Oslo {2}# \.env$/m);
  assert.match(stdout, /^BRIEFD_MAX_RUNS=9 {2}# the environment$/m);
  const named = await alone(["check-config", "--env-file", "other"], {}, { other: lines.join("\n") });
  assert.equal(named.code, 0, named.stderr);
  const absent = await alone(["check-config", "--env-file", "absent"], complete);
  assert.equal(absent.code, 78);
  assert.match(absent.stderr, /absent/);
});

test("--print-config shows every setting there is, as --print does", async () => {
  const names = (text) => [...text.matchAll(/^#? ?([A-Z][A-Z0-9_]+)=/gm)].map(([, name]) => name).sort();
  const shown = await alone(["check-config", "--print-config"], complete);
  assert.equal(shown.code, 0, shown.stderr);
  assert.equal(shown.stdout, (await alone(["check-config", "--print"], complete)).stdout);
  assert.deepEqual(names(shown.stdout), names((await alone(["check-config", "--example"])).stdout));
});

test("the older name of the environment's URL is known, too", async () => {
  const env = { ...without(complete, "SCALEKIT_ENV_URL"), SCALEKIT_ENVIRONMENT_URL: complete.SCALEKIT_ENV_URL };
  assert.equal((await alone(["check-config"], env)).code, 0);
});

test("the example is a .env file that only lacks the secrets", async () => {
  const example = (await alone(["check-config", "--example"])).stdout;
  const { code, stderr } = await alone(["check-config"], {}, { ".env": example });
  assert.equal(code, 78);
  assert.match(stderr, /has 5 problems:/);
  assert.equal((await alone(["check-config"], complete, { ".env": example })).code, 0);
});

const CANARIES = { SCALEKIT_CLIENT_SECRET: "canary-scalekit-9f2", ANTHROPIC_API_KEY: "canary-anthropic-7d1",
  SCALEKIT_WEBHOOK_SECRET: "whsec_Y2FuYXJ5LXdlYmhvb2s=", BRIEFD_SEAL_KEY: Buffer.alloc(32, "canary!!").toString("base64") };

function assertSilent(text, where) {
  for (const [name, secret] of Object.entries(CANARIES)) assert.ok(!text.includes(secret), `${where} shows ${name}`);
}

test("secrets are masked wherever settings are shown", async () => {
  const { code, stdout, stderr } = await alone(["check-config", "--print"], { ...complete, ...CANARIES });
  assert.equal(code, 0, stderr);
  for (const [name, secret] of Object.entries(CANARIES))
    assert.ok(stdout.includes(`${name}=(set, ${secret.length} characters)`), name);
  assertSilent(stdout + stderr, "check-config --print");
  assert.equal((await alone(["check-config", "--print-config"], { ...complete, ...CANARIES })).stdout
    .includes("(set,"), true);
});

test("secrets are not shown when they are wrong either", async () => {
  const spaced = Object.fromEntries(Object.entries(CANARIES).map(([name, secret]) => [name, `${secret} \u0001`]));
  const { code, stderr } = await alone(["check-config", "--print"], { ...complete, ...spaced });
  assert.equal(code, 78);
  assertSilent(stderr, "a problem");
});

test("secrets reach no log, no answer and no file, even while both upstreams refuse them", async () => {
  const { SCALEKIT_CLIENT_SECRET: _, ...mild } = CANARIES;
  const user = await world.connect(world.user(), "sanity", "slack");
  await world.start({ ...mild, BRIEFD_LOG_LEVEL: "debug" });
  const first = await world.accepted(user, { if_running: "enqueue" });
  await world.until(first.id, (run) => run.phase === "waiting_for_credentials");
  const ready = await world.request("GET", "/readyz");
  assert.deepEqual([ready.status, ready.body.credentials_accepted], [503, false]);
  const { stderr, stdout } = await world.stop();
  assertSilent(stderr + stdout, "the log");
  await world.start({ ...CANARIES, ANTHROPIC_API_KEY: world.ready.anthropic_api_key, BRIEFD_LOG_LEVEL: "debug" });
  const run = await world.until(first.id, (document) => document.phase === "waiting_for_credentials");
  assertSilent(JSON.stringify(run), "the document");
  assertSilent((await world.stop()).stderr, "the log");
  await world.start({ BRIEFD_SEAL_KEY: CANARIES.BRIEFD_SEAL_KEY });
  assert.equal((await world.untilEnd(first.id)).status, "succeeded");
  await world.stop();
  const { readdir, readFile } = await import("node:fs/promises");
  for (const entry of await readdir(world.folder, { withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const bytes = await readFile(join(world.folder, entry.name));
    for (const [name, secret] of Object.entries(CANARIES)) assert.ok(!bytes.includes(secret), `${entry.name} holds ${name}`);
  }
});

test("every command helps with an example, and knows its options", async () => {
  const overview = await alone(["--help"]);
  assert.equal(overview.code, 0);
  const commands = [...overview.stdout.matchAll(/^ {2}([a-z-]+) {2,}\S/gm)].map(([, name]) => name)
    .filter((name) => name !== "help");
  assert.ok(["serve", "run", "check-config", "keys", "migrate"].every((name) => commands.includes(name)), commands.join());
  for (const name of commands) {
    const help = await alone([name, "--help"]);
    assert.equal(help.code, 0);
    assert.match(help.stdout, new RegExp(`Example:\n +.*briefd (--)?${name}`));
    const odd = await alone([name, "--no-such-option"]);
    assert.equal(odd.code, 64, name);
    assert.match(odd.stderr, /no-such-option/);
  }
  assert.match((await alone(["--version"])).stdout, /^briefd \d+\.\d+\.\d+ \(/);
  assert.equal((await alone(["dance"])).code, 64);
  assert.equal((await alone([])).code, 64);
});
