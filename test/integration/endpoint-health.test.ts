import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Answer, OperationId } from '../../packages/posthorn/src/contract/table.ts';
import type { Posthorn } from '../../packages/posthorn/src/index.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { aReceiver, tempDir, until } from '../support.ts';
import { createNode, requestTo } from './library-http.ts';

// How endpoints are, why they fail, and what a test of one answers.

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres.stop();
});

type Listed = Answer<'endpoints.list'>['items'][number];
type Health = NonNullable<Listed['health']>;

describe.each([
  ['SQLite, one node', 1],
  ['PostgreSQL, two nodes', 2],
])('%s', (_, count) => {
  let nodes: Posthorn[] = [];
  let receiver: Awaited<ReturnType<typeof aReceiver>>;
  const ids = new Map<string, string>();
  let calls = 0;
  /** Each call goes to the next node. */
  const request = (method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown) =>
    requestTo(nodes[calls++ % count]!, method, path, body);
  const get = async <Id extends OperationId>(path: string) => (await request('GET', path)).body as Answer<Id>;
  const list = (query: string) => get<'endpoints.list'>(`/v1/endpoints?${query}`);
  const healthIn = (items: readonly Listed[], name: string): Health =>
    items.find((item) => item.name === name)!.health!;
  const publish = async (type: string, id: string) => {
    const { status } = await request('POST', '/v1/events', {
      id,
      type,
      data: {},
      value: { amount_minor: 12_900, currency: 'EUR' },
    });
    expect(status).toBe(202);
  };
  const diagnosed = (name: string) => get<'endpoints.health'>(`/v1/endpoints/${name}/health`);
  const settled = (name: string, event: string) =>
    until(`${event} has been attempted`, async () => {
      const { items } = await get<'deliveries.list'>(`/v1/deliveries?endpoint_id=${name}&event_id=${event}`);
      return items.some(({ attempt_count: attempts }) => attempts > 0);
    });

  beforeAll(async () => {
    receiver = await aReceiver(({ path }, response) => {
      const status = Number(/\/status\/(\d+)/.exec(path)?.[1] ?? 200);
      response.statusCode = status;
      if (status === 301) response.setHeader('location', '/elsewhere');
      if (status === 429) response.setHeader('retry-after', '600');
      response.end(status === 200 ? 'ok' : `answer ${status}`);
    });
    const base = new URL(receiver.url).origin;
    const database = count === 1 ? tempDir() : await postgres.createDatabase();
    nodes = [];
    for (let n = 0; n < count; n++) {
      const node = await createNode({ database, allowPrivateNetworks: true });
      await node.start();
      nodes.push(node);
    }
    await request('PUT', '/v1/teams/shop', { channels: [] });
    const endpoints: Record<string, object> = {
      works: {
        url: `${base}/hook`,
        event_types: ['good.*'],
        owner: 'shop',
        description: 'Reserves the order',
      },
      fails: { url: `${base}/status/503`, event_types: ['bad.*'], template: 'standard' },
      once: {
        url: `${base}/status/404`,
        event_types: ['bad.one'],
        retry: { schedule_s: [], jitter: 0, give_up_after_s: 60 },
      },
      moved: { url: `${base}/status/301`, event_types: ['bad.one'] },
      busy: { url: `${base}/status/429`, event_types: ['bad.one'] },
      paused: { url: `${base}/hook`, event_types: ['good.*'] },
      idle: { url: `${base}/hook`, event_types: ['never'] },
    };
    for (const [name, body] of Object.entries(endpoints)) {
      const answer = await request('PUT', `/v1/endpoints/${name}`, body);
      ids.set(name, (answer.body as Answer<'endpoints.ensure'>).id);
    }
    await request('POST', '/v1/endpoints/paused/pause', { reason: 'migration' });
    await publish('good.one', 'g1');
    // Each node knows of its own attempts: enough of them for one node alone to see an endpoint fail.
    for (let n = 1; n <= 8; n++) await publish('bad.one', `b${n}`);
    await publish('bad.two', 'b9');
    await settled('works', 'g1');
    for (const name of ['fails', 'once', 'moved']) await settled(name, 'b8');
    await settled('fails', 'b9');
    await until('the receiver was throttled', async () => {
      const { throttled_until: until } = await get<'endpoints.get'>('/v1/endpoints/busy');
      return until !== null;
    });
    // What attempts have found out is written every 5 s at most.
    await until('contacts are written', async () => {
      const { items } = await list('include=health');
      return (
        healthIn(items, 'works').last_success_at !== null &&
        ['fails', 'once', 'moved'].every((name) => healthIn(items, name).failures_in_a_row >= 3) &&
        healthIn(items, 'busy').last_failure_at !== null
      );
    });
  });
  afterAll(async () => {
    for (const node of nodes) await node.stop();
    await receiver.close();
  });

  test('the limit of attempts at once: fixed where it is set, else adaptive, and shown as it is now', async () => {
    const path = '/v1/endpoints/limited';
    const shown = async () => {
      const { max_in_flight: limit, concurrency } = await get<'endpoints.get'>(path);
      return [limit, concurrency];
    };
    await request('PUT', path, { url: receiver.url, event_types: ['never.*'], max_in_flight: 64 });
    expect(await shown()).toEqual([64, 'fixed']);
    await request('PUT', path, { url: receiver.url, event_types: ['never.*'], max_in_flight: null });
    expect(await shown()).toEqual([512, 'adaptive']);
    await until(
      'the node that answers knows it',
      async () => (await diagnosed('limited')).in_flight !== null,
    );
    const { in_flight: inFlight } = await diagnosed('limited');
    expect(inFlight?.now).toBe(0);
    // Nodes share it.
    expect(inFlight!.limit).toBeLessThanOrEqual(64);
    await request('DELETE', path);
  });

  test('the list says of each endpoint how it is', async () => {
    const { items } = await list('include=health&sort=need');
    const states = items.map(({ name, health }) => `${name} ${health?.state}`);
    expect(states.slice(0, 3).toSorted()).toEqual(['fails failing', 'moved failing', 'once failing']);
    expect(states.slice(3)).toEqual(['busy slowed', 'paused paused', 'works healthy', 'idle idle']);
    const of = (name: string) => healthIn(items, name);
    expect(of('works')).toMatchObject({ pending: 0, dead: 0, worth: [], failures_in_a_row: 0 });
    expect(of('works').bars.good.reduce((a, b) => a + b)).toBe(1);
    expect(of('works').p99_ms).toBeGreaterThan(0);
    expect(of('fails')).toMatchObject({
      pending: 9,
      last_error: { class: 'http_5xx', status_code: 503 },
      note: expect.stringContaining('http_5xx (503) for'),
    });
    expect(of('once')).toMatchObject({
      pending: 0,
      dead: 8,
      worth: [{ currency: 'EUR', amount_minor: 103_200, events: 8 }],
      worth_complete: true,
    });
    expect(of('paused')).toMatchObject({ suppressed: 1, note: 'paused: migration' });
    expect(of('busy').note).toContain('by Retry-After');
  });

  test('the list is chosen by text, team, template and state, and goes on page by page', async () => {
    const names = async (query: string) => (await list(query)).items.map(({ name }) => name);
    expect(await names('q=RESERVES')).toEqual(['works']);
    expect(await names('q=/status/5')).toEqual(['fails']);
    expect(await names('owner=shop')).toEqual(['works']);
    expect(await names('unowned=true&state=paused,idle&sort=name')).toEqual(['idle', 'paused']);
    expect(await names('template=standard')).toEqual(['fails']);
    expect(await names('state=slowed')).toEqual(['busy']);
    const pages: (string | null)[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: Answer<'endpoints.list'> = await list(
        `sort=name&limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`,
      );
      pages.push(...page.items.map(({ name }) => name));
      cursor = page.next_cursor;
    }
    expect(pages).toEqual(['busy', 'fails', 'idle', 'moved', 'once', 'paused', 'works']);
    expect((await request('GET', '/v1/endpoints?sort=worth')).status).toBe(422);
  });

  test('the diagnosis of a failing endpoint has its cause, what waits, and until when nothing is lost', async () => {
    const found = await diagnosed('fails');
    expect(found).toMatchObject({
      endpoint_id: ids.get('fails'),
      diagnosis: { rule: 'server_error', level: 'act' },
      waiting: { count: 9, complete: true },
      failures: { by_class: [{ class: 'http_5xx', fault: 'receiver' }] },
    });
    expect(found.diagnosis.sentence).toMatch(
      /has answered 503 to every attempt for .*, for all event types; 9 deliveries wait.*; nothing is lost until .*, when the earliest schedule ends\.$/,
    );
    expect(found.due.reduce((sum, { count: of }) => sum + of, 0)).toBe(9);
    const [failed] = found.failures.by_class;
    const types = failed!.event_types.map(({ event_type: type }) => type);
    expect(types.toSorted()).toEqual(['bad.one', 'bad.two']);
    expect(failed!.last!.attempt.response_excerpt).toBe('answer 503');
    expect(found.errors).toHaveLength(9);
    // 28 hours of schedule: what was accepted now cannot be dead much earlier.
    expect(Date.parse(found.waiting.nothing_lost_until!) - Date.parse(found.at)).toBeGreaterThan(
      26 * 3_600_000,
    );
  });

  test.each([
    ['once', 'not_found', /nothing accepts webhooks at this path/],
    ['moved', 'redirect', /a redirect \(301\), which Posthorn never follows/],
    ['busy', 'throttled', /asked for a pause until .* \(Retry-After\)/],
    [
      'paused',
      'paused',
      /has been paused by admin key since .*: "migration"; 1 delivery of new events is suppressed\.$/,
    ],
    ['works', 'healthy', /100% of|nothing was due/],
    ['idle', 'idle', /no event of never has been accepted/],
  ])('the diagnosis of %s is %s', async (name, rule, words) => {
    const { diagnosis } = await diagnosed(name);
    expect(diagnosis.rule).toBe(rule);
    expect(diagnosis.sentence).toMatch(words);
  });

  test('an endpoint that is not there is not found', async () => {
    expect((await request('GET', '/v1/endpoints/absent/health')).status).toBe(404);
  });

  test('a test answers with the attempt, and of a paused endpoint with none', async () => {
    expect(await request('POST', '/v1/endpoints/works/test')).toMatchObject({
      status: 202,
      body: {
        type: 'posthorn.test',
        delivery_id: expect.stringMatching(/^dlv_/),
        attempt: { outcome: 'delivered', status_code: 200, response_excerpt: 'ok' },
      },
    });
    expect(await request('POST', '/v1/endpoints/moved/test')).toMatchObject({
      body: { attempt: { error_class: 'redirect', status_code: 301, outcome: 'retry' } },
    });
    expect(await request('POST', '/v1/endpoints/paused/test')).toMatchObject({
      status: 202,
      body: { suppressed: 1, attempt: null },
    });
    expect(await request('POST', '/v1/endpoints/works/test?wait_s=0')).toMatchObject({
      body: { delivery_id: expect.stringMatching(/^dlv_/) },
    });
  });
});
