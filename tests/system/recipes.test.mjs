// A new connector and a new kind of briefing by files alone.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { CHANNEL, CONNECTIONS, ROOT, startWorld } from "./harness.mjs";

let world, config;
before(async () => {
  world = await startWorld({ briefd: false });
  config = await copied("config");
  await addCodehost(config);
  Object.assign(world.env, { BRIEFD_CONFIG_DIR: config, CODEHOST_CONNECTION: CONNECTIONS.github });
  await world.start();
});
after(() => world?.close());

const readJson = async (path) => JSON.parse(await readFile(path, "utf8"));
const writeJson = (path, value) => writeFile(path, JSON.stringify(value, null, 2));

async function copied(name) {
  const folder = join(world.folder, name);
  await cp(join(ROOT, "config"), folder, { recursive: true });
  return folder;
}

const CODEHOST = { label: "Code host", connection_setting: "CODEHOST_CONNECTION", tool_prefixes: ["github_"],
  probe: { tool: "github_user_get_authenticated", identity: ["id", "login"] } };

const DIGEST = {
  title: "GitHub digest",
  description: "Posts the open issues of one repository.",
  connectors: ["codehost", "slack"],
  params: {
    repository: { type: "string", description: "owner/name", required: true, pattern: "^[a-z0-9-]+/[a-z0-9-]+$" },
    slack_channel: { type: "string", description: "Where it goes.", default_setting: "SLACK_CHANNEL", required: true },
  },
  tools: { read: ["github_issues_list"] },
  delivery: { connector: "slack", tool: "slack_send_message", description: "Posts the digest; give the text alone.",
    text_argument: "text", channel_argument: "channel", channel_param: "slack_channel",
    channel_pattern: "^[CGD][A-Z0-9]+$" },
  first_message: ["Today: {today}", "Repository: {param:repository}", "", "Please send the digest."],
};
const PROMPT = "You list the open issues of one repository and send them as a digest, with one call of the send tool.\n";

async function addCodehost(folder) {
  const path = join(folder, "connectors.json");
  const { github: _, ...others } = await readJson(path); // a prefix belongs to one connector
  await writeJson(path, { ...others, codehost: CODEHOST });
  await mkdir(join(folder, "recipes/github-digest"));
  await writeJson(join(folder, "recipes/github-digest/recipe.json"), DIGEST);
  await writeFile(join(folder, "recipes/github-digest/prompt.md"), PROMPT);
}

const repositoryOf = (user) => {
  const tag = createHash("sha256").update(user).digest("hex").slice(0, 6);
  return { tag, repository: `press-${tag}/newsroom-site` };
};

test("a briefing of the new kind reads the new connector and posts", async () => {
  const user = await world.connect(world.user(), "github", "slack");
  const { tag, repository } = repositoryOf(user);
  const run = await world.briefToEnd(user, { recipe: "github-digest", params: { repository } });
  assert.equal(run.status, "succeeded", JSON.stringify(run.error));
  assert.equal(run.recipe.name, "github-digest");
  assert.deepEqual(run.params, { repository, slack_channel: CHANNEL });
  const [post, ...more] = await world.posts(user);
  assert.equal(more.length, 0);
  assert.match(post.sent_text, new RegExp(`^\\*Open Issues\\* ${repository}`));
  assert.ok(post.sent_text.includes(`Byline missing in feed [${tag}]`));
  const probes = ["github_user_get_authenticated", "slack_auth_test"];
  const tools = (await world.toolCalls(user)).map(({ tool }) => tool).filter((tool) => !probes.includes(tool));
  assert.deepEqual(tools, ["github_issues_list", "slack_send_message"]);
});

test("the first kind still runs beside it", async () => {
  const run = await world.briefToEnd(await world.connected());
  assert.deepEqual([run.status, run.recipe.name], ["succeeded", "editorial-briefing"]);
});

test("it needs its own connectors, and none of the others", async () => {
  const user = await world.connect(world.user(), "sanity", "slack");
  const { id } = await world.accepted(user, { recipe: "github-digest", params: { repository: "a/b" } });
  const run = await world.until(id, (document) => document.status === "blocked");
  assert.deepEqual(run.blocked_on, [{ connector: "codehost", status: "NOT_CONNECTED",
    connect_url: `${world.url}/?connect=codehost` }]);
});

test("its parameters have its own rules", async () => {
  const refused = async (params) => {
    const answer = await world.brief(world.user(), { recipe: "github-digest", params });
    assert.equal(answer.status, 400, answer.text);
    return answer.body.errors.map(({ pointer }) => pointer);
  };
  assert.deepEqual(await refused({}), ["/params/repository"]);
  assert.deepEqual(await refused({ repository: "no slash" }), ["/params/repository"]);
  assert.deepEqual(await refused({ repository: "a/b", sanity_project: "x" }), ["/params/sanity_project"]);
});

test("the new connection can be listed and checked", async () => {
  const user = await world.connect(world.user(), "github");
  const checked = await world.request("POST", `/users/${user}/connections/codehost/check`);
  assert.deepEqual([checked.status, checked.body.status, checked.body.label], [200, "ACTIVE", "Code host"]);
  const { body } = await world.request("GET", `/users/${user}/connections`);
  assert.deepEqual(body.data.map(({ connector, status }) => [connector, status]),
    [["sanity", "UNKNOWN"], ["slack", "UNKNOWN"], ["codehost", "ACTIVE"]]);
});

test("a recipe that names a tool the accounts do not have says which is missing", async () => {
  const path = join(config, "recipes/github-digest/recipe.json");
  await writeJson(path, { ...DIGEST, tools: { read: ["github_issues_list", "github_crystal_ball"] } });
  await world.stop();
  await world.start();
  const user = await world.connect(world.user(), "github", "slack");
  const run = await world.briefToEnd(user, { recipe: "github-digest", params: { repository: "a/b" } });
  assert.deepEqual([run.status, run.error.code], ["failed", "tools_missing"]);
  assert.match(run.error.detail, /github_crystal_ball/);
  assert.ok(!run.error.detail.includes("github_issues_list"));
  assert.deepEqual(await world.posts(user), []);
  await writeJson(path, DIGEST);
});

test("a briefing does not attach to one that was made by an older recipe", async () => {
  const user = world.user();
  const { id } = await world.accepted(user);
  await world.until(id, (document) => document.status === "blocked");
  const path = join(config, "recipes/editorial-briefing/prompt.md");
  const prompt = await readFile(path, "utf8");
  await writeFile(path, `${prompt}\nBe brief.\n`);
  await world.stop();
  await world.start();
  const answer = await world.brief(user);
  assert.deepEqual([answer.status, answer.body.code], [409, "already_running"]);
  await writeFile(path, prompt);
  await world.stop();
  await world.start();
  assert.deepEqual((await world.brief(user)).body.id, id);
});

test("without the connector's setting its recipe is refused, and the others run", async () => {
  await world.stop();
  await world.start({ CODEHOST_CONNECTION: null });
  const answer = await world.brief(world.user(), { recipe: "github-digest", params: { repository: "a/b" } });
  assert.deepEqual([answer.status, answer.body.code], [422, "connector_not_ready"]);
  assert.match(answer.body.detail, /codehost.*CODEHOST_CONNECTION/);
  assert.equal((await world.request("POST", `/users/u/connections/codehost/check`)).status, 404);
  assert.equal((await world.briefToEnd(await world.connected())).status, "succeeded");
});

// ---- broken files ----

const BROKEN = {
  "text that is no JSON": ["{\"title\": ", /recipe\.json/],
  "an unknown member": [{ ...DIGEST, headline: "x" }, /headline/],
  "no title": [{ ...DIGEST, title: undefined }, /title/],
  "a connector that does not exist": [{ ...DIGEST, connectors: ["codehost", "fax"] }, /connectors.*fax|fax/],
  "a tool of no connector": [{ ...DIGEST, tools: { read: ["notion_page_get"] } }, /tools\.read.*notion_page_get|notion_page_get/],
  "a third kind of tool": [{ ...DIGEST, tools: { ...DIGEST.tools, write: ["github_issue_create"] } }, /tools\.write|write/],
  "a delivery tool that is also read": [{ ...DIGEST, tools: { read: ["slack_send_message"] } }, /slack_send_message/],
  "a delivery without its channel": [{ ...DIGEST, delivery: { ...DIGEST.delivery, channel_param: "room" } }, /channel_param/],
  "a bad pattern": [{ ...DIGEST, params: { ...DIGEST.params, repository: { ...DIGEST.params.repository, pattern: "^([$" } } },
    /params\.repository\.pattern/],
  "an unknown placeholder": [{ ...DIGEST, first_message: ["{param:branch}"] }, /first_message.*branch/],
  "a limit out of range": [{ ...DIGEST, limits: { turns: 0 } }, /limits\.turns/],
  "a budget above the highest": [{ ...DIGEST, limits: { budget_usd: "50.00" } }, /budget_usd/],
};
let broken = 0;
for (const [what, [recipe, words]] of Object.entries(BROKEN)) {
  test(`a recipe with ${what} stops the start, naming the file and the member`, async () => {
    const folder = await copied(`broken-${++broken}`);
    await addCodehost(folder);
    const path = join(folder, "recipes/github-digest/recipe.json");
    await (typeof recipe === "string" ? writeFile(path, recipe) : writeJson(path, recipe));
    const { code, stderr } = await world.cli(["serve"], { env: { BRIEFD_CONFIG_DIR: folder, BRIEFD_DB: "unused.db" } });
    assert.equal(code, 78, stderr);
    const lines = stderr.split("\n").filter((line) => line.startsWith("  - "));
    assert.ok(lines.length >= 1 && lines.every((line) => line.includes("recipes/github-digest/recipe.json")), stderr);
    assert.match(stderr, words);
  });
}

test("a recipe without its prompt stops the start", async () => {
  const folder = await copied("promptless");
  await addCodehost(folder);
  await writeFile(join(folder, "recipes/github-digest/prompt.md"), " \n");
  const { code, stderr } = await world.cli(["check-config"], { env: { BRIEFD_CONFIG_DIR: folder } });
  assert.equal(code, 78);
  assert.match(stderr, /recipes\/github-digest\/prompt\.md/);
});
