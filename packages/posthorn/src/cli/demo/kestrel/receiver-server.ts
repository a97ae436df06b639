import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '../../../runtime/clock.ts';
import { systemRandom } from '../../../runtime/random.ts';
import type { Calendar } from './calendar.ts';
import { conductFor } from './conduct.ts';

/** The receivers of Kestrel Pay on one real server: the first part of a request's path is the receiver's host. */
export async function startReceivers(
  calendar: Calendar,
): Promise<{ readonly origin: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    // A webhook's body is small, and this process sends it.
    request.resume().on('end', () => {
      const host = request.url!.split('/')[1] ?? '';
      const about = { host, webhookId: String(request.headers['webhook-id'] ?? ''), at: systemClock.now() };
      const { takesMs, status, body, retryAfterS } = conductFor(calendar, about, () => systemRandom.float());
      // The sender waits until its timeout.
      if (takesMs === null) return;
      systemClock.after(takesMs, () => {
        if (status === null) request.socket.destroy();
        else
          response
            .writeHead(status, {
              'content-type': body.startsWith('{') ? 'application/json' : 'text/html',
              ...(retryAfterS === null ? {} : { 'retry-after': String(retryAfterS) }),
              ...(status === 302 ? { location: '/login' } : {}),
            })
            .end(body);
      });
    });
  });
  server.keepAliveTimeout = 30_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
