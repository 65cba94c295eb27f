import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { useSandbox } from "./testing.mjs";

const sandbox = useSandbox({ connections: { "notion-sandbox": "NOTION" } });
const program = fileURLToPath(new URL("briefd-sandbox", import.meta.url));

async function http(method, path, body) {
  const answer = await fetch(sandbox.sandbox.urls.control + path,
    { method, body: body === undefined ? undefined : JSON.stringify(body) });
  return { status: answer.status, body: await answer.json() };
}

describe("the control port", () => {
  it("refuses unknown fields, values and paths with 400", async () => {
    for (const [method, path, body] of [
      ["POST", "/connect", { identifier: "a", connection: "slack-sandbox", now: true }],
      ["POST", "/connect", { identifier: "a", connection: "slack" }],
      ["POST", "/accounts", { identifier: "a", connection: "slack-sandbox", status: "REVOKED" }],
      ["POST", "/variants", { json_case: "kebab" }], ["POST", "/variants", { nothing: 1 }],
      ["POST", "/latency", { tool_ms: -1 }], ["GET", "/nowhere"], ["POST", "/claude", { script: "nobody" }],
    ]) {
      const answer = await http(method, path, body);
      assert.equal(answer.status, 400, `${method} ${path}`);
      assert.ok(answer.body.error.message);
    }
  });

  it("keeps a journal of every request", async () => {
    await sandbox.connect("slack-sandbox");
    const { last } = (await http("GET", "/stats")).body;
    await sandbox.tool("slack_send_message", { channel: "C0NEWSROOM1", text: "hi" }, { agent_run_id: "br_1" });
    const { entries } = (await http("GET", `/log?endpoint=scalekit.execute_tool&after=${last}`)).body;
    assert.equal(entries.length, 1);
    const { tool, params, identifier, agent_run_id, status, effect, connection } = entries[0];
    assert.deepEqual({ tool, params, identifier, agent_run_id, status, effect }, {
      tool: "slack_send_message", params: { channel: "C0NEWSROOM1", text: "hi" }, identifier: "ada",
      agent_run_id: "br_1", status: 200, effect: true });
    assert.ok(connection > 0);
  });

  it("lets tools take their time", async () => {
    await sandbox.connect("slack-sandbox");
    await http("POST", "/latency", { tool_ms: 60 });
    const start = Date.now();
    await sandbox.tool("slack_auth_test");
    assert.ok(Date.now() - start >= 55);
  });

  it("accepts connections named on the command line", async () => {
    const { status } = await sandbox.connect("notion-sandbox");
    assert.equal(status, "ACTIVE");
  });

  it("sends signed webhooks when a status changes", async () => {
    const secret = `whsec_${Buffer.from("a secret of thirty-two characters").toString("base64")}`;
    const received = [];
    const server = createServer((req, res) => {
      let body = "";
      req.on("data", (chunk) => { body += chunk; });
      req.on("end", () => {
        received.push({ headers: req.headers, body });
        res.writeHead(received.length === 1 ? 500 : 204).end();
        if (received.length === 2) server.emit("enough");
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const enough = once(server, "enough");
    await http("POST", "/webhooks", { url: `http://127.0.0.1:${server.address().port}/`, secret });
    await sandbox.control("POST", "/accounts",
      { identifier: "ada", connection: "slack-sandbox", status: "ACTIVE" });
    await sandbox.control("POST", "/accounts",
      { identifier: "ada", connection: "slack-sandbox", status: "EXPIRED" });
    await enough;
    server.close();
    server.closeAllConnections();
    const [{ headers, body }] = received;
    const mac = createHmac("sha256", "a secret of thirty-two characters")
      .update(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`).digest("base64");
    assert.equal(headers["webhook-signature"], `v1,${mac}`);
    const event = JSON.parse(body);
    assert.equal(event.type, "connected_account.status_updated");
    assert.deepEqual([event.data.old_status, event.data.status], ["ACTIVE", "EXPIRED"]);
    assert.equal(event.id, headers["webhook-id"]);
    assert.equal(received[1].headers["webhook-id"], event.id);
  });
});

describe("the program", () => {
  it("prints one line when ready, and ends on SIGTERM", async () => {
    const child = spawn(program, ["--token-ttl", "7"], { stdio: ["ignore", "pipe", "inherit"] });
    let out = "";
    child.stdout.on("data", (chunk) => { out += chunk; });
    await once(child.stdout, "data");
    const ready = JSON.parse(out);
    assert.equal(ready.ready, true);
    assert.match(ready.scalekit, /^http:\/\/localhost:\d+$/);
    assert.equal((await fetch(`${ready.control}/stats`)).status, 200);
    child.kill("SIGTERM");
    const [status] = await once(child, "exit");
    assert.equal(status, 0);
    assert.equal(out.trim().split("\n").length, 1);
  });

  it("explains itself, and refuses options that it does not know", async () => {
    const { stdout } = await promisify(execFile)(program, ["--help"]);
    assert.match(stdout, /--token-ttl/);
    await assert.rejects(promisify(execFile)(program, ["--porrt", "1"]), { code: 64 });
  });
});
