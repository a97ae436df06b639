import { plainKeyring } from '../../packages/posthorn/src/secrets/keyring.ts';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { command } from '../bundles.ts';
import { UnavailableError } from '../../packages/posthorn/src/domain/errors.ts';
import type { PosthornOptions } from '../../packages/posthorn/src/options.ts';
import { compose, createPosthorn } from '../../packages/posthorn/src/posthorn.ts';
import { openSqliteStore } from '../../packages/posthorn/src/store/sqlite/open.ts';
import type { StoreRead, StoreWrite } from '../../packages/posthorn/src/store/store.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { aReceiver, secretKey, tempDir, until } from '../support.ts';
import { adminKeyHashes, requestTo } from './library-http.ts';
import { apiKey } from './serving.ts';

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres.stop();
});

interface Delivery {
  readonly id: string;
  readonly state: string;
  readonly attempt_count: number;
}
type Embedded = Awaited<ReturnType<typeof createPosthorn>>;

const options = (database: string): PosthornOptions => ({
  database,
  secretKey,
  allowPrivateNetworks: true,
  stopGraceS: 1,
  adminKeyHashes,
});
const call = async <T>(
  posthorn: Embedded,
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
): Promise<T> => (await requestTo(posthorn, method, path, body)).body as T;
const deliveries = async (posthorn: Embedded): Promise<Delivery[]> =>
  (await call<{ items: Delivery[] }>(posthorn, 'GET', '/v1/deliveries')).items;

describe.each(['SQLite', 'PostgreSQL'])('a stop, on %s', (kind) => {
  const database = async (): Promise<string> =>
    kind === 'SQLite' ? tempDir() : await postgres.createDatabase();

  test('G2: ends whatever hangs, and costs no delivery an attempt', async () => {
    let answering = false;
    const receiver = await aReceiver((_, response) => {
      if (answering) response.end('ok');
    });
    const where = await database();
    const posthorn = await createPosthorn(options(where));
    await posthorn.start();
    await call(posthorn, 'POST', '/v1/endpoints', {
      url: receiver.url,
      timeout_ms: 60_000,
      max_in_flight: 3,
    });
    await posthorn.publish(Array.from({ length: 8 }, (_, data) => ({ type: 'a.b', data })));
    await until('three are in flight', () => receiver.requests.length === 3);
    const stopped = await posthorn.stop();
    expect(stopped).toEqual({ cut: 3, released: true, unsettled: 0, closed: true });
    expect(await posthorn.stop()).toBe(stopped);

    answering = true;
    const next = await createPosthorn(options(where));
    await next.start();
    await until('all are delivered', async () =>
      (await deliveries(next)).every(({ state }) => state === 'delivered'),
    );
    expect((await deliveries(next)).map(({ attempt_count: count }) => count)).toEqual(Array(8).fill(1));
    expect(await next.stop()).toMatchObject({ cut: 0, closed: true });
    await receiver.close();
  });

  test('before a start, and while it starts', async () => {
    const where = await database();
    const never = await createPosthorn(options(where));
    expect(await never.stop()).toMatchObject({ closed: true });
    await expect(never.start()).rejects.toThrow('not after stop()');

    const early = await createPosthorn(options(where));
    const starting = early.start();
    const stopping = early.stop();
    await expect(starting).rejects.toMatchObject({ code: 'unavailable' });
    expect(await stopping).toMatchObject({ closed: true });

    const after = await createPosthorn(options(where));
    await after.start();
    expect(await after.stop()).toMatchObject({ closed: true });
  });
});

/** An embedded one on a store some of whose calls are replaced. */
async function onStore(
  dataDir: string,
  changes: { readonly write?: Partial<StoreWrite>; readonly read?: Partial<StoreRead> },
): Promise<Embedded> {
  const store = await openSqliteStore({ dataDir, thread: true });
  return compose(
    {
      node: 'local',
      keyring: plainKeyring,
      store: {
        ...store,
        write: { ...store.write, ...changes.write },
        read: { ...store.read, ...changes.read },
      },
    },
    options(dataDir),
  );
}

test('G2: a store that refuses outcomes does not keep a stop, and their attempts are made again', async () => {
  const receiver = await aReceiver();
  const dataDir = tempDir();
  const posthorn = await onStore(dataDir, {
    write: {
      settle: async () => {
        throw new UnavailableError('full');
      },
    },
  });
  await posthorn.start();
  await call(posthorn, 'POST', '/v1/endpoints', { url: receiver.url });
  await posthorn.publish([1, 2].map((data) => ({ type: 'a.b', data })));
  await until('both were sent', () => receiver.requests.length === 2);
  expect(await posthorn.stop()).toEqual({ cut: 0, released: true, unsettled: 2, closed: true });
  const next = await createPosthorn(options(dataDir));
  await next.start();
  await until('both are delivered', async () =>
    (await deliveries(next)).every(({ state }) => state === 'delivered'),
  );
  await next.stop();
  await receiver.close();
});

test('a start that fails ends what had begun, and leaves the data directory free', async () => {
  const dataDir = tempDir();
  const failing = await onStore(dataDir, {
    read: {
      nextDue: async () => {
        throw new UnavailableError('away');
      },
    },
  });
  await expect(failing.start()).rejects.toThrow('away');
  const next = await createPosthorn(options(dataDir));
  await next.start();
  await next.stop();
});

test('connections that stay open, and requests that never end, do not keep a stop', async () => {
  const posthorn = await createPosthorn(options(tempDir()));
  await posthorn.start();
  const port = Number(new URL(await posthorn.listen({ host: '127.0.0.1', port: 0 })).port);
  const half = connect(port, '127.0.0.1');
  half.on('error', () => {});
  const closed = once(half, 'close');
  half.write(
    `POST /v1/events HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${apiKey}\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{`,
  );
  const keptAlive = await fetch(`http://127.0.0.1:${port}/healthz`);
  await keptAlive.text();
  expect(await posthorn.stop()).toMatchObject({ closed: true });
  await closed;
});

describe('the process', () => {
  const serving = async (
    graceS: string,
  ): Promise<{ end: Promise<number | null>; signal(): void; log: () => string; url: string }> => {
    const child = spawn(
      process.execPath,
      [command, 'serve', '--json', '--port', '0', '--data-dir', tempDir(), '--stop-grace-s', graceS],
      { env: { ...process.env, POSTHORN_API_KEY: apiKey, POSTHORN_ALLOW_PRIVATE_NETWORKS: '1' } },
    );
    let out = '';
    let log = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
    const end = once(child, 'exit').then(([code]) => code as number | null);
    await until('it serves', () => out.includes('\n'));
    const { url } = JSON.parse(out.split('\n')[0]!) as { url: string };
    return { end, url, log: () => log, signal: () => void child.kill('SIGTERM') };
  };
  const hanging = async (url: string): Promise<{ close(): Promise<void> }> => {
    const receiver = await aReceiver(() => {});
    const post = (path: string, body: unknown): Promise<Response> =>
      fetch(url + path, {
        method: 'POST',
        headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    await post('/v1/endpoints', { url: receiver.url, timeout_ms: 60_000 });
    for (const data of [1, 2]) await post('/v1/events', { type: 'a.b', data });
    await until('both are in flight', () => receiver.requests.length === 2);
    return receiver;
  };

  test('ends with 0 when what was in flight was given back', async () => {
    const child = await serving('1');
    const receiver = await hanging(child.url);
    child.signal();
    expect(await child.end).toBe(0);
    expect(child.log()).toContain('stop_cut');
    await receiver.close();
  });

  test('ends at once by a second signal, with 128 and its number', async () => {
    const child = await serving('600');
    const receiver = await hanging(child.url);
    child.signal();
    await until('it stops', () => child.log().includes('stopping'));
    child.signal();
    expect(await child.end).toBe(143);
    await receiver.close();
  });
});
