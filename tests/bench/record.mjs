// What the sandbox answers to one briefing, for upstream.c to answer the same to thousands. A proxy
// stands between briefd and the two halves of the sandbox, and writes down what passes.

import { writeFileSync } from "node:fs";
import http from "node:http";
import { once } from "node:events";
import { send } from "../system/client.mjs";
import { Service, temporaryFolder } from "./world.mjs";

/** Every user of a measurement has a name of this length. */
export const nameOf = (i) => `u_${String(i).padStart(6, "0")}`;

const RECORDED = nameOf(0);

function read(stream) {
  return new Promise((resolve, reject) => {
    const chunks = [];
    stream.on("data", (chunk) => chunks.push(chunk));
    stream.once("end", () => resolve(Buffer.concat(chunks).toString()));
    stream.once("error", reject);
  });
}

function pass(base, request, body) {
  return new Promise((resolve, reject) => {
    const { host, ...headers } = request.headers;
    const onward = http.request(new URL(request.url, base), { method: request.method, headers },
      async (response) => resolve({ status: response.statusCode,
        type: response.headers["content-type"] ?? "", answer: await read(response) }));
    onward.once("error", reject);
    onward.end(body);
  });
}

/** Takes one briefing through the sandbox; the file with what it saw. */
export async function record(world) {
  const answers = [];
  const proxy = http.createServer(async (request, response) => {
    const isClaude = request.url.startsWith("/v1/");
    const base = (isClaude ? world.claude : world.scalekit).ready[isClaude ? "anthropic" : "scalekit"];
    const body = await read(request);
    const { status, type, answer } = await pass(base, request, body);
    answers.push({ line: `${request.method} ${request.url}`, body, status, type, answer });
    response.writeHead(status, { "content-type": type });
    response.end(answer);
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const url = `http://127.0.0.1:${proxy.address().port}`;
  const folder = temporaryFolder();
  const service = await new Service(folder, { ...world.settings, SCALEKIT_ENV_URL: url,
    ANTHROPIC_BASE_URL: url }).start();
  const headers = { authorization: `Bearer ${await service.newKey()}` };
  const made = await send(service.url, "POST", "/briefings", { headers, body: { user_id: RECORDED } });
  let run = made.body;
  for (let i = 0; i < 30 && !run.terminal; i++)
    run = (await send(service.url, "GET", `/briefings/${run.id}?wait=10`, { headers })).body;
  await service.stop();
  proxy.close();
  proxy.closeAllConnections();
  if (run.status !== "succeeded") throw new Error(`nothing to record: ${JSON.stringify(run)}`);
  const file = `${folder}/recording.json`;
  writeFileSync(file, JSON.stringify({ identifier: RECORDED, answers }));
  return file;
}
