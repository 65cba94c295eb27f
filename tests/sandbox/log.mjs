// The request journal: what the sandbox was asked, by whom, over which connection, and what it
// answered. Both halves write it; the control port reads it.
//
//   const entry = log.begin("scalekit.verify", req);   // one for each request
//   entry.identifier = "u_7f";                         // any further fields are kept as they are
//   entry.effect = true;                               // something really happened
//   log.end(entry, 200);                               // a status, or what was done: "reset"
//
// Entries are numbered from 1 and never renumbered; only the newest LIMIT are kept.

const LIMIT = 20_000;

export function createLog() {
  const connectionIds = new WeakMap();
  let entries, last, requests, inFlight, mostInFlight, connections, open, counters;
  let nextConnection = 1;

  function reset() {
    entries = [];
    last = 0;
    requests = {};
    inFlight = {};
    mostInFlight = {};
    connections = {};
    counters = {};
  }
  open = {};
  reset();

  return {
    reset,

    /** A listener accepted a socket: number it. */
    connection(listener, socket) {
      connectionIds.set(socket, nextConnection++);
      connections[listener] = (connections[listener] ?? 0) + 1;
      open[listener] = (open[listener] ?? 0) + 1;
      socket.once("close", () => { open[listener]--; });
    },

    /** A request arrived. Returns its entry, which the caller completes. */
    begin(endpoint, req) {
      const entry = {
        n: ++last,
        time: new Date().toISOString(),
        endpoint,
        method: req.method,
        path: req.url,
        connection: connectionIds.get(req.socket) ?? null,
        ...(req.headers.traceparent && { traceparent: req.headers.traceparent }),
        status: null,
        effect: false,
      };
      requests[endpoint] = (requests[endpoint] ?? 0) + 1;
      inFlight[endpoint] = (inFlight[endpoint] ?? 0) + 1;
      mostInFlight[endpoint] = Math.max(mostInFlight[endpoint] ?? 0, inFlight[endpoint]);
      entries.push(entry);
      if (entries.length > 2 * LIMIT) entries = entries.slice(-LIMIT);
      return entry;
    },

    /** The request is over: `status` is a number, or what happened instead of an answer. */
    end(entry, status) {
      if (entry.status !== null) return;
      entry.status = status;
      if (inFlight[entry.endpoint] > 0) inFlight[entry.endpoint]--;
    },

    /** Counts an effect, such as "slack_posts" or "model_calls". */
    count(name, by = 1) {
      counters[name] = (counters[name] ?? 0) + by;
    },

    /** Entries numbered above `after`, oldest first; `endpoint` may end in "*". */
    list({ endpoint, after = 0, limit = LIMIT } = {}) {
      const wanted = endpointMatcher(endpoint);
      const found = [];
      for (const entry of entries.slice(-LIMIT)) {
        if (entry.n > after && wanted(entry.endpoint)) found.push(entry);
        if (found.length === limit) break;
      }
      return found;
    },

    stats() {
      return {
        last,
        requests: { ...requests },
        in_flight: { ...inFlight },
        most_in_flight: { ...mostInFlight },
        connections_opened: { ...connections },
        connections_open: { ...open },
        effects: { slack_posts: 0, model_calls: 0, ...counters },
      };
    },
  };
}

/** Matches a name, or with a trailing "*" every name that begins so. */
export function endpointMatcher(pattern) {
  if (pattern === undefined) return () => true;
  if (!pattern.endsWith("*")) return (name) => name === pattern;
  const start = pattern.slice(0, -1);
  return (name) => name.startsWith(start);
}
