// Event streams: what one costs that waits, and how long it takes until all clients have been told of an
// event. All follow one briefing, or each of many follows its own.

import { connect } from "node:net";
import { startParked, startSilence } from "./http.mjs";
import { cpuOf, memoryOf } from "./proc.mjs";
import { percentile, say, table } from "./table.mjs";
import { forEach } from "./world.mjs";

/** One stream; `answered` is when it had all that was there, `ended` when "event: end" came. */
function open(url, path, key) {
  const { hostname, port, host } = new URL(url);
  const stream = { bytes: 0 };
  let text = "";
  stream.isOpen = new Promise((resolve) => { stream.opened = resolve; });
  stream.over = new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () => socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n` +
      `Authorization: Bearer ${key}\r\nAccept: text/event-stream\r\n\r\n`));
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      stream.bytes += chunk.length;
      stream.status ??= Number(text.slice(9, 12));
      if (text.includes("\nid: ")) stream.opened();
      if (text.includes("event: end")) {
        stream.ended ??= performance.now();
        socket.destroy();
      }
      text = text.slice(-20);
    });
    socket.once("error", (error) => { stream.error = error; });
    socket.once("close", () => {
      stream.opened();
      resolve(stream);
    });
  });
  return stream;
}

async function measure(n, nRuns) {
  say(`${n} event streams of ${nRuns} briefings`);
  const silence = await startSilence();
  const service = await startParked(silence, { BRIEFD_MAX_STREAMS: "20000",
    BRIEFD_MAX_STREAMS_PER_ADDRESS: "20000", BRIEFD_MAX_CONNECTIONS: "20000",
    BRIEFD_MAX_CONNECTIONS_PER_ADDRESS: "20000" });
  try {
    await service.call("POST", "/briefings", { body: { user_id: "blocks_the_queue" } });
    const ids = [];
    await forEach(nRuns, async (i) => {
      ids[i] = (await service.call("POST", "/briefings", { body: { user_id: `waits_${i}` } })).body.id;
    });
    const before = memoryOf(service.pid);
    const streams = [];
    await forEach(n, (i) => {
      streams[i] = open(service.url, `/briefings/${ids[i % nRuns]}/events`, service.key);
      return streams[i].isOpen;
    });
    const full = memoryOf(service.pid);
    const early = streams.filter(({ ended }) => ended).length;
    const cpu = cpuOf(service.pid);
    const begin = performance.now();
    await forEach(nRuns, (i) => service.call("POST", `/briefings/${ids[i]}/cancel`));
    await Promise.all(streams.map(({ over }) => over));
    const told = streams.filter(({ ended }) => ended);
    if (told.length < n) say(`${n - told.length} were not told: ${streams.find(({ ended }) => !ended).error ?? "closed"}`);
    const times = told.map(({ ended }) => ended - begin);
    return {
      "streams": n,
      "briefings": nRuns,
      "KiB each": (full.rss - before.rss) / n,
      "first told, ms": Math.min(...times),
      "half, ms": percentile(times, 0.5),
      "all, ms": Math.max(...times),
      "CPU ms": cpuOf(service.pid) - cpu,
      "ended too early": early,
      "not told": n - told.length,
    };
  } finally {
    silence.close();
    await service.stop();
  }
}

export async function streams({ quick }) {
  const n = quick ? 500 : 5000;
  const rows = [await measure(n, 1), await measure(n, n / 50)];
  table("Event streams that wait, and are told when their briefings end", rows,
    ["the client is one node process, which reads the streams one after the other",
      "of many briefings, the time is that of ending all of them, too"]);
}
