// What callers do over HTTP: durable creates, status reads, and 304. wrk asks, with 64 keep-alive
// connections; nginx serves a file of the same size to the same wrk, for comparison.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { send } from "../system/client.mjs";
import { ROOT } from "../system/harness.mjs";
import { startProgram } from "../system/processes.mjs";
import { cpuOf, writtenBy } from "./proc.mjs";
import { say, table } from "./table.mjs";
import { ALONE, forEach, Service, temporaryFolder, wait } from "./world.mjs";

const DOCUMENTS = 500;
const OWN_NGINX = join(ROOT, "build/tools/nginx");
const NGINX = existsSync(OWN_NGINX) ? OWN_NGINX : "nginx";
const AUTHORIZATION = (key) => `wrk.headers["Authorization"] = "Bearer ${key}"`;

/** Something at the other end that takes connections and never says a word: a briefing that was
 * started stays started, and every other one stays in the queue. */
export async function startSilence() {
  const sockets = new Set();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://localhost:${server.address().port}`,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** A briefd whose briefings wait for ever. */
export async function startParked(silence, env = {}) {
  const service = await new Service(temporaryFolder(), { ...ALONE, SCALEKIT_ENV_URL: silence.url,
    ANTHROPIC_BASE_URL: silence.url, BRIEFD_MAX_RUNS: "1", BRIEFD_MAX_OPEN_RUNS: "10000000",
    BRIEFD_TOOL_TIMEOUT: "10m", BRIEFD_KEY_RATE: "10000000", BRIEFD_KEY_BURST: "10000000",
    ...env }).start();
  const headers = { authorization: `Bearer ${service.key = await service.newKey()}` };
  service.call = (method, path, more) => send(service.url, method, path, { ...more,
    headers: { ...headers, ...more?.headers } });
  return service;
}

async function wrk(url, seconds, script, folder) {
  const file = join(folder, `wrk-${Math.random().toString(36).slice(2)}.lua`);
  writeFileSync(file, script);
  const { code, stdout, stderr } = await startProgram("wrk", ["-t1", "-c64", `-d${seconds}s`,
    "--latency", "-s", file, url], { env: { PATH: process.env.PATH } }).ended;
  if (code !== 0) throw new Error(`wrk: ${stderr || stdout}`);
  const number = (pattern) => Number(pattern.exec(stdout)?.[1] ?? 0);
  const ms = (pattern) => {
    const [, value, unit] = pattern.exec(stdout) ?? [];
    return value && Number(value) * { us: 0.001, ms: 1, s: 1000 }[unit];
  };
  return { rate: number(/Requests\/sec:\s+([\d.]+)/), requests: number(/(\d+) requests in/),
    refused: number(/Non-2xx or 3xx responses: (\d+)/),
    p50: ms(/50%\s+([\d.]+)(us|ms|s)/), p99: ms(/99%\s+([\d.]+)(us|ms|s)/) };
}

/** One row: how fast, and what it cost the server. */
async function measure(what, pids, url, seconds, script, folder) {
  say(what);
  const cpu = () => pids.reduce((sum, pid) => sum + cpuOf(pid), 0);
  const begin = { cpu: cpu(), own: process.cpuUsage(), written: writtenBy(pids[0]) };
  const seen = await wrk(url, seconds, script, folder);
  const used = cpu() - begin.cpu;
  return {
    "what": what,
    "a second": seen.rate,
    "p50 ms": seen.p50,
    "p99 ms": seen.p99,
    "CPU µs each": 1000 * used / seen.requests,
    "CPU: server": `${Math.round(used / seconds / 10)}%`,
    "refused": seen.refused,
    "KiB written each": (writtenBy(pids[0]) - begin.written) / 1024 / seen.requests,
  };
}

const CREATES = (key) => `${AUTHORIZATION(key)}
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local n = 0
function request()
  n = n + 1
  return wrk.format(nil, nil, nil, '{"user_id":"u_' .. n .. '"}')
end
`;

const READS = (key, documents, conditional) => `${AUTHORIZATION(key)}
local requests = {}
local at = 0
function init()
  for _, one in ipairs({${documents.map(({ id, etag }) => `{"${id}",[[${etag}]]}`).join(",")}}) do
    ${conditional ? 'wrk.headers["If-None-Match"] = one[2]' : ""}
    table.insert(requests, wrk.format("GET", "/briefings/" .. one[1]))
  end
end
function request()
  at = at % #requests + 1
  return requests[at]
end
`;

async function someDocuments(service) {
  const documents = [];
  await forEach(DOCUMENTS, async (i) => {
    const created = await service.call("POST", "/briefings", { body: { user_id: `read_${i}` } });
    const { headers, text } = await service.call("GET", `/briefings/${created.body.id}`);
    documents.push({ id: created.body.id, etag: headers.etag, text });
  });
  return documents.slice(1); // the first one may run
}

/** nginx with two workers, as many as briefd has threads for HTTP; it serves one file. */
async function startNginx(content) {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "files"));
  writeFileSync(join(folder, "files", "document.json"), content);
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  writeFileSync(join(folder, "nginx.conf"), `
${process.getuid() === 0 ? "user root;" : ""}
worker_processes 2; daemon off; pid nginx.pid; error_log error.log;
events { worker_connections 1024; }
http {
  access_log off; sendfile on; open_file_cache max=10; keepalive_requests 100000000;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi; scgi_temp_path scgi; default_type application/json;
  server { listen 127.0.0.1:${port}; root files; }
}
`);
  const child = spawn(NGINX, ["-p", folder, "-c", "nginx.conf", "-e", "error.log"], { stdio: "ignore" });
  const failed = new Promise((_, reject) => child.once("error", reject));
  const url = `http://127.0.0.1:${port}/document.json`;
  const up = async () => {
    for (let i = 0; i < 200; i++) {
      const answer = await send(url, "GET", "/document.json").catch(() => null);
      if (answer?.status === 200) return;
      await wait(10);
    }
    throw new Error("nginx does not answer");
  };
  await Promise.race([up(), failed]);
  const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8");
  return {
    url,
    folder,
    pids: children.trim().split(" ").map(Number),
    async close() {
      child.kill("SIGQUIT");
      await once(child, "exit");
    },
  };
}

export async function http({ quick }) {
  const seconds = quick ? 1 : 5;
  const rows = [];
  const silence = await startSilence();
  const service = await startParked(silence);
  const { folder, key } = service;
  try {
    const documents = await someDocuments(service);
    for (const [what, conditional] of [["GET /briefings/{id}, 200", false], ["the same, 304", true]]) {
      rows.push(await measure(what, [service.pid], service.url, seconds,
        READS(key, documents, conditional), folder));
    }
    const size = Buffer.byteLength(documents[0].text);
    try {
      const nginx = await startNginx(documents[0].text);
      try {
        rows.push(await measure(`nginx, a file of ${size} bytes`, nginx.pids, nginx.url, seconds, "",
          nginx.folder));
      } finally {
        await nginx.close();
      }
    } catch (error) {
      say(`no row for nginx: ${error.message}`);
    }
    rows.push(await measure("POST /briefings, durable", [service.pid], `${service.url}/briefings`,
      seconds, CREATES(key), folder));
    table("HTTP: wrk, 1 thread, 64 connections kept open", rows,
      ["wrk runs on the same machine: what it uses, the server has not"]);
  } finally {
    silence.close();
    await service.stop();
  }
}
