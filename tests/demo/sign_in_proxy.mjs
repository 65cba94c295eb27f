// Stands where oauth2-proxy or an identity-aware proxy stands in life: in front of briefd, and sure of who
// the person is. This one takes everybody for the same user; nobody else may reach this machine's loopback.
import { createServer, request } from 'node:http';

export const HEADER = 'X-Forwarded-User';

// These concern one connection, not the message (RFC 9110, 7.6.1).
const HOP_BY_HOP = ['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'];

function forwarded(headers, user) {
  const own = { ...headers };
  // What a browser says of itself does not count.
  for (const name of [...HOP_BY_HOP, HEADER.toLowerCase()]) delete own[name];
  return { ...own, [HEADER]: user };
}

/** Listens on that port of 127.0.0.1 (0: any free one) at once; `target` may be set later. {url, forward(target), close()} */
export function startSignInProxy(user, port) {
  let target;
  const server = createServer((from, to) => {
    const { hostname, port: targetPort } = new URL(target);
    const onward = request({ hostname, port: targetPort, method: from.method, path: from.url, headers: forwarded(from.headers, user) },
      (answer) => {
        const headers = { ...answer.headers };
        for (const name of HOP_BY_HOP) delete headers[name];
        to.writeHead(answer.statusCode, headers);
        answer.pipe(to);
        answer.once('error', () => to.destroy());
      });
    onward.once('error', () => {
      if (to.headersSent) to.destroy();
      else to.writeHead(502, { 'content-type': 'text/plain' }).end('briefd does not answer.\n');
    });
    to.once('close', () => onward.destroy());
    from.pipe(onward);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve({
      url: `http://127.0.0.1:${server.address().port}`,
      forward(to) {
        target = to;
      },
      close() {
        server.close();
        server.closeAllConnections();
      },
    }));
  });
}
