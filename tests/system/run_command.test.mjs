// `briefd run`: one briefing in the terminal, for cron and other schedulers.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { CHANNEL, UNHURRIED, eventually, startWorld } from "./harness.mjs";

let world;
before(async () => { world = await startWorld({ briefd: false }); });
after(() => world?.close());

const run = (user, ...more) => world.cli(["run", "--user", user, ...more]);
const idIn = (stdout) => /^Briefing (br_\w+)/m.exec(stdout)?.[1];

/** Waits until something was asked of the sandbox. */
const asked = (endpoint, from, fits = () => true) => eventually(
  async () => (await world.log(endpoint, from)).some(fits), `${endpoint} is asked`);
const position = async () => (await world.stats()).last;
const HANG = { type: "hang", when: "before_headers" };

test("it follows the briefing to its end and says what happened", async () => {
  const user = await world.connected();
  const { code, stdout, stderr } = await run(user);
  assert.equal(code, 0, stderr);
  const [post] = await world.posts(user);
  const wanted = [/^Briefing br_\w+$/, /^✓ 2 connectors checked$/, /^✓ 4 tools ready$/, /^Iteration 1: .*tool_use/,
    /^ {2}✓ \d+ projects? /, /^Iteration 2: /, /^ {2}✓ \d+ documents? /, /^ {2}✓ \d+ (active )?releases? /,
    /^Iteration 3: /, new RegExp(`^✓ posted to ${CHANNEL}, ts ${post.ts}$`), /^✓ succeeded: Posted one message/,
    /^Totals: 3 replies, 5 tool calls, \d+ \+ \d+ tokens, \$0\.\d+, \d+ ms$/, new RegExp(`^Slack ts: ${post.ts}$`)];
  const lines = stdout.split("\n");
  let at = 0;
  for (const pattern of wanted) {
    const found = lines.findIndex((line, i) => i >= at && pattern.test(line));
    assert.ok(found >= 0, `no line like ${pattern} after line ${at} of\n${stdout}`);
    at = found;
  }
  assert.ok(post.sent_text.endsWith(`_Briefing ${idIn(stdout)}_`));
});

test("with USER_ID no --user is needed, and without both it says so", async () => {
  const user = await world.connected();
  assert.equal((await world.cli(["run"], { env: { USER_ID: user } })).code, 0);
  assert.equal((await world.posts(user)).length, 1);
  const neither = await world.cli(["run"]);
  assert.equal(neither.code, 64);
  assert.match(neither.stderr, /--user/);
});

test("a preview shows the message and posts nothing", async () => {
  const user = await world.connected();
  const { code, stdout } = await run(user, "--preview");
  assert.equal(code, 0);
  assert.match(stdout, /^\*Editorial Briefing\*/m);
  assert.match(stdout, new RegExp(`^_Briefing ${idIn(stdout)}_$`, "m"));
  assert.match(stdout, /nothing was posted/);
  assert.deepEqual(await world.posts(user), []);
});

test("parameters and time zone are passed on, and wrong ones named", async () => {
  const user = await world.connected();
  const fine = await run(user, "--params", "{\"slack_channel\":\"C0GENERAL01\"}", "--timezone", "Europe/Oslo");
  assert.equal(fine.code, 0, fine.stderr);
  assert.deepEqual((await world.posts(user)).map(({ channel }) => channel), ["C0GENERAL01"]);
  const channel = await run(user, "--params", "{\"slack_channel\":\"#general\"}");
  assert.equal(channel.code, 1);
  assert.match(channel.stderr, /\/params\/slack_channel/);
  for (const [option, value, words] of [["--params", "{", /--params/], ["--params", "[]", /\/params/],
    ["--timezone", "Mars", /\/timezone/], ["--recipe", "none", /none/]]) {
    const { code, stderr } = await run(user, option, value);
    assert.equal(code, 1, `${option} ${value}`);
    assert.match(stderr, words);
  }
});

test("a user without connections ends it with 2, and both are listed with their link", async () => {
  const user = world.user();
  const { code, stdout } = await run(user);
  assert.equal(code, 2, stdout);
  assert.ok(stdout.includes(`Start \`briefd serve\` for that; \`briefd connect ${user}\` prints a link`), stdout);
  for (const connector of ["sanity", "slack"])
    assert.match(stdout, new RegExp(`${connector} is NOT_CONNECTED\\. Connect it: http://\\S+/\\?connect=${connector}`));
});

test("a broken connection ends it with 2 until it is mended", async () => {
  const user = await world.connected();
  await world.account(user, "slack", { status: "EXPIRED" });
  for (let i = 0; i < 2; i++) {
    const { code, stdout, stderr } = await run(user);
    assert.equal(code, 2, stdout + stderr);
    assert.match(stdout + stderr, /slack/);
    assert.match(stdout + stderr, /EXPIRED/);
    assert.match(stdout + stderr, /\?connect=slack/);
  }
  await world.account(user, "slack", { status: "ACTIVE" });
  const { code, stdout, stderr } = await run(user);
  assert.equal(code, 0, stdout + stderr);
});

test("a delivery of which nobody knows the end exits with 3", async () => {
  const user = await world.connected();
  await world.loseDelivery(user);
  const { code, stdout } = await run(user);
  assert.equal(code, 3, stdout);
  assert.match(stdout, /delivery_unknown/);
  assert.equal((await world.posts(user)).length, 1);
});

test("any other failure exits with 1 and says why", async () => {
  const user = await world.connected();
  await world.claude({ script: "refusal", count: 1 });
  const { code, stdout } = await run(user);
  assert.equal(code, 1);
  assert.match(stdout, /^✗ failed: /m);
  assert.match(stdout, /model_refused/);
  await world.claude({ clear: true });
});

test("refused credentials end it at once", async () => {
  const user = await world.connected();
  const claude = await world.cli(["run", "--user", user], { env: { ANTHROPIC_API_KEY: "sk-ant-api-of-somebody" } });
  assert.equal(claude.code, 1);
  assert.match(claude.stdout, /credentials_rejected/);
  const scalekit = await world.cli(["run", "--user", user], { env: { SCALEKIT_CLIENT_SECRET: "test_of_somebody" } });
  assert.equal(scalekit.code, 1);
  assert.match(scalekit.stdout, /credentials_rejected/);
  assert.deepEqual(await world.posts(user), []);
});

test("wrong settings exit with 78", async () => {
  assert.equal((await world.cli(["run", "--user", "u"], { env: { SCALEKIT_CLIENT_ID: null } })).code, 78);
  const unset = await world.cli(["run", "--user", "u"], { env: { SANITY_CONNECTION: null } });
  assert.equal(unset.code, 78);
  assert.match(unset.stderr, /SANITY_CONNECTION is not set/);
});

test("the same idempotency key posts once", async () => {
  const user = await world.connected();
  const first = await run(user, "--idempotency-key", "daily-1");
  const again = await run(user, "--idempotency-key", "daily-1");
  assert.deepEqual([first.code, again.code], [0, 0]);
  assert.equal(idIn(again.stdout), idIn(first.stdout));
  assert.match(again.stdout, /ended before/);
  assert.equal((await world.posts(user)).length, 1);
  const other = await run(user, "--idempotency-key", "daily-1", "--preview");
  assert.equal(other.code, 1);
  assert.match(other.stderr, /daily-1/);
  assert.equal((await run(user, "--idempotency-key", "daily-2")).code, 0);
  assert.equal((await world.posts(user)).length, 2);
});

test("a repeated key exits as the first time, also when that was a failure", async () => {
  const user = world.user();
  for (let i = 0; i < 2; i++) assert.equal((await run(user, "--idempotency-key", `missing-${user}`)).code, 2);
});

test("SIGTERM before the message ends the briefing", async () => {
  const user = await world.connected();
  const from = await position();
  await world.fault({ endpoint: "anthropic.messages", count: 1, action: HANG });
  const program = world.spawn(["run", "--user", user], { env: UNHURRIED });
  await asked("anthropic.messages", from);
  program.kill("SIGTERM");
  await eventually(() => program.exit, "it ends long before the model's time is over");
  const { code, stdout } = await program.ended;
  assert.equal(code, 1, stdout);
  assert.match(stdout, /✗ cancelled/);
  assert.deepEqual(await world.posts(user), []);
});

test("SIGTERM while the message is on its way waits for its outcome", async () => {
  const user = await world.connected();
  const from = await position();
  const held = await world.hold({ endpoint: "scalekit.execute_tool",
    match: { tool: "slack_send_message", identifier: user } });
  const program = world.spawn(["run", "--user", user], { env: { BRIEFD_TOOL_TIMEOUT: "10m" } });
  await held.reached();
  program.kill("SIGTERM");
  await program.line((line) => /on its way/.test(line));
  await held.release();
  const { code, stdout, stderr } = await program.ended;
  assert.equal(code, 0, stdout + stderr);
  assert.match(stderr, /on its way/);
  assert.equal((await world.posts(user)).length, 1);
});

test("killed in the middle and called again with its key, it goes on where it was", async () => {
  const user = await world.connected();
  const from = await position();
  await world.fault({ endpoint: "anthropic.messages", skip: 2, count: 1, action: HANG });
  const program = world.spawn(["run", "--user", user, "--idempotency-key", `daily-${user}`]);
  await eventually(async () => (await world.log("anthropic.messages", from)).length === 3, "the third question");
  program.kill("SIGKILL");
  const { stdout } = await program.ended;
  const { code, stdout: rest, stderr } = await run(user, "--idempotency-key", `daily-${user}`);
  assert.equal(code, 0, rest + stderr);
  assert.match(rest, new RegExp(`^Briefing ${idIn(stdout)} \\(taken up again\\)$`, "m"));
  assert.equal((await world.posts(user)).length, 1);
  const questions = (await world.log("anthropic.messages", from)).filter(({ completed }) => completed);
  assert.equal(questions.length, 3, "a reply that was stored is not asked again");
  assert.equal((await run(user, "--idempotency-key", `daily-${user}`)).code, 0);
  assert.equal((await world.posts(user)).length, 1);
});

test("it drives its own briefing and touches no other", async () => {
  const other = await world.connected();
  const from = await position();
  await world.fault({ endpoint: "anthropic.messages", count: 1, action: HANG });
  const program = world.spawn(["run", "--user", other, "--idempotency-key", `left-${other}`]);
  await asked("anthropic.messages", from);
  program.kill("SIGKILL");
  await program.ended;
  const user = await world.connected();
  assert.equal((await run(user)).code, 0);
  assert.deepEqual([(await world.posts(other)).length, (await world.posts(user)).length], [0, 1]);
  // The service takes up what was left.
  await world.start();
  const list = await world.request("GET", `/briefings?user_id=${other}`);
  assert.equal((await world.untilEnd(list.body.data[0].id)).status, "succeeded");
  assert.equal((await world.posts(other)).length, 1);
  await world.stop();
});
