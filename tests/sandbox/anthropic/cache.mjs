// Prompt caching, as far as its bill shows it: which part of a prompt was read from the cache, which
// was written, which was neither. Prefixes that were written are remembered by their hash until
// they expire.

import { tokensOf } from "./prefix.mjs";

const LIFETIME_MS = { "5m": 300_000, "1h": 3_600_000 };
const LOOKBACK = 20;
const MAX_ENTRIES = 200_000;

export function createPromptCache(now = Date.now) {
  const entries = new Map();

  function find(key) {
    const entry = entries.get(key);
    return entry && entry.until > now() ? entry : null;
  }

  function store(key, ttl) {
    entries.delete(key);
    if (entries.size >= MAX_ENTRIES) entries.delete(entries.keys().next().value);
    entries.set(key, { ttl, until: now() + LIFETIME_MS[ttl] });
  }

  /**
   * The input side of usage for a prompt, and commit(), which remembers what was written: call it
   * when the reply starts.
   */
  function account(body, positions, model) {
    const keyOf = keyMaker(body, model);
    const points = breakpoints(body, positions)
      .filter(({ at }) => tokensOf(positions[at].bytes) >= model.minCached);
    let read = -1;
    for (const { at } of points) {
      for (let i = at; i >= Math.max(0, at - LOOKBACK) && i > read; i--) {
        if (find(keyOf(positions[i]))) read = i;
      }
    }
    const upTo = (i) => (i < 0 ? 0 : tokensOf(positions[i].bytes));
    const last = points.at(-1)?.at ?? -1;
    const longest = points.filter(({ ttl }) => ttl === "1h").at(-1)?.at ?? -1;
    const hourly = Math.max(0, upTo(longest) - upTo(read));
    const created = Math.max(0, upTo(last) - upTo(read));
    return {
      usage: {
        input_tokens: upTo(positions.length - 1) - Math.max(upTo(last), upTo(read)),
        cache_creation_input_tokens: created,
        cache_read_input_tokens: upTo(read),
        cache_creation: { ephemeral_5m_input_tokens: created - hourly,
          ephemeral_1h_input_tokens: hourly },
      },
      commit() {
        if (read >= 0) {
          const key = keyOf(positions[read]);
          store(key, entries.get(key)?.ttl ?? "5m");
        }
        for (const { at, ttl } of points) if (at > read) store(keyOf(positions[at]), ttl);
      },
    };
  }

  return { account, clear: () => entries.clear() };
}

/** Marked positions in order: the explicit ones and the automatic one on the last block. */
function breakpoints(body, positions) {
  const points = [];
  positions.forEach(({ marker }, at) => marker && points.push({ at, ttl: marker }));
  if (!body.cache_control) return points;
  const at = positions.findLastIndex(({ markable }) => markable);
  if (at >= 0 && points.at(-1)?.at !== at) points.push({ at, ttl: body.cache_control.ttl ?? "5m" });
  return points;
}

/** What a prefix is remembered under: messages depend on more of the request than tools do. */
function keyMaker(body, model) {
  const choices = JSON.stringify([body.thinking, body.tool_choice, body.output_config, body.speed]);
  return ({ kind, hash }) => `${model.id} ${hash}${kind === "messages" ? choices : ""}`;
}
