import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { tempDir } from '../support.ts';
import { runHere } from './run-here.ts';
import { apiKey, serve } from './serving.ts';

interface Page {
  readonly items: readonly Record<string, unknown>[];
  readonly next_cursor: string | null;
}

// oxlint-disable-next-line no-control-regex -- what must not be printed
const unprintable = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069]/;

describe('lists end with a word, or not at all (G5)', () => {
  let server: Awaited<ReturnType<typeof serve>>;
  const pages = async (path: string, limit: number): Promise<Record<string, unknown>[][]> => {
    const read: Record<string, unknown>[][] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const query: string = `${path.includes('?') ? '&' : '?'}limit=${limit}${cursor === '' ? '' : `&cursor=${cursor}`}`;
      const page: Page = await server.client.request('GET', path + query);
      read.push([...page.items]);
      cursor = page.next_cursor;
    }
    return read;
  };

  beforeAll(async () => {
    server = await serve();
    vi.stubEnv('POSTHORN_URL', server.url);
    vi.stubEnv('POSTHORN_API_KEY', apiKey);
    const { request } = server.client;
    await request('POST', '/v1/endpoints', { url: 'http://127.0.0.1:1/', tenant: 'long', enabled: false });
    for (let batch = 0; batch < 2; batch++)
      await request('POST', '/v1/events/batch', {
        events: Array.from({ length: 750 }, () => ({ type: 'a.b', tenant: 'long', data: {} })),
      });
    // One event with more deliveries than are shown at once.
    for (let n = 0; n < 1003; n++)
      await request('POST', '/v1/endpoints', { url: 'http://127.0.0.1:1/', tenant: 'wide', enabled: false });
    await request('POST', '/v1/events', { id: 'wide', type: 'a.b', tenant: 'wide', data: {} });
    for (let n = 0; n < 5; n++) await request('PUT', `/v1/teams/team-${n}`, {});
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await server.stop();
  });

  test.each([
    ['/v1/deliveries?tenant=long', 1500],
    ['/v1/endpoints?tenant=wide', 1003],
  ])('every item of %s is in one page, and no page is empty', async (path, count) => {
    for (const limit of [500, 1000]) {
      const read = await pages(path, limit);
      expect(new Set(read.flat().map(({ id }) => id)).size).toBe(count);
      expect(read.flat()).toHaveLength(count);
      expect(read.every((page) => page.length > 0)).toBe(true);
    }
  });

  test.each([
    '/v1/teams',
    '/v1/templates',
    '/v1/conformance',
    '/v1/channels',
    '/v1/alerts',
    '/v1/nodes',
    '/v1/dead-letters',
    '/v1/slos',
    '/v1/event-types',
  ])('%s pages', async (path) => {
    const whole = (await pages(path, 1000)).flat();
    expect((await pages(path, whole.length > 100 ? 300 : 2)).flat()).toEqual(whole);
    await expect(server.client.request('GET', `${path}?cursor=none`)).rejects.toMatchObject({ status: 422 });
    await expect(server.client.request('GET', `${path}?limit=0`)).rejects.toMatchObject({ status: 422 });
  });

  test('accounting by endpoint pages its groups', async () => {
    type Groups = { groups: { endpoint: string }[]; next_cursor: string | null };
    const path = '/v1/accounting?tenant=wide&by=endpoint&limit=600';
    const first: Groups = await server.client.request('GET', path);
    const second: Groups = await server.client.request('GET', `${path}&cursor=${first.next_cursor}`);
    expect(second.next_cursor).toBeNull();
    expect(new Set([...first.groups, ...second.groups].map(({ endpoint }) => endpoint)).size).toBe(1003);
  });

  test('an event with more deliveries than are shown says where to read on', async () => {
    const event = await server.client.request<{
      deliveries: { id: string }[];
      deliveries_next_cursor: string;
    }>('GET', '/v1/events/wide?tenant=wide');
    expect(event.deliveries).toHaveLength(1000);
    const rest = await server.client.request<Page>(
      'GET',
      `/v1/deliveries?tenant=wide&event_id=wide&cursor=${event.deliveries_next_cursor}`,
    );
    expect(new Set([...event.deliveries, ...rest.items].map(({ id }) => id)).size).toBe(1003);
  });

  test('posthorn deliveries reads as many as --limit says, and names the cursor of the rest', async () => {
    const all = await runHere('deliveries', '--tenant', 'long', '--limit', '2000', '--json');
    expect(all.code).toBe(0);
    expect(JSON.parse(all.out)).toMatchObject({ next_cursor: null });
    expect((JSON.parse(all.out) as Page).items).toHaveLength(1500);
    const some = await runHere('deliveries', '--tenant', 'long', '--limit', '1200');
    const [, cursor] = /continue with --cursor (\S+)/.exec(some.err)!;
    const rest = await runHere(
      'deliveries',
      '--tenant',
      'long',
      '--limit',
      '1200',
      '--cursor',
      cursor!,
      '--json',
    );
    expect((JSON.parse(rest.out) as Page).items).toHaveLength(300);
    const exact = await runHere('deliveries', '--tenant', 'long', '--limit', '1500');
    expect(exact.err).toBe('');
  });

  test('what the server stores cannot move the cursor of a terminal or hide itself', async () => {
    const evil = 'a\u009b2J\u202eb\u200bc\u2066';
    await server.client.request('POST', '/v1/endpoints', {
      url: 'http://127.0.0.1:1/',
      tenant: 'evil',
      retry: { schedule_s: [] },
    });
    await server.client.request('POST', '/v1/events', { id: evil, type: 'a.b', tenant: 'evil', data: {} });
    await vi.waitUntil(
      async () => (await pages('/v1/dead-letters?tenant=evil', 10)).flat().length > 0,
      20_000,
    );
    const deliveries = await runHere('deliveries', '--tenant', 'evil', '--wide');
    const { items } = JSON.parse((await runHere('deliveries', '--tenant', 'evil', '--json')).out) as Page;
    const one = await runHere('deliveries', String(items[0]!['id']));
    for (const { out } of [deliveries, one]) {
      expect(out).toContain('a\\x9b2J\\u202eb\\u200bc\\u2066');
      expect(out).not.toMatch(unprintable);
    }
    expect(items[0]!['event_id']).toBe(evil);
  });

  test.each([
    [['deliveries', '--limit', '0']],
    [['deliveries', '--limit', '-5']],
    [['deliveries', '--limit', 'many']],
    [['deliveries', '--state', 'gone']],
    [['deliveries', '--error-class', 'bad']],
    [['deliveries', '--since', 'someday']],
    [['deliveries', '--timeout', '0']],
    [['deliveries', '--data-dir', '/tmp']],
    [['deliveries', 'dlv_00000000001', '--tenant', 'a']],
    [['deliveries', '--attempts', '--data-dir', '/tmp', '--tenant', 'a']],
    [['deliveries', '--url', 'ftp://127.0.0.1']],
    [['dead-letters', '--limit', '1.5']],
    [['redrive', 'dlv_00000000001', '--dry-run']],
    [['redrive', 'dlv_00000000001', '--tenant', 'a']],
    [['redrive', '--all', '--rate', '-1']],
    [['redrive', '--all', '--rate', 'Infinity']],
    [['redrive', '--state', 'gone']],
    [['conformance', '--kind', 'x']],
    [['apply', '-f', '/nonexistent.yaml']],
  ])('wrong usage ends with 2 before anything is sent: %j', async (args) => {
    let requests = 0;
    const spy = createServer((_, response) => {
      requests++;
      response.end('{}');
    });
    await new Promise<void>((resolve) => spy.listen(0, '127.0.0.1', resolve));
    vi.stubEnv('POSTHORN_URL', `http://127.0.0.1:${(spy.address() as AddressInfo).port}`);
    const { code, out, err } = await runHere(...args);
    vi.stubEnv('POSTHORN_URL', server.url);
    spy.close();
    expect({ code, out, requests }).toEqual({ code: 2, out: '', requests: 0 });
    expect(err).not.toBe('');
  });

  test.each(
    [
      ['deliveries'],
      ['dead-letters'],
      ['nodes'],
      ['alerts'],
      ['conformance'],
      ['slo', 'list'],
      ['redrive', '--all'],
    ].map((args) => [args]),
  )('a server that never answers ends %j with 1, and says what to do', async (args) => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    vi.stubEnv('POSTHORN_URL', `http://127.0.0.1:${(silent.address() as AddressInfo).port}`);
    const { code, err } = await runHere(...args, '--timeout', '0.2');
    vi.stubEnv('POSTHORN_URL', server.url);
    silent.closeAllConnections();
    silent.close();
    expect(err).toMatch(/did not answer within 0\.2 s.*--timeout/);
    expect(code).toBe(1);
  });
});

test.each(
  [
    ['deliveries'],
    ['deliveries', 'dlv_00000000001'],
    ['dead-letters'],
    ['redrive', 'dlv_00000000001'],
    ['redrive', '--all'],
    ['redrive', '--all', '--dry-run'],
    ['redrives', 'list'],
    ['redrives', 'get', 'rdr_1'],
    ['redrives', 'stop', 'rdr_1'],
    ['redrives', 'change', 'rdr_1', '--rate', '5'],
    ['nodes'],
    ['alerts'],
    ['alerts', 'ack', 'alr_1'],
    ['slo', 'list'],
    ['slo', 'status', 'payments'],
    ['conformance'],
  ].flatMap((args) => [[args], [[...args, '--json']]]),
)('G5: answers that are not Posthorn’s end with 1, and are not printed as if they were: %j', async (args) => {
  let body = '';
  const other = createServer((_, response) => {
    response.writeHead(body === '' ? 204 : 200, { 'content-type': 'application/json' });
    response.end(body);
  });
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  vi.stubEnv('POSTHORN_URL', `http://127.0.0.1:${(other.address() as AddressInfo).port}`);
  vi.stubEnv('POSTHORN_API_KEY', 'phk_0123456789abcdef');
  for (body of ['{}', '', 'null', '[]', '{"items":[{}]}', '{"items":"none"}', '{"items":null,"id":7}']) {
    const { code, out, err } = await runHere(...args);
    expect({ body, code, out }).toEqual({ body, code: 1, out: '' });
    expect(err).toMatch(/is not from this version of Posthorn/);
  }
  vi.unstubAllEnvs();
  other.close();
});

test('a list that never ends and holds nothing is given up', async () => {
  let pages = 0;
  const other = createServer((_, response) => {
    response.end(JSON.stringify({ items: [], next_cursor: String(++pages) }));
  });
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const to = ['--url', `http://127.0.0.1:${(other.address() as AddressInfo).port}`, '--api-key', 'phk_x'];
  expect(await runHere('nodes', ...to)).toMatchObject({ code: 1, out: '' });
  other.close();
});

test.each([
  [['verify', '--data-dir', ''], /--data-dir is empty/],
  [['serve', '--data-dir', ''], /--data-dir is empty/],
  [['verify', '--data-dir', '/tmp', '--database-url', 'postgres://127.0.0.1:1/x'], /not both/],
  [['migrate', '--database-url', 'mysql://127.0.0.1/x'], /cannot be read: write postgres:/],
  [['verify', '--database-url', 'mysql://127.0.0.1/x'], /cannot be read: write postgres:/],
  [['apply', '--prune', '-f', '/dev/null', '--api-key', 'phk_x'], /would delete everything/],
])('what was hardly meant ends with 2: %j', async (args, words) => {
  const { code, out, err } = await runHere(...args);
  expect(err).toMatch(words);
  expect({ code, out }).toEqual({ code: 2, out: '' });
});

test.each([
  ['audit', 'packages/posthorn/data/payment-events.jsonl', '--html', '/nonexistent/report.html'],
  ['audit', 'packages/posthorn/data/payment-events.jsonl', '--missing', '/'],
  ['impact', '--before', 'a.jsonl', '--after', 'b.jsonl', '--markdown', '/nonexistent/report.md'],
  ['alerts', 'backtest', '--from-log', 'a.jsonl', '--html', '/nonexistent/report.html'],
  ['lab', 'incident', '--payments', '10', '--html', '/nonexistent/report.html'],
])('what cannot be written ends with 2 before the work begins: %s %s', async (...args) => {
  const { code, out, err } = await runHere(...args);
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).toMatch(/cannot write \//);
});

test.each([
  [['alerts', 'backtest', '--from-log'], 1],
  [['lab', 'incident', '--calibrate'], 2],
] as const)('truncated compressed data is reported in a sentence: %j', async (args, expected) => {
  const path = join(tempDir(), 'cut.jsonl.gz');
  const log = Array.from({ length: 500 }, (_, n) =>
    JSON.stringify({
      event_id: `evt_${n}`,
      started_at: 1_767_225_600 + n,
      duration_ms: 10,
      status_code: 200,
    }),
  ).join('\n');
  const whole = gzipSync(log);
  writeFileSync(path, whole.subarray(0, whole.length - 100));
  const { code, err } = await runHere(...args, path);
  expect(err).toMatch(/cannot read .*cut\.jsonl\.gz: the compressed data is damaged or ends early/);
  expect(code).toBe(expected);
});
