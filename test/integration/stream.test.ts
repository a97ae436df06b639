import { connect, type Socket } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Client, createClient, type StreamMessage } from '../../packages/client/src/index.ts';
import type { Alert } from '../../packages/posthorn/src/domain/alert.ts';
import { openPostgresStore } from '../../packages/posthorn/src/store/postgres/open.ts';
import { openSqliteStore } from '../../packages/posthorn/src/store/sqlite/open.ts';
import type { Store } from '../../packages/posthorn/src/store/store.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { aReceiver, evaluated, evaluatedOnce, tempDir, until } from '../support.ts';
import { createNode } from './library-http.ts';
import { apiKey, serve } from './serving.ts';

// Changes are sent only to the streams that watch them.

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres.stop();
});

interface Watching {
  readonly messages: StreamMessage[];
  /** Why it has ended; null: it has not. */
  readonly ended: () => string | null;
  stop(): void;
}

function watch(client: Client, topics: string | string[], lastEventId?: string): Watching {
  const messages: StreamMessage[] = [];
  const giveUp = new AbortController();
  let ended: string | null = null;
  const read = async (): Promise<void> => {
    const input = { topics, ...(lastEventId === undefined ? {} : { lastEventId }) };
    for await (const message of client.stream.open(input, { signal: giveUp.signal })) messages.push(message);
  };
  read().catch((error: unknown) => (ended = (error as { code: string }).code));
  return { messages, ended: () => ended, stop: () => giveUp.abort() };
}

const of = (messages: readonly StreamMessage[], event: StreamMessage['event']): unknown[] =>
  messages.filter((message) => message.event === event).map(({ data }) => data);

describe.each([
  ['SQLite', async () => await openSqliteStore({ dataDir: tempDir(), thread: true })],
  ['PostgreSQL', async () => (await openPostgresStore(await postgres.createDatabase())).store],
])('%s', (_, open: () => Promise<Store>) => {
  let server: Awaited<ReturnType<typeof serve>>;
  let store: Store;
  let client: Client;
  let answer = 500;
  let receiver: Awaited<ReturnType<typeof aReceiver>>;
  beforeAll(async () => {
    receiver = await aReceiver((__, response) => {
      response.statusCode = answer;
      response.end();
    });
    store = await open();
    // After the start only the test steps the alerts.
    server = await serve(evaluatedOnce, store);
    await evaluated(store);
    client = createClient(server.url, apiKey);
  });
  afterAll(async () => {
    await server.stop();
    await receiver.close();
  });
  const endpoint = async (fields: object = {}): Promise<string> =>
    (await client.endpoints.create({ url: receiver.url, ...fields })).id;
  const deliveryTo = async (endpointId: string): Promise<string> => {
    const [first] = (await client.deliveries.list({ endpointId })).items;
    return first!.id;
  };

  test('a delivery is sent as it is, and again when it changes; what has not changed is not', async () => {
    answer = 500;
    const endpointId = await endpoint({ eventTypes: ['a.watched'], retry: { scheduleS: [3600] } });
    await client.events.publish({ type: 'a.watched', data: {} });
    const id = await deliveryTo(endpointId);
    await until('it has failed once', async () => (await client.deliveries.get(id)).attemptCount === 1);
    const { messages, stop } = watch(client, [`delivery:${id}`, `endpoint:${endpointId}`]);
    await until('all of it is there', () => messages.length === 3);
    expect(messages[0]).toMatchObject({ event: 'hello', id: null, data: { version: expect.any(String) } });
    expect(of(messages, 'delivery')).toEqual([await client.deliveries.get(id)]);
    expect(of(messages, 'endpoint')).toEqual([await client.endpoints.get(endpointId)]);
    answer = 200;
    await client.deliveries.redrive(id);
    await until('it is delivered', () =>
      of(messages, 'delivery').some((data) => (data as { state: string }).state === 'delivered'),
    );
    expect(of(messages, 'delivery').at(-1)).toEqual(await client.deliveries.get(id));
    stop();

    // A reconnecting client gets only the changes in between.
    const last = messages.findLast((message) => message.event === 'delivery')!.id!;
    const again = watch(client, [`delivery:${id}`, `endpoint:${endpointId}`], last);
    const others = watch(client, [`delivery:${id}`, `endpoint:${endpointId}`], 'of-another-node.7');
    await until('the others have everything', () => others.messages.length === 3);
    await client.endpoints.update(endpointId, { description: 'changed' });
    await until('the change comes', () => of(again.messages, 'endpoint').length > 0);
    expect(of(again.messages, 'endpoint').at(-1)).toMatchObject({ description: 'changed' });
    again.stop();
    others.stop();
  });

  test('alerts: those that are not resolved, then each that changes', async () => {
    const alert = (id: string, state: Alert['state']): Alert => ({
      id,
      rule: 'dead_letters',
      group: id,
      severity: 'ticket',
      state,
      owner: null,
      summary: 'a test',
      evidence: {},
      since: 1,
      firedAt: 1,
      resolvedAt: state === 'resolved' ? 2 : null,
      acknowledgedAt: null,
      notifiedAt: null,
      notifiedSeverity: null,
    });
    const save = async (...changed: Alert[]): Promise<void> => {
      const { version } = await store.read.alerts();
      const step = { version, changed, forgotten: [], notifications: [], now: Date.now() };
      expect(await store.write.saveAlerts(step)).toBe(true);
    };
    await save(alert('alr_1', 'firing'), alert('alr_2', 'resolved'));
    const { messages, stop } = watch(client, 'alerts');
    const heard = (): string[] =>
      (of(messages, 'alert') as { id: string; state: string }[]).map(({ id, state }) => `${id} ${state}`);
    await until('what fires is there', () => heard().length > 0);
    expect(heard()).toEqual(['alr_1 firing']);
    await save(alert('alr_3', 'firing'));
    await until('the new one comes', () => heard().includes('alr_3 firing'));
    const last = messages.at(-1)!.id!;
    stop();
    // Without a watcher, changes are not lost.
    await save(alert('alr_1', 'resolved'));
    const again = watch(client, 'alerts', last);
    await until('it is heard of', () =>
      (of(again.messages, 'alert') as { id: string; state: string }[]).some(
        ({ id, state }) => id === 'alr_1' && state === 'resolved',
      ),
    );
    again.stop();
  });

  test('the overview of now comes when it changes, and not only because time has passed', async () => {
    const { messages, stop } = watch(client, 'now');
    await until('it is there', () => of(messages, 'now').length > 0);
    const accepted = (): number[] =>
      (of(messages, 'now') as { ledger: { accepted: number } }[]).map(({ ledger }) => ledger.accepted);
    answer = 200;
    await endpoint({ eventTypes: ['a.counted'] });
    const before = accepted().at(-1)!;
    await client.events.publish({ type: 'a.counted', data: {} });
    await until('it is counted', () => accepted().at(-1) === before + 1);
    expect(
      of(messages, 'now').every((one, at, all) => at === 0 || !isDeepStrictEqual(one, all[at - 1])),
    ).toBe(true);
    stop();
  });

  test('a redrive is followed to its end', async () => {
    answer = 500;
    const endpointId = await endpoint({ eventTypes: ['a.redriven'], retry: { scheduleS: [] } });
    for (let n = 0; n < 3; n++) await client.events.publish({ type: 'a.redriven', data: { n } });
    await until(
      'all are dead',
      async () => (await client.deliveries.list({ endpointId, state: 'dead' })).items.length === 3,
    );
    answer = 200;
    const { id } = await client.redrives.create({ filter: { endpointId }, ratePerS: 2 });
    const { messages, stop } = watch(client, `redrive:${id}`);
    await until('it is done', () =>
      (of(messages, 'redrive') as { state: string }[]).some(({ state }) => state === 'done'),
    );
    expect(of(messages, 'redrive').at(-1)).toEqual(await client.redrives.get(id));
    stop();
  });

  test('G9: a stream ends with the key or the session that opened it, and with what it shows', async () => {
    const endpointId = await endpoint();
    const made = await client.keys.create({ name: 'short', scopes: ['read'] });
    const signedIn = await fetch(`${server.url}/v1/sessions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${made.key}` },
    });
    const cookie = signedIn.headers.get('set-cookie')!.split(';')[0]!;
    const stream = await fetch(`${server.url}/v1/stream?topics=endpoint:${endpointId}`, {
      headers: { cookie },
    });
    expect(stream.status).toBe(200);
    const ofKey = watch(createClient(server.url, made.key), `endpoint:${endpointId}`);
    const ofAdmin = watch(client, `endpoint:${endpointId}`);
    await until('all have begun', () => ofKey.messages.length === 2 && ofAdmin.messages.length === 2);
    await client.keys.delete(made.id);
    await until('the stream of the key ends', () => ofKey.ended() === 'cut');
    let text = '';
    for await (const chunk of stream.body!) text += Buffer.from(chunk as Uint8Array).toString();
    expect(text).toContain('event: hello');
    expect(ofAdmin.ended()).toBeNull();
    await client.endpoints.delete(endpointId);
    await until('what is gone cannot be watched', () => ofAdmin.ended() === 'cut');
    ofAdmin.stop();
    await expect(
      (async () => {
        for await (const message of client.stream.open({ topics: `endpoint:${endpointId}` })) return message;
        return null;
      })(),
    ).rejects.toMatchObject({ status: 404, code: 'not_found' });
  });
});

describe('a server', () => {
  let server: Awaited<ReturnType<typeof serve>>;
  let endpointId: string;
  beforeAll(async () => {
    server = await serve();
    const client = createClient(server.url, apiKey);
    ({ id: endpointId } = await client.endpoints.create({ url: 'http://127.0.0.1:1/' }));
  });
  afterAll(async () => {
    await server.stop();
  });

  const openSocket = (
    query = `topics=endpoint:${endpointId}`,
  ): { socket: Socket; heard: () => string; isClosed: () => boolean } => {
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    let heard = '';
    let isClosed = false;
    socket.on('data', (chunk: Buffer) => (heard += chunk.toString()));
    socket.on('error', () => {});
    socket.on('close', () => (isClosed = true));
    socket.write(`GET /v1/stream?${query} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${apiKey}\r\n\r\n`);
    return { socket, heard: () => heard, isClosed: () => isClosed };
  };

  test('G8: 200 streams are open at once, and the next one gets Retry-After', async () => {
    const streams = Array.from({ length: 200 }, () => openSocket());
    await until('all are open', () => streams.every(({ heard }) => heard().includes('event: endpoint')));
    const refused = await fetch(`${server.url}/v1/stream?topics=alerts`, {
      headers: { authorization: `Bearer ${apiKey}` },
    });
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5']);
    expect(await refused.json()).toMatchObject({ code: 'busy' });
    // Other requests are answered as ever.
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    streams[0]!.socket.destroy();
    await until('its place is free', async () => {
      const { socket, heard } = openSocket();
      await until('it is answered', () => heard().includes('HTTP/1.1 '));
      if (heard().includes(' 200 ')) return true;
      socket.destroy();
      return false;
    });
    for (const { socket } of streams) socket.destroy();
  });

  test.each([
    ['topics=', 422],
    ['topics=everything', 422],
    ['', 422],
    ['topics=endpoint:ep_none', 404],
    ['topics=delivery:dlv_none', 404],
  ])('%s is refused with %i', async (query, status) => {
    const response = await fetch(`${server.url}/v1/stream?${query}`, {
      headers: { authorization: `Bearer ${apiKey}` },
    });
    expect(response.status).toBe(status);
  });
});

test('a stop ends streams at once', async () => {
  const server = await serve({ stopGraceS: 30 });
  const client = createClient(server.url, apiKey);
  const streams = [watch(client, 'alerts'), watch(client, 'alerts')];
  await until('they have begun', () => streams.every(({ messages }) => messages.length > 0));
  const before = process.hrtime.bigint();
  await server.stop();
  // Far less than what requests are waited for.
  expect(Number(process.hrtime.bigint() - before) / 1e9).toBeLessThan(4);
  await until('they know', () => streams.every(({ ended }) => ended() === 'cut'));
});

test('an application watches without HTTP, and its streams end with the node', async () => {
  const node = await createNode({ database: tempDir() });
  await node.start();
  const { id } = await node.endpoints.create({ url: 'https://example.com/hook' });
  const seen: unknown[] = [];
  let ended: unknown = null;
  const read = async (): Promise<void> => {
    for await (const message of node.stream.open({ topics: `endpoint:${id}` })) seen.push(message);
  };
  read().catch((error: unknown) => (ended = error));
  await until('it is seen', () => seen.length === 2);
  await node.endpoints.pause(id, { reason: 'tests' });
  await until('it has changed', () => seen.length > 2);
  expect(seen.at(-1)).toMatchObject({ event: 'endpoint', data: { enabled: false, pausedReason: 'tests' } });
  await node.stop();
  await until('it has ended', () => ended !== null);
  expect(ended).toMatchObject({ code: 'unavailable' });
});
