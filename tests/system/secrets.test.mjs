// Canaries: values that must not be found where people, backups or other processes could read them.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { send } from "./client.mjs";
import { startWorld } from "./harness.mjs";
import { startReceiver } from "./webhook_receiver.mjs";
import { toolError } from "./faults_table.mjs";

const WEBHOOK = "whsec_canaryWebhookSecret0123456789abcdefg";
const SEAL = Buffer.from("canary-seal-key-0123456789abcdef").toString("base64");
const NOTE = "canary metadata is not secret";

let world, secrets, content, receiver, metrics;
const answers = []; // everything that the service answered
before(async () => {
  world = await startWorld({ env: { SCALEKIT_WEBHOOK_SECRET: WEBHOOK, BRIEFD_SEAL_KEY: SEAL, BRIEFD_LOG_LEVEL: "debug",
    BRIEFD_METRICS_LISTEN: "127.0.0.1:0", BRIEFD_WEBHOOK_ALLOW: "127.0.0.1", BRIEFD_WEBHOOK_RETRY_FOR: "1s" } });
  metrics = (await world.logged("metrics_ready")).listen;
  const admin = await world.newKey("admin", "host");
  receiver = await startReceiver();
  await receiver.endpoint(world, admin);
  const user = await world.connected("ticket");
  const ticket = await world.request("POST", `/users/${user}/connect-tickets`,
    { headers: { "idempotency-key": "the-ticket" } });
  assert.equal(ticket.status, 201, ticket.text);
  const request = world.request;
  world.request = async (...args) => {
    const answer = await request.apply(world, args);
    answers.push(`${JSON.stringify(answer.headers)} ${answer.text}`);
    return answer;
  };
  secrets = { "the webhook secret": WEBHOOK, "the seal key": SEAL,
    "the seal key's bytes": Buffer.from(SEAL, "base64").toString(),
    "ScaleKit's client secret": world.ready.client_secret, "Anthropic's key": world.ready.anthropic_api_key,
    "the API key": world.key, "an administrator's key": admin, "a webhook endpoint's secret": receiver.secret,
    "the bytes of a webhook endpoint's secret": Buffer.from(receiver.secret.slice(6), "base64").toString(),
    "a connect ticket": new URL(ticket.body.url).pathname.split("/").pop() };
  assert.ok(Object.values(secrets).every((secret) => secret.length >= 16));
  // A receiver that repeats, once, what it should keep to itself.
  receiver.answer = () => (receiver.hooks.length > 1 ? { status: 204 } : { status: 500, body: `no: ${receiver.secret}` });
});
after(async () => {
  await world?.close();
  await receiver?.close();
});

/** A user whose documents have titles and bodies that nobody else has. */
async function userWithCanary(label) {
  const user = await world.connected(label);
  const title = `Canary title ${label} 7f3a91`;
  await world.control("POST", "/sanity", { identifier: user, project: "newsroom", dataset: "production",
    documents: [{ _id: `drafts.${label}`, _type: "article", title, _createdAt: "2026-11-20T08:00:00Z",
      _updatedAt: new Date().toISOString(), author: `Canary Author ${label}` }] }).catch(() => null);
  const { documents } = await world.control("GET", `/sanity?identifier=${user}`);
  return { user, titles: documents.map((document) => document.title).filter((text) => text && text.length > 12) };
}

const fault = (user, tool, action, count = 1) => world.fault({ endpoint: "scalekit.execute_tool", count,
  match: { identifier: user, ...(tool && { tool }) }, action });

/** Every file of the folder, as one text of bytes. */
const filesOf = (folder) => readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile())
  .map(({ name }) => [name, readFileSync(join(folder, name)).toString("latin1")]);

const latin = (text) => Buffer.from(text).toString("latin1");

function assertAbsent(where, text, canaries) {
  for (const [what, canary] of Object.entries(canaries)) {
    const at = text.indexOf(canary);
    assert.ok(at < 0, `${what} is in ${where}: …${text.slice(Math.max(0, at - 200), at + 20)}…`);
  }
}

test("briefings with and without faults come to their ends", async () => {
  const quiet = await userWithCanary("quiet");
  assert.equal((await world.briefToEnd(quiet.user, { metadata: { note: NOTE } })).status, "succeeded");
  const preview = await userWithCanary("preview");
  assert.equal((await world.briefToEnd(preview.user, { mode: "preview" })).status, "succeeded");

  // An upstream that repeats, in its error, what it was sent or what it found.
  const loud = await userWithCanary("loud");
  const said = loud.titles[0];
  await fault(loud.user, "sanitymcp_query_documents",
    { type: "status", status: 400, body: toolError(3, "BAD_QUERY", `cannot query "${said}"`) }, -1);
  await world.briefToEnd(loud.user);
  const lost = await userWithCanary("lost");
  await fault(lost.user, "slack_send_message", { type: "status", status: 500,
    body: toolError(13, "INTERNAL", `failed while sending "${lost.titles[0]}"`), effect: true });
  await fault(lost.user, "slack_fetch_conversation_history", { type: "status", status: 403,
    body: toolError(7, "NO", `history of "${lost.titles[0]}"`) }, -1);
  assert.equal((await world.briefToEnd(lost.user)).error.code, "delivery_unknown");
  const refused = await userWithCanary("refused");
  await fault(refused.user, "slack_send_message", { type: "status", status: 400,
    body: toolError(3, "INVALID", `text "${refused.titles[0]}" is not accepted`) }, -1);
  assert.equal((await world.briefToEnd(refused.user)).status, "failed");
  const model = await userWithCanary("model");
  await world.fault({ endpoint: "anthropic.messages", skip: 2, count: 1, match: { body_contains: model.titles[0] },
    action: { type: "status", status: 400, body: { type: "error", error: { type: "invalid_request_error",
      message: `bad request: ${model.titles[0]} with key ${world.ready.anthropic_api_key}` } } } });
  await world.briefToEnd(model.user);
  content = Object.fromEntries([quiet, preview, loud, lost, refused, model]
    .flatMap(({ user, titles }) => titles.map((title, i) => [`title ${i} of ${user}`, title])));
  assert.ok(Object.keys(content).length >= 6);
  content["a message's first line"] = "*Editorial Briefing*";
  await world.clearFaults();
});

test("wrong keys and bodies are not repeated to the caller or the log", async () => {
  const wrong = "bk_canary_wrong_key_000000000000000000000000000";
  secrets["a wrong API key"] = wrong;
  assert.equal((await world.request("GET", "/briefings", { key: wrong })).status, 401);
  assert.equal((await world.brief(world.user(), { params: { slack_channel: world.ready.client_secret } })).status, 400);
  for (const id of ["br_nope", "br_01arz3ndektsv4rrffq69g5fav"]) {
    assert.equal((await world.request("GET", `/briefings/${id}`)).status, 404);
  }
});

test("what is counted, and what webhooks carry, holds no secret and no user content", async () => {
  const { status, text } = await send(metrics, "GET", "/metrics");
  assert.equal(status, 200);
  assertAbsent("the metrics", text, { ...secrets, ...content });
  for (const run of (await world.request("GET", "/briefings?limit=100")).body.data)
    assertAbsent("the metrics", text, { [`the user of ${run.id}`]: run.user_id, "the id of a briefing": run.id });
  await receiver.came(({ payload }) => payload.type === "briefing.failed");
  const hooks = receiver.hooks.map(({ headers, raw }) => `${JSON.stringify(headers)} ${raw}`).join("\n");
  assertAbsent("a webhook", hooks, { ...secrets, ...content });
});

test("no secret is in any answer, and error bodies hold no user content", () => {
  assertAbsent("an answer", answers.join("\n"), secrets);
  const problems = answers.filter((text) => text.includes("problem+json"));
  assert.ok(problems.length >= 4);
  assertAbsent("an error body", problems.join("\n"), content);
});

test("what a briefing says of its failure holds no user content", async () => {
  const { body } = await world.request("GET", "/briefings?limit=100");
  for (const run of body.data) {
    assertAbsent(`the error of ${run.id}`, JSON.stringify([run.error, run.summary]), content);
  }
});

test("neither secrets nor user content are in the log, also at level debug", () => {
  const log = JSON.stringify(world.logs());
  assert.match(log, /"debug"/);
  assertAbsent("the log", log, { ...secrets, ...content });
});

test("the service's arguments and the names of its threads tell nothing", () => {
  const shown = [readFileSync(`/proc/${world.pid}/cmdline`, "latin1"), ...readdirSync(`/proc/${world.pid}/task`)
    .map((id) => readFileSync(`/proc/${world.pid}/task/${id}/comm`, "latin1"))].join("\n");
  assertAbsent("what ps shows", shown, { ...secrets, ...content });
});

test("the service's memory is closed to other processes, and leaves no core file", (t) => {
  const limits = readFileSync(`/proc/${world.pid}/limits`, "utf8");
  assert.match(limits, /^Max core file size +0 +0 /m);
  if (process.getuid() === 0) {
    // A file of a process that may not be dumped belongs to root; the process's user is of no help.
    const seen = spawnSync("setpriv", ["--reuid=65534", "--regid=65534", "--clear-groups", "cat",
      `/proc/${world.pid}/environ`]);
    assert.notEqual(seen.status, 0);
  } else {
    assert.throws(() => readFileSync(`/proc/${world.pid}/environ`));
    t.diagnostic("as a user other than root");
  }
});

test("what is in the database's files is sealed: no secret, no user content, while it runs and after", async () => {
  const check = () => {
    for (const [name, bytes] of filesOf(world.folder)) {
      if (name.endsWith(".key")) continue;
      const canaries = Object.fromEntries(Object.entries({ ...secrets, ...content })
        .map(([what, canary]) => [what, latin(canary)]));
      assertAbsent(name, bytes, canaries);
    }
  };
  check();
  assert.equal((await world.cli(["backup", join(world.folder, "copy.db")])).code, 0);
  await world.stop();
  check();
  // The check can fail: what is kept in the clear is found.
  const { 1: bytes } = filesOf(world.folder).find(([name]) => name === "briefd.db");
  assert.ok(bytes.includes(NOTE));
});

test("a service that aborts leaves no core file", async () => {
  await world.start();
  await world.stop("SIGABRT", null).catch(() => {});
  const found = execFileSync("find", [world.folder, "-name", "core*"], { encoding: "utf8" });
  assert.equal(found, "");
});
