import { join } from 'node:path';
import { expect, test } from 'vitest';
import { reconcile } from '../../packages/posthorn/src/ledger/reconciler.ts';
import { Database } from '../../packages/posthorn/src/store/sqlite/database.ts';
import { migrate } from '../../packages/posthorn/src/store/sqlite/schema.ts';
import { createSqliteStore } from '../../packages/posthorn/src/store/sqlite/sqlite-store.ts';
import { aReceiver, tempDir, until } from '../support.ts';
import { apiKey, serve } from './serving.ts';

test('G1: a full disk answers 503 with Retry-After, acknowledges nothing, and recovers by itself', async () => {
  const db = new Database(join(tempDir(), 'posthorn.db'));
  migrate(db.raw);
  // SQLite itself then answers SQLITE_FULL, as it does where the disk has no more room.
  const { page_count: pages } = db.raw.prepare('PRAGMA page_count').get() as { page_count: number };
  db.raw.exec(`PRAGMA max_page_count = ${pages + 30}`);
  const store = createSqliteStore(db);
  const { url, client, stop } = await serve({}, store);
  const receiver = await aReceiver();
  const publish = (n: number): Promise<Response> =>
    fetch(`${url}/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ id: `full_${n}`, type: 'a.b', data: 'x'.repeat(20_000) }),
    });
  try {
    await client.request('POST', '/v1/endpoints', { url: receiver.url });
    const acknowledged = new Set<string>();
    let refused: Response | null = null;
    for (let n = 0; n < 100 && refused === null; n++) {
      const response = await publish(n);
      if (response.status === 202) acknowledged.add(((await response.json()) as { id: string }).id);
      else refused = response;
    }
    expect(refused?.status).toBe(503);
    expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await refused?.json()).toMatchObject({ code: 'unavailable', status: 503 });
    expect((await fetch(`${url}/readyz`)).status).toBe(503);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect(acknowledged.size).toBeGreaterThan(0);

    db.raw.exec('PRAGMA max_page_count = 100000');
    // Without publishers: it finds out by itself.
    await until('the server is ready again', async () => (await fetch(`${url}/readyz`)).status === 200);
    const after = await publish(1000);
    expect(after.status).toBe(202);
    acknowledged.add('full_1000');
    await until(
      'everything has been settled',
      async () =>
        (await client.request<{ delivered: number }>('GET', '/v1/accounting')).delivered ===
        acknowledged.size,
    );
    const arrived = new Set(receiver.requests.map(({ headers }) => headers['webhook-id']));
    expect(arrived).toEqual(acknowledged);
    expect((await reconcile(store.read, { everyRow: true })).balanced).toBe(true);
  } finally {
    await stop();
    await receiver.close();
  }
});
