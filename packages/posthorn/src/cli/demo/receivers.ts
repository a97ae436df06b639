import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemRandom } from '../../runtime/random.ts';
import { newSecret, parseSecret, sign } from '../../signing/standard-webhooks.ts';

interface ReceiverCounts {
  /** Ids of verified webhooks that this receiver accepted, and when it last did (ms since the epoch). */
  readonly ids: ReadonlyMap<string, number>;
  readonly requests: number;
  readonly repeated: number;
  /** When repeated webhooks had been received before (ms since the epoch). */
  readonly repeatedAfter: readonly number[];
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
  const repeatedAfter: number[] = [];
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
        const before = ids.get(id);
        if (before !== undefined) repeatedAfter.push(before);
        ids.set(id, Date.now());
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
    counts: () => ({ ids, requests, repeated: repeatedAfter.length, repeatedAfter, unverified }),
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
