import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Posthorn } from '../../packages/posthorn/src/index.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { aReceiver, tempDir, until } from '../support.ts';
import { createNode, requestTo } from './library-http.ts';

// Redrives through the API: beside each other, stopped, changed, and over a restart or the end of a node.

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres.stop();
});

type Body = Record<string, unknown>;
interface Answer {
  readonly status: number;
  readonly body: Body;
}

describe.each([
  ['SQLite, one node', 1],
  ['PostgreSQL, two nodes', 2],
])('%s', (_, count) => {
  let database: string;
  let nodes: Posthorn[] = [];
  let failing = true;
  let receiver: Awaited<ReturnType<typeof aReceiver>>;
  const open = async (): Promise<Posthorn> => {
    const node = await createNode({ database, allowPrivateNetworks: true });
    await node.start();
    return node;
  };
  beforeAll(async () => {
    receiver = await aReceiver((__, response) => {
      response.statusCode = failing ? 500 : 200;
      response.end();
    });
    database = count === 1 ? tempDir() : await postgres.createDatabase();
    for (let n = 0; n < count; n++) nodes.push(await open());
  });
  afterAll(async () => {
    for (const node of nodes) await node.stop();
    await receiver.close();
  });
  let calls = 0;
  /** Each call goes to the next node. */
  const request = async (method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown) =>
    (await requestTo(nodes[calls++ % nodes.length]!, method, path, body)) as Answer;
  const redrive = async (id: unknown): Promise<Body> =>
    (await request('GET', `/v1/redrives/${String(id)}`)).body;
  /** All but what became of its deliveries, which goes on. */
  const progress = (shown: Body): Body => {
    const { outcome: _, ...job } = shown;
    return job;
  };
  const isDone = (id: unknown) => async () => (await redrive(id))['state'] === 'done';

  /** An endpoint of a tenant of its own with so many dead letters. */
  const dead = async (tenant: string, letters: number): Promise<string> => {
    failing = true;
    const made = await request('POST', '/v1/endpoints', {
      tenant,
      url: receiver.url,
      retry: { schedule_s: [] },
    });
    const events = Array.from({ length: letters }, () => ({
      type: 'a',
      data: {},
      tenant,
      value: { amount_minor: 100, currency: 'EUR' },
    }));
    expect((await request('POST', '/v1/events/batch', { events })).status).toBe(202);
    await until(`${tenant} has its dead letters`, async () => {
      const { body } = await request('GET', `/v1/accounting?tenant=${tenant}`);
      return body['dead'] === letters;
    });
    failing = false;
    return String(made.body['id']);
  };

  test('G8: a slow redrive holds up no other; it is listed, changed and stopped, on any node', async () => {
    await dead('slow', 40);
    await dead('quick', 60);
    const counted = await request('POST', '/v1/redrives', { filter: { tenant: 'quick' }, dry_run: true });
    expect(counted).toMatchObject({
      status: 202,
      body: {
        state: 'done',
        matched: 60,
        redriven: 0,
        value: [{ currency: 'EUR', amount_minor: 6000, events: 60 }],
      },
    });
    const slow = await request('POST', '/v1/redrives', {
      filter: { tenant: 'slow' },
      rate_per_s: 0.1,
      name: 'slow one',
    });
    await until('the slow one has begun', async () => (await redrive(slow.body['id']))['redriven'] === 1);
    const quick = await request('POST', '/v1/redrives', { filter: { tenant: 'quick' } });
    await until('the quick one is done', isDone(quick.body['id']));
    expect(await redrive(quick.body['id'])).toMatchObject({ redriven: 60, skipped: 0 });
    expect(await redrive(slow.body['id'])).toMatchObject({ state: 'running', name: 'slow one' });

    const { body: page } = await request('GET', '/v1/redrives?limit=2');
    const { body: rest } = await request('GET', `/v1/redrives?cursor=${String(page['next_cursor'])}`);
    const [first, ...others] = [page, rest].map(({ items }) => (items as Body[]).map(({ id }) => id)).flat();
    expect(first).toBe(quick.body['id']);
    // Made in the same millisecond, they are in any order.
    expect(new Set(others)).toEqual(new Set([slow.body['id'], counted.body['id']]));
    expect(page['items']).toHaveLength(2);

    const path = `/v1/redrives/${String(slow.body['id'])}`;
    expect((await request('PATCH', path, { rate_per_s: 20, name: 'faster' })).body).toMatchObject({
      name: 'faster',
      rate_per_s: 20,
    });
    await until('the new rate counts', async () => Number((await redrive(slow.body['id']))['redriven']) > 5);
    const stopped = await request('POST', `${path}/stop`);
    expect(stopped).toMatchObject({ status: 200, body: { state: 'stopped' } });
    expect(progress((await request('POST', `${path}/stop`)).body)).toEqual(progress(stopped.body));
    expect((await request('PATCH', path, { rate_per_s: 1 })).status).toBe(409);
    expect((await request('POST', `/v1/redrives/${String(quick.body['id'])}/stop`)).status).toBe(409);
    expect((await request('POST', '/v1/redrives/rdr_nobody/stop')).status).toBe(404);
    expect((await request('PATCH', '/v1/redrives/rdr_nobody', { name: 'x' })).status).toBe(404);
    expect((await request('GET', '/v1/redrives?cursor=bm9uZQ')).status).toBe(422);

    // Another one is served meanwhile, so a step of the stopped one would have been taken.
    await dead('later', 5);
    const later = await request('POST', '/v1/redrives', { filter: { tenant: 'later' } });
    await until('a later one is done', isDone(later.body['id']));
    expect(progress(await redrive(slow.body['id']))).toEqual(progress(stopped.body));
    await until('what was redriven is delivered', async () => {
      const { body } = await request('GET', '/v1/accounting?tenant=slow');
      return body['delivered'] === stopped.body['redriven'] && body['pending'] === 0;
    });
  });

  test('a redrive goes on after the node that ran it has stopped; a stopped one does not', async () => {
    await dead('restart', 30);
    await dead('halted', 30);
    const begin = async (tenant: string) =>
      String((await request('POST', '/v1/redrives', { filter: { tenant }, rate_per_s: 2 })).body['id']);
    const [going, halted] = [await begin('restart'), await begin('halted')];
    await until('both have begun', async () => {
      const jobs = [await redrive(going), await redrive(halted)];
      return jobs.every(({ redriven }) => Number(redriven) > 0);
    });
    const stopped = (await request('POST', `/v1/redrives/${halted}/stop`)).body;
    if (count === 1) {
      await nodes.pop()!.stop();
      nodes.push(await open());
    } else {
      // Whichever it is that ran it: one of them after the other.
      for (const node of nodes) await node.stop();
      nodes = [await open(), await open()];
    }
    const before = Number((await redrive(going))['redriven']);
    expect((await request('PATCH', `/v1/redrives/${going}`, { rate_per_s: null })).status).toBe(200);
    await until('it is done', isDone(going));
    expect(before).toBeLessThan(30);
    expect(await redrive(going)).toMatchObject({ redriven: 30 });
    expect(progress(await redrive(halted))).toEqual(progress(stopped));
  });

  test('a redrive of a deleted endpoint says what it skips, and refuses it singly', async () => {
    const endpoint = await dead('gone', 3);
    expect((await request('DELETE', `/v1/endpoints/${endpoint}`)).status).toBe(204);
    const { body } = await request('GET', '/v1/deliveries?tenant=gone');
    const [first] = body['items'] as Body[];
    expect(await request('POST', `/v1/deliveries/${String(first!['id'])}/redrive`)).toMatchObject({
      status: 409,
      body: { code: 'endpoint_deleted' },
    });
    const job = await request('POST', '/v1/redrives', { filter: { tenant: 'gone' } });
    await until('it is done', isDone(job.body['id']));
    expect(await redrive(job.body['id'])).toMatchObject({ matched: 3, redriven: 0, skipped: 3 });
    expect((await request('GET', '/v1/accounting?tenant=gone')).body).toMatchObject({
      dead: 3,
      cancelled: 0,
      value_at_risk: [{ amount_minor: 300 }],
    });
  });

  // The next attempt of the schedule is an hour away.
  test.each([
    ['its last attempt', 'last', [], 'dead'],
    ['an attempt', 'early', [3600, 3600], 'retry'],
  ])(
    'G5: what was redriven while %s was in flight is tried again at once',
    async (__, tenant, schedule, first) => {
      let release = (): void => {};
      let attempts = 0;
      const slow = await aReceiver((___, response) => {
        attempts++;
        response.statusCode = attempts === 1 ? 500 : 200;
        if (attempts === 1) release = () => response.end();
        else response.end();
      });
      const retry = { schedule_s: schedule };
      await request('POST', '/v1/endpoints', { tenant, url: slow.url, retry });
      await request('POST', '/v1/events', { tenant, type: 'a', data: {} });
      await until('an attempt is in flight', () => attempts === 1);
      const { body } = await request('GET', `/v1/deliveries?tenant=${tenant}`);
      const id = String((body['items'] as Body[])[0]!['id']);
      expect((await request('POST', `/v1/deliveries/${id}/redrive`)).status).toBe(202);
      release();
      await until('it is delivered', async () => {
        const found = await request('GET', `/v1/deliveries/${id}`);
        return found.body['state'] === 'delivered';
      });
      const log = (await request('GET', `/v1/deliveries/${id}`)).body['attempts'] as Body[];
      expect(log.map(({ outcome, trigger }) => [outcome, trigger])).toEqual([
        [first, 'schedule'],
        ['delivered', 'manual'],
      ]);
      await slow.close();
    },
  );
});
