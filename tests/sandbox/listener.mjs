// One HTTP listener that can be taken down and brought back on the same port.

import { createServer } from "node:http";

/** `handle` may fail: that is a defect of the sandbox, told on stderr and answered with 500. */
export async function listen({ name, host, port, handle, log }) {
  const server = createServer(async (req, res) => {
    try {
      await handle(req, res);
    } catch (error) {
      console.error(`${name}: ${req.method} ${req.url}:`, error);
      if (!res.headersSent) res.writeHead(500);
      res.end();
    }
  });
  server.keepAliveTimeout = 75_000;
  server.requestTimeout = 0;
  server.on("connection", (socket) => {
    log?.connection(name, socket);
    socket.on("error", () => {});
  });

  // "localhost" must be reachable by that name; the other loopback name is the product's own.
  const address = host === "localhost" ? "127.0.0.1" : host;
  const start = (at) => new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(at, address, () => {
      server.removeListener("error", reject);
      resolve();
    });
  });
  const stop = () => new Promise((resolve) => {
    if (!server.listening) return resolve();
    server.close(() => resolve());
    return server.closeAllConnections();
  });

  await start(port);
  const taken = server.address().port;
  return {
    url: `http://${host}:${taken}`,
    up: async () => {
      if (!server.listening) await start(taken);
    },
    down: stop,
  };
}
