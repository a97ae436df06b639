import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemRandom } from '../../runtime/random.ts';
import { newSecret, parseSecret, sign } from '../../signing/standard-webhooks.ts';

/** One verified webhook: `attempt` as its header says, `at` in ms since the epoch. */
interface Arrival {
  readonly eventId: string;
  readonly attempt: number;
  readonly at: number;
}

interface ReceiverCounts {
  /** Ids of verified webhooks that this receiver accepted, and when it last did (ms since the epoch). */
  readonly ids: ReadonlyMap<string, number>;
  readonly requests: number;
  readonly repeated: number;
  /** Every webhook that this receiver accepted, in the order of their coming. */
  readonly arrivals: readonly Arrival[];
  readonly unverified: number;
}

export interface Receiver {
  readonly url: string;
  readonly secret: string;
  counts(): ReceiverCounts;
  close(): Promise<void>;
}

/** What a receiver does with a verified request before it answers 200: wait, fail, or nothing. */
export type Conduct = { readonly delayMs: number } | { readonly failing: number };

const longerThanAnyTimeOutMs = 5000;
/** A signature for a time further away is refused. */
const oldestS = 300;

/** A real HTTP receiver that verifies signatures and keeps the ids it accepted. */
export async function startReceiver(conduct: Conduct): Promise<Receiver> {
  const secret = newSecret(systemRandom);
  const key = parseSecret(secret);
  const ids = new Map<string, number>();
  const arrivals: Arrival[] = [];
  let requests = 0;
  let unverified = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      requests++;
      const header = (name: string): string => String(request.headers[name] ?? '');
      const id = header('webhook-id');
      const sentAtS = Number(header('webhook-timestamp'));
      if (
        Math.abs(Date.now() / 1000 - sentAtS) > oldestS ||
        header('webhook-signature') !== sign([key], id, sentAtS, Buffer.concat(chunks))
      ) {
        unverified++;
        response.writeHead(401).end();
        return;
      }
      if ('failing' in conduct && Math.random() < conduct.failing) {
        const kind = Math.floor(Math.random() * 3);
        if (kind === 0) response.writeHead(500).end('broken');
        else if (kind === 1) request.socket.destroy();
        else setTimeout(() => response.destroy(), longerThanAnyTimeOutMs).unref();
        return;
      }
      const accept = (): void => {
        const at = Date.now();
        arrivals.push({ eventId: id, attempt: Number(header('posthorn-attempt')), at });
        ids.set(id, at);
        response.writeHead(200).end('ok');
      };
      if ('delayMs' in conduct && conduct.delayMs > 0) setTimeout(accept, conduct.delayMs);
      else accept();
    });
  });
  server.keepAliveTimeout = 30_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks`,
    secret,
    counts: () => ({ ids, requests, repeated: arrivals.length - ids.size, arrivals, unverified }),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** An address on which nothing listens: a port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
