import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../support.ts';
import { runHere } from './run-here.ts';
import { apiKey, serve } from './serving.ts';

let server: Awaited<ReturnType<typeof serve>>;
beforeAll(async () => {
  server = await serve();
  process.env['POSTHORN_URL'] = server.url;
  process.env['POSTHORN_API_KEY'] = apiKey;
});
afterAll(async () => {
  delete process.env['POSTHORN_URL'];
  delete process.env['POSTHORN_API_KEY'];
  await server.stop();
});

/** An endpoint without a listener, with that many dead letters. */
async function dead(tenant: string, letters: number): Promise<string> {
  const { id } = await server.client.request<{ id: string }>('POST', '/v1/endpoints', {
    tenant,
    url: 'http://127.0.0.1:1/',
    retry: { schedule_s: [] },
  });
  const value = { amount_minor: 250, currency: 'EUR' };
  const events = Array.from({ length: letters }, () => ({ tenant, type: 'a', data: {}, value }));
  await server.client.request('POST', '/v1/events/batch', { events });
  await until('they are dead', async () => {
    const counts = await server.client.request<{ dead: number }>('GET', `/v1/accounting?tenant=${tenant}`);
    return counts.dead === letters;
  });
  return id;
}

test('redrives are begun, listed, changed and stopped on the command line', async () => {
  await dead('slow', 20);
  const dry = await runHere('redrive', '--tenant', 'slow', '--dry-run');
  expect([dry.code, dry.out]).toEqual([
    0,
    expect.stringMatching(/20 deliveries match; nothing.*\nWorth 50.00 EUR/),
  ]);
  expect((await runHere('redrives')).out).toMatch(/ dry run +20 /);
  const begun = await server.client.request<{ id: string }>('POST', '/v1/redrives', {
    filter: { tenant: 'slow' },
    rate_per_s: 0.01,
    name: 'on the night shift',
  });
  const list = await runHere('redrives');
  expect(list.out).toMatch(new RegExp(`${begun.id} +on the night shift +running`));
  const changed = await runHere('redrives', 'change', begun.id, '--rate', '0.02', '--name', 'slow');
  expect([changed.code, changed.out]).toEqual([0, expect.stringContaining(`${begun.id} (slow) is running`)]);
  expect((await runHere('redrives', 'change', begun.id)).code).toBe(2);
  const stopped = await runHere('redrives', 'stop', begun.id, '--json');
  expect(JSON.parse(stopped.out)).toMatchObject({ state: 'stopped', name: 'slow', rate_per_s: 0.02 });
  expect((await runHere('redrives', 'get', begun.id)).out).toContain('is stopped');
  expect((await runHere('redrives', 'get', 'rdr_nobody')).code).toBe(1);
});

test('G5: a redrive that skips dead letters of a deleted endpoint says so and ends with 1', async () => {
  const id = await dead('gone', 3);
  await server.client.request('DELETE', `/v1/endpoints/${id}`);
  const { code, out } = await runHere('redrive', '--tenant', 'gone');
  expect(code).toBe(1);
  expect(out).toMatch(
    /^0 of 3 deliveries are pending again .*3 skipped because their endpoint or the data of their event are deleted/,
  );
});

test('G5: a job about an endpoint that never was is refused: it would do nothing, and look like a success', async () => {
  for (const command of ['redrive', 'replay'])
    for (const endpoint of ['ep_nope', 'no-such-name']) {
      const { code, out, err } = await runHere(command, '--endpoint-id', endpoint, '--dry-run');
      expect([code, out, err]).toEqual([
        1,
        '',
        `posthorn: there is no endpoint ${endpoint} (404 not_found)\n`,
      ]);
    }
});
