// Faults inside a stream that began well: what a rule with the action {type: "stream", kind, …} makes
// of a reply's events. Optional in all of them: `after_events`, how many true events come first.
//
//   error_event        an error event (`error_type`, default overloaded_error), then the end
//   no_message_stop    everything but message_stop, then the end
//   stall_after_start  message_start, then silence
//   stall_heartbeats   message_start, then a sign of life every `interval_ms` (100), for ever:
//                      `with` "comments" (default) or "pings"
//   cut_mid_event      half of the events and half of one more, then a reset
//   drip               everything, `bytes` (16) at a time every `interval_ms` (20)
//   no_events          nothing, then the end
//   unknown_delta      a delta of a type nobody knows
//   second_start       a second message_start
//   bad_json           an event whose data is not JSON
//   endless_text       text deltas for ever
//   http               no stream: an error answer named by `error` (see errors.mjs)

import { pause } from "../faults.mjs";
import { ERROR_NAMES, messageOf } from "./errors.mjs";
import { eventText } from "./stream.mjs";

const KINDS = {
  error_event: { keep: half, play: async (res, events, action, requestId) => {
    const type = action.error_type ?? "overloaded_error";
    res.end(eventText("error", JSON.stringify({ type: "error",
      error: { type, message: messageOf(type) }, request_id: requestId })));
  } },
  no_message_stop: { keep: allButLast, play: (res) => res.end() },
  stall_after_start: { keep: first, play: (res) => closed(res) },
  stall_heartbeats: { keep: first, play: (res, events, action) => {
    const sign = action.with === "pings" ? eventText("ping", '{"type": "ping"}') : ": alive\n\n";
    return forever(res, action.interval_ms ?? 100, () => sign);
  } },
  cut_mid_event: { keep: half, play: async (res, events, action, requestId, at) => {
    const text = events[Math.min(at, events.length - 1)];
    await new Promise((done) => { res.write(text.slice(0, text.length >> 1), done); });
    res.req.socket.resetAndDestroy();
  } },
  drip: { keep: none, play: drip },
  no_events: { keep: none, play: (res) => res.end() },
  unknown_delta: { keep: inFirstBlock, play: insert(eventText("content_block_delta",
    '{"type":"content_block_delta","index":0,"delta":{"type":"mood_delta","mood":"calm"}}')) },
  second_start: { keep: half, play: async (res, events, action, requestId, at) => {
    res.end(events[0] + events.slice(at).join(""));
  } },
  bad_json: { keep: half, play: insert(eventText("content_block_delta",
    '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a')) },
  endless_text: { keep: (events) => events.findIndex((e) => e.includes('"type":"text_delta"')) + 1,
    play: (res, events, action, requestId, at) => forever(res, action.interval_ms ?? 0,
      () => (events[at - 1] ?? "").repeat(200)) },
  http: {},
};

/** What is wrong with an action of type "stream", or null. */
export function actionProblem(action) {
  if (!Object.hasOwn(KINDS, action.kind)) return `unknown kind of stream fault "${action.kind}"`;
  if (action.kind === "http" && !ERROR_NAMES.includes(action.error)) {
    return `unknown error "${action.error}"`;
  }
  return null;
}

/**
 * Plays a reply's events with the fault in them. Resolves when the response is over; the result is
 * the outcome for the journal. `hung` holds the sockets that are to be cut when faults are reset.
 */
export async function playFault(res, events, { action, hung }, requestId) {
  const { keep, play } = KINDS[action.kind];
  const at = Math.min(action.after_events ?? keep(events), events.length);
  const { socket } = res;
  hung?.add(socket);
  socket?.once("close", () => hung?.delete(socket));
  if (at > 0) res.write(events.slice(0, at).join(""));
  else res.flushHeaders();
  await play(res, events, action, requestId, at);
  if (res.writableEnded) hung?.delete(socket);
  return `stream:${action.kind}`;
}

function half(events) {
  return Math.max(1, events.length >> 1);
}

function inFirstBlock(events) {
  return events.findIndex((e) => e.startsWith("event: content_block_start")) + 1;
}

function allButLast(events) {
  return events.length - 1;
}

function first() {
  return 1;
}

function none() {
  return 0;
}

function insert(text) {
  return async (res, events, action, requestId, at) => {
    res.end(text + events.slice(at).join(""));
  };
}

function closed(res) {
  if (res.destroyed || res.closed) return undefined;
  return new Promise((resolve) => { res.once("close", resolve); });
}

async function forever(res, intervalMs, text) {
  while (!res.destroyed && !res.closed) {
    const more = res.write(text());
    if (!more) {
      await new Promise((resolve) => {
        res.once("drain", resolve);
        res.once("close", resolve);
      });
    }
    await pause(Math.max(1, intervalMs), res);
  }
}

async function drip(res, events, action) {
  const bytes = Buffer.from(events.join(""));
  const step = action.bytes ?? 16;
  for (let i = 0; i < bytes.length && !res.destroyed; i += step) {
    res.write(bytes.subarray(i, i + step));
    await pause(action.interval_ms ?? 20, res);
  }
  res.end();
}
