import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { until } from '../support.ts';
import { runHere } from './run-here.ts';
import { apiKey, serve } from './serving.ts';

test('posthorn expect: finds what was never accepted, what came outside the window, and what no endpoint took', async () => {
  const { url, client, stop } = await serve();
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-expect-'));
  onTestFinished(async () => {
    rmSync(directory, { recursive: true });
    await stop();
  });
  await client.request('POST', '/v1/endpoints', { url: 'http://127.0.0.1:9/', event_types: ['payment.*'] });
  const publish = (id: string, type: string, tenant = 'default'): Promise<unknown> =>
    client.request('POST', '/v1/events', { id, type, tenant, data: {} });
  await publish('early', 'payment.succeeded');
  const acceptedAt = Date.now();
  await until('the next millisecond', () => Date.now() > acceptedAt);
  const since = new Date().toISOString();
  const batch = Array.from({ length: 1500 }, (_, n) => ({
    id: `p${n}`,
    type: 'payment.succeeded',
    data: {},
  }));
  for (const events of [batch.slice(0, 1000), batch.slice(1000)])
    await client.request('POST', '/v1/events/batch', { events });
  await publish('lonely', 'refund.created');
  // The same id of another tenant is another event.
  await publish('never', 'payment.succeeded', 'other');

  const file = join(directory, 'payments.csv');
  const run = (...args: string[]): ReturnType<typeof runHere> =>
    runHere('expect', file, '--since', since, '--url', url, '--api-key', apiKey, ...args);
  writeFileSync(file, `event_id,amount\n${batch.map(({ id }) => `${id},10`).join('\n')}\n`);
  expect(await run()).toMatchObject({
    code: 0,
    out: '1,500 expected = 1,500 accepted in the window + 0 accepted outside it + 0 never accepted\n',
  });
  writeFileSync(
    file,
    `event_id,amount\n${batch.map(({ id }) => `${id},10`).join('\n')}\nnever,1\nearly,2\nlonely,3\n`,
  );
  const found = await run('--json');
  expect(found.code).toBe(1);
  expect(
    found.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual([
    { missing: 'never' },
    { unmatched: 'lonely' },
    { summary: { expected: 1503, accepted: 1501, outside: 1, missing: 1, unmatched: 1 } },
  ]);
  expect((await run('--tenant', 'other')).out).toContain('1 accepted in the window');
  writeFileSync(file, '');
  expect(await run()).toMatchObject({ code: 2 });
});
