import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { aReceiver, tempDir, until } from '../support.ts';
import { apiKey, serve } from './serving.ts';

const publish = (url: string, data: unknown = 1): Promise<Response> =>
  fetch(`${url}/v1/events`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ type: 'a.b', data }),
  });
const readyz = async (url: string): Promise<number> => (await fetch(`${url}/readyz`)).status;

test('G1: the data directory is moved away while running: 503, readyz false, a page at once; and it goes on when it is back', async () => {
  const dataDir = join(tempDir(), 'data');
  const { url, client, stop } = await serve({ dataDir });
  const pager = await aReceiver();
  try {
    await client.request('PUT', '/v1/channels/pager', { kind: 'webhook', url: pager.url });
    expect((await publish(url)).status).toBe(202);
    renameSync(dataDir, `${dataDir}-aside`);
    const refused = await publish(url);
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({
      code: 'unavailable',
      detail: expect.stringContaining('missing'),
    });
    // Without publishers from here on: it notices by itself, and the page does not wait in the missing store.
    await until('readyz says so', async () => (await readyz(url)) === 503);
    await until('a channel is paged', () => pager.requests.length === 1);
    expect(await (await fetch(`${url}/readyz`)).json()).toMatchObject({ store_fault: 'missing' });
    expect(JSON.parse(pager.requests[0]!.body.toString())).toMatchObject({
      alert: { rule: 'store_fault', severity: 'page', state: 'firing', evidence: { fault: 'missing' } },
    });
    expect(await client.request('GET', '/v1/alerts?severity=page')).toMatchObject({
      items: [{ rule: 'store_fault', state: 'firing' }],
    });
    expect(await (await fetch(`${url}/metrics`)).text()).toMatch(/^posthorn_store_fault 1$/m);
    renameSync(`${dataDir}-aside`, dataDir);
    await until('it is ready again', async () => (await readyz(url)) === 200);
    await until('everybody hears that it is over', () => pager.requests.length === 2);
    expect((await publish(url)).status).toBe(202);
  } finally {
    await stop();
    await pager.close();
  }
});

test('G1: damage that is found while running ends accepting, with its cause in the log and a page', async () => {
  const { url, client, dataDir, stop } = await serve({ reconcileEveryS: 1 });
  const pager = await aReceiver();
  try {
    await client.request('PUT', '/v1/channels/pager', { kind: 'webhook', url: pager.url });
    await client.request('POST', '/v1/endpoints', { url: pager.url, enabled: false });
    for (let n = 0; n < 20; n++) expect((await publish(url, 'x'.repeat(20_000))).status).toBe(202);
    const path = join(dataDir, 'posthorn.db');
    const log = `${path}-wal`;
    // Both the pages and what the log says of them, but for the first page and the header.
    for (const [file, from] of [
      [path, 8192],
      [log, 32],
    ] as const) {
      const content = readFileSync(file);
      content.fill(0xa5, from);
      if (statSync(file).size > from) writeFileSync(file, content);
    }
    await until('readyz says so', async () => (await readyz(url)) === 503);
    expect((await publish(url)).status).toBe(503);
    await until('a channel is paged', () =>
      pager.requests.some(({ body }) => body.toString().includes('"rule":"store_fault"')),
    );
    expect(pager.requests.map(({ body }) => body.toString()).join()).toMatch(/is damaged .*restore a backup/);
  } finally {
    await stop();
    await pager.close();
  }
});
