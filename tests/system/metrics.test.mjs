// GET /metrics: readable for Prometheus, for nobody without a right, and in agreement with what happened.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { send } from "./client.mjs";
import { ROOT, startWorld } from "./harness.mjs";

const OWN_PROMTOOL = join(ROOT, "build/tools/promtool");
const PROMTOOL = existsSync(OWN_PROMTOOL) ? OWN_PROMTOOL : "promtool";
const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;

// What is counted must not depend on how fast the machine is.
const PATIENT = { BRIEFD_TOOL_TIMEOUT: "2m", BRIEFD_MODEL_FIRST_BYTE_TIMEOUT: "2m", BRIEFD_MODEL_IDLE_BYTES_TIMEOUT: "2m",
  BRIEFD_MODEL_IDLE_EVENTS_TIMEOUT: "2m", BRIEFD_MODEL_TOTAL_TIMEOUT: "5m", BRIEFD_MODEL_RETRY_BUDGET: "2m" };

let world, metricsUrl;
before(async () => {
  world = await startWorld({ env: { BRIEFD_METRICS_LISTEN: "127.0.0.1:0", BRIEFD_MAX_RUNS: "2",
    BRIEFD_MAX_RUNS_PER_USER: "1", ...PATIENT } });
  metricsUrl = (await world.logged("metrics_ready")).listen;
});
after(() => world?.close());

/** The page as a map from 'name{a="x",b="y"}' to a number. */
async function scrape() {
  const { status, text } = await send(metricsUrl, "GET", "/metrics");
  assert.equal(status, 200);
  const samples = new Map();
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const match = LINE.exec(line);
    assert.ok(match, `no sample: ${line}`);
    const key = match[2] === undefined ? match[1] : `${match[1]}{${match[2]}}`;
    assert.ok(!samples.has(key), `twice: ${key}`);
    samples.set(key, Number(match[3]));
  }
  return samples;
}

/** The sum of a family's samples whose labels contain these texts. */
function sum(samples, name, ...labels) {
  let total = 0;
  for (const [key, value] of samples) {
    if (key.split("{")[0] === name && labels.every((label) => key.includes(label))) total += value;
  }
  return total;
}

function assertPromtool(text) {
  const { status, stderr, stdout, error } = spawnSync(PROMTOOL, ["check", "metrics"], { input: text, encoding: "utf8" });
  assert.ok(!error, `${PROMTOOL}: ${error?.message} (./dev setup test fetches it)`);
  assert.equal(status, 0, `${stdout}${stderr}`);
  assert.equal(stderr.trim(), "");
}

test("runs, deliveries, tokens, money and retries agree with what happened", async () => {
  const earlier = await scrape();
  const runs = [];
  const keep = async (user, fields) => runs.push(await world.briefToEnd(user, fields));

  await keep(await world.connected());
  await keep(await world.connected(), { mode: "preview" });
  const slow = await world.connected(); // its reads fail twice and then succeed
  await world.fault({ endpoint: "scalekit.execute_tool", match: { identifier: slow, tool: "sanitymcp_list_releases" },
    count: 2, action: { type: "status", status: 503 } });
  await keep(slow);
  await world.fault({ endpoint: "anthropic.messages", count: 1, action: { type: "status", status: 529 } });
  await keep(await world.connected());
  const lost = await world.connected();
  await world.loseDelivery(lost);
  await keep(lost);
  await keep(await world.connect(world.user(), "sanity"), { if_blocked: "fail" });
  const blocked = await world.accepted(await world.connect(world.user(), "sanity"));
  await world.until(blocked.id, (document) => document.status === "blocked");
  assert.equal((await scrape()).get('briefd_runs{status="blocked"}'), 1);
  await world.request("POST", `/briefings/${blocked.id}/cancel`);
  runs.push(await world.untilEnd(blocked.id));

  assert.deepEqual(runs.map((run) => run.error?.code ?? run.status), ["succeeded", "succeeded", "succeeded",
    "succeeded", "delivery_unknown", "connector_not_ready", "cancelled"]);
  const now = await scrape();
  const grown = (name, ...labels) => sum(now, name, ...labels) - sum(earlier, name, ...labels);
  const total = (pick) => runs.reduce((n, run) => n + pick(run), 0);

  assert.equal(grown("briefd_runs_accepted_total"), runs.length);
  assert.equal(grown("briefd_runs_ended_total"), runs.length);
  for (const [status, code, n] of [["succeeded", "none", 4], ["cancelled", "none", 1], ["expired", "none", 0],
    ["failed", "delivery_unknown", 1], ["failed", "connector_not_ready", 1], ["failed", "internal", 0]]) {
    const key = `briefd_runs_ended_total{status="${status}",code="${code}"}`;
    assert.ok(now.has(key), key);
    assert.equal(now.get(key) - earlier.get(key), n, key);
  }
  assert.equal(grown("briefd_run_duration_seconds_count"), runs.length);
  assert.equal(grown("briefd_run_duration_seconds_count", 'status="failed"'), 2);
  assert.equal(grown("briefd_run_running_seconds_count"), runs.length);
  for (const status of ["succeeded", "failed"]) {
    const [running, whole] = ["running", "duration"].map((what) => grown(`briefd_run_${what}_seconds_sum`, `status="${status}"`));
    assert.ok(running > 0 && running <= whole, `${status}: ${running} s of ${whole} s running`);
  }

  for (const [state, n] of [["intended", 4], ["confirmed", 3], ["previewed", 1], ["unknown", 1], ["reconciled", 0]])
    assert.equal(grown("briefd_deliveries_total", `state="${state}"`), n, state);

  for (const kind of ["input", "output", "cache_read", "cache_write"])
    assert.equal(grown("briefd_model_tokens_total", `kind="${kind}"`), total((run) => run.usage[`${kind}_tokens`]), kind);
  assert.ok(total((run) => run.usage.output_tokens) > 0);
  const cost = total((run) => Math.round(Number(run.usage.cost_usd) * 1e9));
  assert.equal(Math.round(grown("briefd_model_cost_usd_total") * 1e9), cost);
  assert.ok(cost > 0);

  // Deliveries are not sent blindly again, so what is repeated is what failed in passing.
  assert.equal(grown("briefd_upstream_retries_total", 'operation="execute_read"'), 2);
  assert.equal(grown("briefd_upstream_retries_total", 'operation="execute_delivery"'), 0);
  assert.equal(grown("briefd_upstream_retries_total", 'operation="messages"'), 1);
  assert.equal(grown("briefd_upstream_requests_total", 'operation="execute_read"', 'result="5xx"'), 2);
  assert.equal(grown("briefd_upstream_requests_total", 'operation="execute_delivery"', 'result="5xx"'), 1);
  assert.equal(grown("briefd_upstream_requests_total", 'operation="messages"', 'result="5xx"'), 1);
  const { requests } = await world.stats();
  assert.equal(sum(now, "briefd_upstream_requests_total", 'upstream="anthropic"'), requests["anthropic.messages"]);
  assert.equal(sum(now, "briefd_upstream_requests_total", 'operation="execute_'), requests["scalekit.execute_tool"]);
  assert.equal(sum(now, "briefd_upstream_requests_total", 'operation="token"'), requests["scalekit.token"]);
  assert.equal(sum(now, "briefd_upstream_request_duration_seconds_count"), sum(now, "briefd_upstream_requests_total"));

  assert.equal(grown("briefd_http_requests_total", 'method="POST",route="/briefings"', 'class="2xx"'), runs.length);
  assert.equal(grown("briefd_http_requests_total", 'route="/briefings/{id}/cancel"', 'class="2xx"'), 1);
});

test("a metric says no more than its short lists of labels", async () => {
  for (const path of ["/none", "/briefings/br_x/y", "/users/somebody/connections"]) await world.request("GET", path);
  for (const method of ["PUT", "OPTIONS"]) await world.request(method, "/briefings");
  const names = [...(await scrape()).keys()].join("\n");
  assert.match(names, /briefd_http_requests_total\{method="none",route="none",class="4xx"\}/);
  assert.doesNotMatch(names, /somebody|br_x|br_0|user_\d|skc_|sk-ant|bk_/);
  for (const name of new Set([...names.matchAll(/^([a-z_]+)/gm)].map((match) => match[1])))
    assert.match(name, /^(briefd|process)_/);
});

test("what waits is seen: the queue, its oldest one, and what runs", async () => {
  await world.fault({ endpoint: "anthropic.messages", count: -1, action: { type: "hang", when: "before_headers" } });
  const ids = [];
  for (let i = 0; i < 4; i++) ids.push((await world.accepted(await world.connected())).id);
  const seen = await world.eventually(async () => {
    const samples = await scrape();
    const isSettled = samples.get('briefd_runs{status="running"}') === 2 && samples.get('briefd_runs{status="queued"}') === 2;
    return isSettled && samples.get("briefd_queue_oldest_age_seconds") > 0 && samples;
  }, "two run, two wait");
  assert.equal(seen.get("briefd_run_threads"), 2);
  assert.equal(seen.get("briefd_credentials_refused"), 0);
  for (const id of ids) await world.request("POST", `/briefings/${id}/cancel`);
  for (const id of ids) await world.untilEnd(id);
  await world.clearFaults();
  assert.equal((await scrape()).get("briefd_queue_oldest_age_seconds"), 0);
});

test("connections are counted by connector and status, the process shows itself", async () => {
  const samples = await scrape();
  assert.ok(samples.get('briefd_connections{connector="slack",status="ACTIVE"}') >= 5);
  assert.ok(samples.get('briefd_connections{connector="slack",status="NOT_CONNECTED"}') >= 1, "who has no account");
  assert.ok([...samples.keys()].some((key) => /^briefd_build_info\{version="\d.*",commit=".+"\}$/.test(key)));
  assert.ok(Math.abs(samples.get("process_start_time_seconds") - Date.now() / 1000) < 3600);
  for (const name of ["process_resident_memory_bytes", "process_open_fds", "process_max_fds", "process_cpu_seconds_total",
    "process_threads", "briefd_db_commit_seconds_count", "briefd_db_commit_writes_sum"])
    assert.ok(samples.get(name) > 0, name);
  assert.equal(samples.get("briefd_metrics_database_read"), 1);
});

test("both pages are what promtool accepts", async () => {
  const own = await send(metricsUrl, "GET", "/metrics");
  assert.match(own.headers["content-type"], /^text\/plain; version=0\.0\.4/);
  assertPromtool(own.text);
  const main = await world.request("GET", "/metrics", { key: await world.newKey("metrics:read", "prometheus") });
  assert.equal(main.status, 200);
  assert.equal(main.headers["content-type"], own.headers["content-type"]);
  assertPromtool(main.text);
});

test("the service's own address shows them to keys with the scope alone", async () => {
  assert.equal((await world.request("GET", "/metrics", { key: null })).status, 401);
  const refused = await world.request("GET", "/metrics");
  assert.equal(refused.status, 403);
  assert.equal(refused.body.code, "insufficient_scope");
  assert.equal((await world.request("GET", "/metrics", { key: await world.newKey("admin", "operator") })).status, 200);
  const reader = await world.newKey("metrics:read", "prometheus");
  assert.equal((await world.request("GET", "/briefings", { key: reader })).status, 403, "and nothing else");
});

test("the listener of its own has nothing but the metrics", async () => {
  for (const path of ["/", "/healthz", "/metrics/x", "/briefings"])
    assert.equal((await send(metricsUrl, "GET", path)).status, 404, path);
  assert.equal((await send(metricsUrl, "HEAD", "/metrics")).status, 200);
  const post = await send(metricsUrl, "POST", "/metrics");
  assert.equal(post.status, 405);
  assert.equal(post.headers.allow, "GET, HEAD");
});
