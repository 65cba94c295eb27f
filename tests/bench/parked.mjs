// Long-polls: what a parked one costs, and how long it takes until all of them have been told.

import { connect } from "node:net";
import { startParked, startSilence } from "./http.mjs";
import { cpuOf, memoryOf } from "./proc.mjs";
import { percentile, say, table } from "./table.mjs";
import { forEach, wait } from "./world.mjs";

const STATES = 100;

/** One connection with one request on it; `answered` is the time of the answer. */
function park(url, path, key) {
  const { hostname, port, host } = new URL(url);
  const poll = {};
  poll.answer = new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () => {
      poll.opened?.();
      socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${key}\r\n\r\n`);
    });
    socket.once("data", (chunk) => {
      poll.answered = performance.now();
      poll.status = Number(chunk.toString("latin1", 9, 12));
      resolve(poll);
      socket.destroy();
    });
    socket.once("error", (error) => { poll.error = error; });
    socket.once("close", () => {
      poll.opened?.();
      resolve(poll);
    });
  });
  poll.isOpen = new Promise((resolve) => { poll.opened = resolve; });
  return poll;
}

/** Until no more memory is taken: all requests have arrived and wait. */
async function settled(pid) {
  let last = -1;
  for (let same = 0; same < STATES / 20;) {
    const { rss } = memoryOf(pid);
    same = rss === last ? same + 1 : 0;
    last = rss;
    await wait(100);
  }
}

export async function parked({ quick }) {
  const n = quick ? 500 : 5000;
  say(`${n} parked long-polls`);
  const silence = await startSilence();
  const service = await startParked(silence, { BRIEFD_MAX_WAITERS: "20000",
    BRIEFD_MAX_CONNECTIONS: "20000",
    BRIEFD_MAX_CONNECTIONS_PER_ADDRESS: "20000" });
  try {
    await service.call("POST", "/briefings", { body: { user_id: "blocks_the_queue" } });
    const { body } = await service.call("POST", "/briefings", { body: { user_id: "waits" } });
    const path = `/briefings/${body.id}?wait=60`;
    const before = memoryOf(service.pid);
    const polls = [];
    await forEach(n, (i) => {
      polls[i] = park(service.url, path, service.key);
      return polls[i].isOpen;
    });
    await settled(service.pid);
    const full = memoryOf(service.pid);
    const early = polls.filter(({ answered }) => answered).length;
    const cpu = cpuOf(service.pid);
    const begin = performance.now();
    const cancelled = await service.call("POST", `/briefings/${body.id}/cancel`);
    if (cancelled.status !== 202) throw new Error(`cancel: ${cancelled.status} ${cancelled.text}`);
    await Promise.all(polls.map(({ answer }) => answer));
    const lost = polls.filter(({ answered }) => !answered);
    if (lost.length) say(`${lost.length} without an answer, one of them: ${lost[0].error ?? "closed"}`);
    const times = polls.filter(({ answered }) => answered).map(({ answered }) => answered - begin);
    table("Long-polls that wait for one briefing, and are told when it ends", [{
      "parked": n,
      "KiB each": (full.rss - before.rss) / n,
      "first told, ms": Math.min(...times),
      "half, ms": percentile(times, 0.5),
      "all, ms": Math.max(...times),
      "CPU ms": cpuOf(service.pid) - cpu,
      "answered too early": early,
      "not 200": polls.filter(({ status }) => status !== 200).length,
    }], ["the client is one node process, which reads the answers one after the other"]);
  } finally {
    silence.close();
    await service.stop();
  }
}
