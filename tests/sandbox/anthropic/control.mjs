// What the control port forwards for Claude.
//
//   POST /claude {"script": …, "for": …, "at_turn": …, "count": …, "args": …}  one, or a list
//   POST /claude {"settings": {"latency_model_ms": 0, "fast_stream": true, "eol": "crlf"}}
//   POST /claude {"clear": true}                                             forget overrides
//   GET /claude                                                              scripts, overrides, settings

import { BadOverride, SCRIPT_NAMES } from "./script.mjs";

// Settings as the control port names them: the option behind each, and what it may be.
const SETTINGS = {
  latency_model_ms: { option: "latencyModelMs", fits: (v) => Number.isFinite(v) && v >= 0 },
  fast_stream: { option: "fastStream", fits: (v) => typeof v === "boolean" },
  eol: { option: "eol", fits: (v) => ["lf", "crlf", "cr"].includes(v) },
};

/** {post(value), get()}: each returns {status, body}, body being a value for JSON. */
export function createControl({ scripts, options }) {
  const state = () => ({
    scripts: SCRIPT_NAMES,
    overrides: scripts.list(),
    settings: Object.fromEntries(Object.entries(SETTINGS)
      .map(([name, { option }]) => [name, options[option] ?? null])),
  });
  return {
    get: () => ({ status: 200, body: state() }),
    post(value) {
      try {
        if (value?.clear) scripts.clear();
        else if (value?.settings) set(value.settings, options);
        else scripts.add(value);
        return { status: 200, body: state() };
      } catch (e) {
        if (!(e instanceof BadOverride)) throw e;
        return { status: 400, body: { error: e.message } };
      }
    },
  };
}

function set(settings, options) {
  for (const [name, value] of Object.entries(settings)) {
    if (!Object.hasOwn(SETTINGS, name)) throw new BadOverride(`unknown setting "${name}"`);
    if (!SETTINGS[name].fits(value)) throw new BadOverride(`${name} has a wrong value`);
  }
  for (const [name, value] of Object.entries(settings)) options[SETTINGS[name].option] = value;
}
