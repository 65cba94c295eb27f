// The command line of briefd-sandbox.

export const DEFAULTS = {
  host: "localhost",
  scalekitPort: 0,
  anthropicPort: 0,
  controlPort: 0,
  tokenTtl: 3600,
  latencyModelMs: 0,
  latencyToolMs: 0,
  connections: {},
};

const NUMBERS = {
  "--scalekit-port": "scalekitPort",
  "--anthropic-port": "anthropicPort",
  "--control-port": "controlPort",
  "--token-ttl": "tokenTtl",
  "--latency-model-ms": "latencyModelMs",
  "--latency-tool-ms": "latencyToolMs",
};

export const HELP = `briefd-sandbox plays what is outside briefd: ScaleKit, its tools, and Claude.

  --host NAME              name in the printed addresses (localhost); the loopback is listened on
  --scalekit-port N        0 takes any free port, here and below
  --anthropic-port N
  --control-port N         faults, journal, accounts: see README.md
  --token-ttl SECONDS      life of an access token (3600)
  --latency-model-ms N     time a reply of Claude takes (0)
  --latency-tool-ms N      time a tool takes (0)
  --connection NAME=PROVIDER
                           one more ScaleKit connection, for example notion-sandbox=NOTION
  --help

When ready it prints one line of JSON: addresses and credentials. It ends on SIGTERM or SIGINT.
`;

/** Parses arguments; throws with a message for people. {help: true} asks for the help text. */
export function parseArguments(given) {
  const options = { ...DEFAULTS, connections: {} };
  const left = [...given];
  while (left.length > 0) {
    let name = left.shift();
    if (name === "--help") return { help: true };
    let value;
    const at = name.indexOf("=");
    if (at > 0) [name, value] = [name.slice(0, at), name.slice(at + 1)];
    else value = left.shift();
    if (value === undefined) throw new Error(`${name} needs a value`);
    if (NUMBERS[name]) {
      if (!/^\d+$/.test(value)) throw new Error(`${name} takes a number, not "${value}"`);
      options[NUMBERS[name]] = Number(value);
    } else if (name === "--host") {
      options.host = value;
    } else if (name === "--connection") {
      const [, connection, provider] = /^([a-zA-Z0-9_: -]+)=([A-Z0-9_]+)$/.exec(value) ?? [];
      if (!connection) throw new Error(`--connection takes NAME=PROVIDER, not "${value}"`);
      options.connections[connection] = provider;
    } else {
      throw new Error(`unknown option ${name}`);
    }
  }
  return options;
}
