import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Pool } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Operation } from '../../packages/posthorn/src/contract/operation.ts';
import { type OperationId, table } from '../../packages/posthorn/src/contract/table.ts';
import { keyScopes } from '../../packages/posthorn/src/domain/caller.ts';
import { reconcile } from '../../packages/posthorn/src/ledger/reconciler.ts';
import { openPostgresStore } from '../../packages/posthorn/src/store/postgres/open.ts';
import { openSqliteStore } from '../../packages/posthorn/src/store/sqlite/open.ts';
import type { Store } from '../../packages/posthorn/src/store/store.ts';
import { type FuzzedRequest, Fuzzer } from '../fuzz.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { aReceiver, tempDir } from '../support.ts';
import { apiKey, serve } from './serving.ts';

// Mutated requests against every operation, with keys of every kind: `POSTHORN_TEST_FUZZ=10000` sends so many to each store, and
// `POSTHORN_TEST_FUZZ_SEED` others. Answers are compared with the contract as in every test.

const requests = Number(process.env['POSTHORN_TEST_FUZZ'] ?? 600);
const seed = Number(process.env['POSTHORN_TEST_FUZZ_SEED'] ?? 1);
const atOnce = 8;
/** What may be left of them all when nothing runs any more. */
const maxGrowthMb = 64;

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres.stop();
});

const collectGarbage = ((): (() => void) => {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
})();
const heapMb = (): number => {
  collectGarbage();
  return process.memoryUsage().heapUsed / 1e6;
};

const ids = Object.keys(table) as OperationId[];
const operation = (id: OperationId): Operation => table[id];

/** The example as it stands. */
function exampleOf({ method, path, example }: Operation): FuzzedRequest {
  const at = path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(example.params?.[name] ?? ''),
  );
  const search = new URLSearchParams({ ...example.query }).toString();
  return {
    method,
    path: search === '' ? at : `${at}?${search}`,
    headers: example.body === undefined ? {} : { 'content-type': 'application/json' },
    body: example.body === undefined ? null : JSON.stringify(example.body),
  };
}

/** One comparison with a receiver's ids runs at a time: the operation says that a second one is refused. */
const isBusy = (status: number, text: string): boolean =>
  status === 503 && (JSON.parse(text) as { code: string }).code === 'busy';

describe.each([
  ['SQLite', async () => await openSqliteStore({ dataDir: tempDir(), thread: true })],
  ['PostgreSQL', async () => (await openPostgresStore(await postgres.createDatabase())).store],
])(`G8, G9: ${requests} mutated requests with seed ${seed} on %s`, (_, open: () => Promise<Store>) => {
  let store: Store;
  let server: Awaited<ReturnType<typeof serve>>;
  let receiver: Awaited<ReturnType<typeof aReceiver>>;
  let pool: Pool;
  beforeAll(async () => {
    receiver = await aReceiver((request, response) => {
      // Nothing of what is received is looked at.
      receiver.requests.length = 0;
      response.statusCode = request.body.length % 3 === 0 ? 500 : 200;
      response.end();
    });
    store = await open();
    server = await serve({ evaluateEveryS: 1, reconcileEveryS: 1 }, store);
    pool = new Pool(server.url, { connections: atOnce });
  });
  afterAll(async () => {
    await pool.close();
    await server.stop();
    await receiver.close();
  });

  const send = async (
    { method, path, headers, body }: FuzzedRequest,
    as: Readonly<Record<string, string>>,
  ): Promise<{ status: number; text: string }> => {
    const answer = await pool.request({ method, path, headers: { ...headers, ...as }, body });
    return { status: answer.statusCode, text: await answer.body.text() };
  };
  const admin = async (method: string, path: string, body?: object): Promise<Record<string, string>> => {
    const { status, text } = await send(
      {
        method,
        path,
        headers: body === undefined ? {} : { 'content-type': 'application/json' },
        body: body === undefined ? null : JSON.stringify(body),
      },
      { authorization: `Bearer ${apiKey}` },
    );
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`);
    return text === '' ? {} : (JSON.parse(text) as Record<string, string>);
  };

  /** Headers of a caller of each kind. */
  const callers = async (): Promise<readonly Readonly<Record<string, string>>[]> => {
    const url = receiver.url;
    const { id } = await admin('POST', '/v1/endpoints', { tenant: 'orders', name: 'fuzzed', url });
    const keyed = async (fields: object): Promise<Record<string, string>> => {
      const { key } = await admin('POST', '/v1/keys', { name: 'fuzz', ...fields });
      return { authorization: `Bearer ${key}` };
    };
    const { token } = await admin('POST', '/v1/portal-links', {
      tenant: 'orders',
      can: ['redrive', 'replay', 'test', 'rotate'],
      expires_in_s: 86_400,
    });
    const session = await pool.request({
      method: 'POST',
      path: '/v1/sessions',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ key: (await keyed({ scopes: keyScopes }))['authorization']!.slice(7) }),
    });
    await session.body.dump();
    const cookie = String(session.headers['set-cookie']).split(';')[0]!;
    const all = [
      {},
      { authorization: 'Bearer phk_wrong' },
      { authorization: 'Basic eDp5' },
      ...(await Promise.all(keyScopes.map((scope) => keyed({ scopes: [scope] })))),
      await keyed({ scopes: keyScopes, tenant: 'orders' }),
      await keyed({ scopes: ['read', 'operate'], endpoint_ids: [id] }),
      await keyed({ scopes: ['read'], payloads: 'none' }),
      { authorization: `Bearer ${token}` },
      { cookie, 'sec-fetch-site': 'same-origin', 'content-type': 'application/json' },
      { cookie },
    ];
    // The first admin is not revoked, whatever ids are found.
    return [...all, ...Array.from({ length: 8 }, () => ({ authorization: `Bearer ${apiKey}` }))];
  };

  /** What the examples name, so that they succeed. */
  const declareExamples = async (): Promise<void> => {
    for (const name of ['ops', 'payments-pager'])
      await admin('PUT', `/v1/channels/${name}`, { kind: 'webhook', url: receiver.url });
    for (const name of ['payments', 'orders', 'shop'])
      await admin('PUT', `/v1/teams/${name}`, { channels: ['ops'] });
    // Some need what comes after them.
    for (const id of [...ids, ...ids])
      await send(exampleOf(operation(id)), { authorization: `Bearer ${apiKey}` });
    for (let n = 0; n < 20; n++)
      await admin('POST', '/v1/events', { tenant: 'orders', type: 'payment.succeeded', data: { n } });
  };

  test('no 5xx, every answer as the contract says, bounded memory, and the ledger balances', async () => {
    const fuzzer = new Fuzzer(seed);
    const as = await callers();
    await declareExamples();
    const lists = ids.filter((id) => id.endsWith('.list'));
    /** Learns what is there. */
    const look = async (): Promise<void> => {
      const { path, tag } = operation(fuzzer.pick(lists));
      fuzzer.learn(tag, await admin('GET', `${path}?limit=5`));
    };
    const failed: string[] = [];
    const succeeded = new Set<OperationId>();
    let sent = 0;
    let heapBefore = 0;
    const one = async (): Promise<void> => {
      const id = ids[sent++ % ids.length]!;
      if (sent % 20 === 0) await look();
      const request = fuzzer.request(operation(id));
      const caller = fuzzer.pick(as);
      const { status, text } = await send(request, caller);
      if (status >= 500 && !isBusy(status, text))
        failed.push(`${id} ${JSON.stringify({ ...request, caller })}: ${status} ${text}`);
      if (status >= 300) return;
      succeeded.add(id);
      if (text.startsWith('{') && text.length < 100_000) fuzzer.learn(operation(id).tag, JSON.parse(text));
    };
    const worker = async (until: number): Promise<void> => {
      while (sent < until && failed.length < 20) await one();
    };
    const run = (until: number) => Promise.all(Array.from({ length: atOnce }, () => worker(until)));
    // Loading and compiling once does not count as growth.
    await run(requests / 4);
    heapBefore = heapMb();
    await run(requests);
    expect(failed).toEqual([]);
    expect(heapMb() - heapBefore).toBeLessThan(maxGrowthMb);
    // They were not all refused for what is wrong with them.
    expect(succeeded.size).toBeGreaterThan(ids.length / 3);
    expect((await admin('GET', '/readyz'))['status']).toBe('ready');
    const { findings, unaccounted } = await reconcile(store.read, { everyRow: true });
    expect({ findings, unaccounted }).toEqual({ findings: [], unaccounted: 0 });
  });
});
