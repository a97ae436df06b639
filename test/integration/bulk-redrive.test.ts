import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../packages/posthorn/src/cli/demo/receivers.ts';
import { kill, startServer } from '../../packages/posthorn/src/cli/demo/server-process.ts';
import { verifyDataDirectory } from '../../packages/posthorn/src/cli/commands/verify.ts';
import { startPostgres, type Postgres } from '../postgres.ts';
import { aReceiver, tempDir, until } from '../support.ts';
import { createWireClient, type WireClient } from '../wire-client.ts';
import { runHere } from './run-here.ts';
import { apiKey, serve } from './serving.ts';

// Many dead letters, through everything that can happen to their redrive; what it says agrees with what the receiver got.

interface Job {
  readonly id: string;
  readonly state: string;
  readonly stop_reason: string | null;
  readonly by: { readonly kind: string; readonly name: string } | null;
  readonly matched: number;
  readonly redriven: number;
  readonly replayed: number;
  readonly skipped: number;
  readonly outcome: Readonly<Record<'delivered' | 'pending' | 'dead' | 'other', number>>;
  readonly value: readonly unknown[];
  readonly endpoints: number;
}

/** A receiver that is down at first, and the events it has taken since it works, each as often as it came. */
async function aReceiverThatRecovers() {
  let isDown = true;
  const ids = new Map<string, number>();
  const receiver = await aReceiver((request, response) => {
    response.statusCode = isDown ? 503 : 200;
    const id = String(request.headers['webhook-id']);
    if (!isDown) ids.set(id, (ids.get(id) ?? 0) + 1);
    response.end(isDown ? 'database is restarting' : 'ok');
  });
  return { ...receiver, ids, setDown: (is: boolean) => void (isDown = is) };
}

/** An endpoint with so many dead letters; returns its id. */
async function dead(
  client: WireClient,
  url: string,
  letters: number,
  type = 'payment.failed',
): Promise<string> {
  const { id } = await client.request<{ id: string }>('POST', '/v1/endpoints', {
    url,
    event_types: [type],
    retry: { schedule_s: [] },
    max_in_flight: 64,
  });
  for (let left = letters; left > 0; left -= 1000)
    await client.request('POST', '/v1/events/batch', {
      events: Array.from({ length: Math.min(left, 1000) }, () => ({
        type,
        data: {},
        value: { amount_minor: 100, currency: 'EUR' },
      })),
    });
  await until('they are dead', async () => {
    const counts = await client.request<{ dead: number }>('GET', `/v1/accounting?endpoint_id=${id}`);
    return counts.dead === letters;
  });
  return id;
}

const settledOutcome = async (client: WireClient, path: string): Promise<Job> => {
  let job = await client.request<Job>('GET', path);
  await until('nothing of it is pending', async () => {
    job = await client.request<Job>('GET', path);
    return job.state !== 'running' && job.outcome.pending === 0;
  });
  return job;
};

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres.stop();
});

describe.each(['SQLite', 'PostgreSQL'])('%s', (name) => {
  let server: Awaited<ReturnType<typeof serve>>;
  let receiver: Awaited<ReturnType<typeof aReceiverThatRecovers>>;
  beforeAll(async () => {
    receiver = await aReceiverThatRecovers();
    server = await serve(name === 'SQLite' ? {} : { databaseUrl: await postgres.createDatabase() });
  });
  afterAll(async () => {
    await server.stop();
    await receiver.close();
  });

  test('G5: 3,000 dead letters, redriven by filter at a rate and stopped half-way: the outcome is what the receiver got', async () => {
    const { client } = server;
    const letters = 3000;
    receiver.setDown(true);
    const id = await dead(client, receiver.url, letters);
    receiver.setDown(false);
    const begun = await client.request<Job>('POST', '/v1/redrives', {
      filter: { endpoint_id: id, error_class: 'http_5xx', status_code: 503 },
      rate_per_s: 500,
      name: 'certificate of 24 November',
    });
    expect(begun).toMatchObject({
      matched: letters,
      by: { kind: 'key' },
      endpoints: 1,
      value: [{ currency: 'EUR', amount_minor: letters * 100, events: letters }],
    });
    const path = `/v1/redrives/${begun.id}`;
    await until(
      'it is about half-way',
      async () => (await client.request<Job>('GET', path)).redriven >= 1200,
    );
    const stopped = await client.request<Job>('POST', `${path}/stop`);
    expect(stopped).toMatchObject({ state: 'stopped', stop_reason: 'asked' });
    expect(stopped.redriven).toBeLessThan(letters);
    const job = await settledOutcome(client, path);
    expect(job.redriven).toBe(stopped.redriven);
    expect(job.outcome).toEqual({ delivered: job.redriven, pending: 0, dead: 0, other: 0 });
    expect([...receiver.ids.values()].reduce((sum, times) => sum + times, 0)).toBe(job.redriven);
    expect(await client.request('GET', `/v1/accounting?endpoint_id=${id}`)).toMatchObject({
      delivered: job.redriven,
      dead: letters - job.redriven,
      pending: 0,
      unaccounted: 0,
    });
    // The rest, as one group that is known to work again once something newer has been delivered.
    const groups = await client.request<{ items: readonly { count: number; message: string }[] }>(
      'GET',
      `/v1/dead-letters?endpoint_id=${id}`,
    );
    expect(groups.items).toMatchObject([
      { count: letters - job.redriven, message: 'database is restarting', status_code: 503, recovered: null },
    ]);
  });

  test('a redrive to a receiver that still fails stops itself after the first 20, and the rest stays dead', async () => {
    const { client } = server;
    receiver.setDown(true);
    const id = await dead(client, receiver.url, 300, 'order.failed');
    const { id: redrive } = await client.request<Job>('POST', '/v1/redrives', {
      filter: { endpoint_id: id },
    });
    const job = await settledOutcome(client, `/v1/redrives/${redrive}`);
    expect(job).toMatchObject({
      state: 'stopped',
      stop_reason: 'failing',
      redriven: 20,
      outcome: { delivered: 0, pending: 0, dead: 20, other: 0 },
    });
    expect(await client.request('GET', `/v1/accounting?endpoint_id=${id}`)).toMatchObject({ dead: 300 });
    receiver.setDown(false);
    const again = await client.request<Job>('POST', '/v1/redrives', { filter: { endpoint_id: id } });
    expect(await settledOutcome(client, `/v1/redrives/${again.id}`)).toMatchObject({
      state: 'done',
      redriven: 300,
      outcome: { delivered: 300 },
    });
    // What the first one had is the second one's now.
    expect(await client.request('GET', `/v1/redrives/${redrive}`)).toMatchObject({
      outcome: { delivered: 0, pending: 0, dead: 0, other: 20 },
    });
  });

  test('a replay in bulk delivers again under the same webhook-id, to its endpoint or to another, once for each event', async () => {
    const { client } = server;
    receiver.setDown(false);
    receiver.ids.clear();
    const endpoint = async (fields: Record<string, unknown>) =>
      (await client.request<{ id: string }>('POST', '/v1/endpoints', { url: receiver.url, ...fields })).id;
    const id = await endpoint({ event_types: ['replayed.kind'] });
    const events = Array.from({ length: 50 }, (_, n) => ({
      type: 'replayed.kind',
      id: `${name}-${n}`,
      data: {},
    }));
    await client.request('POST', '/v1/events/batch', { events });
    const isOften = (times: number) => () =>
      receiver.ids.size === 50 && [...receiver.ids.values()].every((count) => count === times);
    await until('each has come once', isOften(1));
    // A receiver has an event before its delivery is settled.
    await until('each is delivered', async () => {
      const { items } = await client.request<{ items: readonly unknown[] }>(
        'GET',
        `/v1/deliveries?endpoint_id=${id}&state=delivered&limit=100`,
      );
      return items.length === 50;
    });
    const job = await client.request<Job>('POST', '/v1/replays', {
      filter: { endpoint_id: id, state: 'delivered' },
      name: 'lost by the receiver',
    });
    expect(await settledOutcome(client, `/v1/replays/${job.id}`)).toMatchObject({
      state: 'done',
      matched: 50,
      replayed: 50,
      outcome: { delivered: 50, other: 0 },
    });
    await until('each has come twice', isOften(2));
    const other = await endpoint({ event_types: ['never.kind'] });
    const chosen = events.slice(0, 7).map((event) => event.id);
    const to = await client.request<Job>('POST', '/v1/replays', {
      filter: { event_id: chosen },
      endpoint_id: other,
    });
    expect(await settledOutcome(client, `/v1/replays/${to.id}`)).toMatchObject({ matched: 7, replayed: 7 });
    expect(await client.request('GET', `/v1/accounting?endpoint_id=${other}`)).toMatchObject({
      delivered: 7,
    });
    const list = await client.request<{ items: readonly Job[] }>('GET', '/v1/replays');
    expect(list.items.map((one) => one.id)).toEqual([to.id, job.id]);
    await expect(client.request('GET', `/v1/redrives/${job.id}`)).rejects.toThrow(/redrive by that id/);
  });
});

test('G2, G6: a SIGKILL of the server in the middle of a redrive loses none and redrives none twice', async () => {
  const dataDir = tempDir();
  const port = await freePort();
  const client = createWireClient(`http://127.0.0.1:${port}`, apiKey);
  const receiver = await aReceiverThatRecovers();
  let server = await startServer({ port, dataDir, apiKey });
  try {
    const id = await dead(client, receiver.url, 3000);
    receiver.setDown(false);
    const { id: redrive } = await client.request<Job>('POST', '/v1/redrives', {
      filter: { endpoint_id: id },
      rate_per_s: 1000,
    });
    const path = `/v1/redrives/${redrive}`;
    for (const share of [500, 1500]) {
      await until(
        `${share} are redriven`,
        async () => (await client.request<Job>('GET', path)).redriven >= share,
      );
      await kill(server, 'SIGKILL');
      server = await startServer({ port, dataDir, apiKey });
    }
    const job = await settledOutcome(client, path);
    expect(job).toMatchObject({
      state: 'done',
      matched: 3000,
      redriven: 3000,
      skipped: 0,
      outcome: { delivered: 3000, pending: 0, dead: 0, other: 0 },
    });
    // At least once: what was in flight at a kill may have come twice, and nothing is missing.
    expect(receiver.ids.size).toBe(3000);
    expect(await verifyDataDirectory(dataDir)).toMatchObject({ balanced: true, unaccounted: 0 });
  } finally {
    await kill(server, 'SIGKILL');
    await receiver.close();
  }
});

test('replays are begun, followed, listed and stopped on the command line', async () => {
  const server = await serve();
  process.env['POSTHORN_URL'] = server.url;
  process.env['POSTHORN_API_KEY'] = apiKey;
  const receiver = await aReceiverThatRecovers();
  receiver.setDown(false);
  try {
    const { id } = await server.client.request<{ id: string }>('POST', '/v1/endpoints', {
      url: receiver.url,
    });
    const events = Array.from({ length: 5 }, (_, n) => ({ type: 'a', id: `cli-${n}`, data: {} }));
    await server.client.request('POST', '/v1/events/batch', { events });
    await until('all have come', () => receiver.ids.size === 5);
    const dry = await runHere(
      'replay',
      '--endpoint-id',
      id,
      '--state',
      'delivered',
      '--dry-run',
      '--rate',
      '2',
    );
    expect([dry.code, dry.out]).toEqual([
      0,
      expect.stringMatching(/^5 deliveries match; nothing.*about 3 s/s),
    ]);
    const all = await runHere('replay', '--endpoint-id', id, '--name', 'again');
    expect([all.code, all.out]).toEqual([
      0,
      expect.stringMatching(/^5 of 5 deliveries were created \(replay rpl_/),
    ]);
    const one = await runHere('replay', 'cli-1', '--to', id);
    expect([one.code, one.out]).toEqual([0, expect.stringMatching(/cli-1 is being delivered again: dlv_/)]);
    expect((await runHere('replay')).code).toBe(2);
    expect((await runHere('replay', 'cli-1', '--rate', '2')).code).toBe(2);
    expect((await runHere('replays')).out).toMatch(/rpl_\w+ +again +done +5 +5/);
    const [first] = (await server.client.request<{ items: readonly Job[] }>('GET', '/v1/replays?limit=1'))
      .items;
    expect((await runHere('replays', 'get', first!.id)).out).toContain('5 of 5 replayed');
    expect((await runHere('replays', 'stop', first!.id)).code).toBe(1);
    expect((await runHere('dead-letters', '--state', 'suppressed')).out).toContain('No dead letters');
  } finally {
    delete process.env['POSTHORN_URL'];
    delete process.env['POSTHORN_API_KEY'];
    await server.stop();
    await receiver.close();
  }
});
