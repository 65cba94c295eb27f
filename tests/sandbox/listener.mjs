// One HTTP listener that can be taken down and brought back on the same port. The name "localhost"
// means both loopback addresses, since some clients try ::1 alone; a machine may lack the second.

import { createServer } from "node:http";

const NO_SUCH_ADDRESS = ["EADDRNOTAVAIL", "EAFNOSUPPORT"];
const TRIES = 5;

/** `handle` may fail: that is a defect of the sandbox, told on stderr and answered with 500. */
export async function listen({ name, host, port, handle, log }) {
  const onRequest = async (req, res) => {
    try {
      await handle(req, res);
    } catch (error) {
      console.error(`${name}: ${req.method} ${req.url}:`, error);
      if (!res.headersSent) res.writeHead(500);
      res.end();
    }
  };

  function create() {
    const server = createServer(onRequest);
    server.keepAliveTimeout = 75_000;
    server.requestTimeout = 0;
    server.on("connection", (socket) => {
      log?.connection(name, socket);
      socket.on("error", () => {});
    });
    return server;
  }

  const servers = [create()];
  const addresses = host === "localhost" ? ["127.0.0.1", "::1"] : [host];
  if (addresses.length > 1) servers.push(create());

  async function up(at) {
    await start(servers[0], addresses[0], at);
    const taken = servers[0].address().port;
    if (servers.length > 1) {
      try {
        await start(servers[1], addresses[1], taken);
      } catch (error) {
        if (!NO_SUCH_ADDRESS.includes(error.code)) {
          await stop(servers[0]);
          throw error;
        }
      }
    }
    return taken;
  }

  let taken;
  for (let tries = 1; taken === undefined; tries++) {
    try {
      taken = await up(port);
    } catch (error) {
      // A free port on one address may be taken on the other: ask for a new one.
      if (port !== 0 || error.code !== "EADDRINUSE" || tries === TRIES) throw error;
    }
  }
  return {
    url: `http://${host}:${taken}`,
    up: async () => {
      if (!servers[0].listening) await up(taken);
    },
    down: () => Promise.all(servers.map(stop)),
  };
}

function start(server, address, port) {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, address, () => {
      server.removeListener("error", reject);
      resolve();
    });
  });
}

function stop(server) {
  return new Promise((resolve) => {
    if (!server.listening) return resolve();
    server.close(resolve);
    return server.closeAllConnections();
  });
}
