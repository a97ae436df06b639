import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Posthorn } from '../../packages/posthorn/src/index.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { aReceiver, type Received, tempDir, until } from '../support.ts';
import { createNode, requestTo } from './library-http.ts';

// Read, decide, write: whatever is changed by several callers at the same time, on one node and on two.

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres.stop();
});

type Answer = Awaited<ReturnType<typeof requestTo>> & { body: Record<string, unknown> };

describe.each([
  ['SQLite, one node', 1],
  ['PostgreSQL, two nodes', 2],
])('%s', (_, count) => {
  let nodes: Posthorn[] = [];
  beforeAll(async () => {
    const database = count === 1 ? tempDir() : await postgres.createDatabase();
    nodes = [];
    for (let n = 0; n < count; n++) {
      const node = await createNode({ database, allowPrivateNetworks: true });
      await node.start();
      nodes.push(node);
    }
  });
  afterAll(async () => {
    for (const node of nodes) await node.stop();
  });
  let calls = 0;
  /** Each call goes to the next node. */
  const request = async (method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown) =>
    (await requestTo(nodes[calls++ % count]!, method, path, body)) as Answer;
  const range = (length: number): number[] => Array.from({ length }, (__, n) => n);

  const signs = ({ headers, body }: Received, secret: string): boolean => {
    const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.`;
    const mac = createHmac('sha256', Buffer.from(secret.slice(6), 'base64'))
      .update(signed)
      .update(body);
    return String(headers['webhook-signature'])
      .split(' ')
      .includes(`v1,${mac.digest('base64')}`);
  };

  test('every secret that concurrent rotations hand out signs, and a rotation that would end a promised grace is refused', async () => {
    const receiver = await aReceiver();
    const tenant = `rotate${count}`;
    const made = await request('POST', '/v1/endpoints', { tenant, url: receiver.url });
    const rotate = (graceS: number) =>
      request('POST', `/v1/endpoints/${String(made.body['id'])}/rotate-secret`, { grace_s: graceS });
    const answers = await Promise.all(range(18).map(() => rotate(3600)));
    const secrets = answers.filter(({ status }) => status === 200).map(({ body }) => String(body['secret']));
    expect(secrets).toHaveLength(16);
    expect(answers.filter(({ status }) => status === 409).map(({ body }) => body['code'])).toEqual([
      'too_many_secrets',
      'too_many_secrets',
    ]);
    // The current secret may be given up at once, however many former ones there are.
    const last = await rotate(0);
    expect(last.status).toBe(200);
    let retired = 0;
    await until('a node that heard of all rotations has signed', async () => {
      await request('POST', '/v1/events', { tenant, type: 'a', data: {} });
      await until('it has arrived', () => receiver.requests.length > retired);
      retired = receiver.requests.length;
      return signs(receiver.requests.at(-1)!, String(last.body['secret']));
    });
    const received = receiver.requests.at(-1)!;
    const all = [String(made.body['secret']), ...secrets];
    // All but the one that was current when it was given up.
    expect(all.filter((secret) => !signs(received, secret))).toHaveLength(1);
    await receiver.close();
  });

  test('concurrent changes of different fields of an endpoint are all kept', async () => {
    const made = await request('POST', '/v1/endpoints', { url: 'http://127.0.0.1:1/', tenant: 'patch' });
    const path = `/v1/endpoints/${String(made.body['id'])}`;
    const changes = [
      { timeout_ms: 5000 },
      { deliver_within_s: 60 },
      { retry: { schedule_s: [1] } },
      { description: 'd' },
    ];
    const answers = await Promise.all([
      ...changes.map((change) => request('PATCH', path, change)),
      request('POST', `${path}/pause`, { reason: 'maintenance' }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    const { body } = await request('GET', path);
    expect(body).toMatchObject({
      timeout_ms: 5000,
      deliver_within_s: 60,
      description: 'd',
      paused_reason: 'maintenance',
      retry: { schedule_s: [1] },
    });
    expect((body['overrides'] as string[]).toSorted()).toEqual(['deliver_within_s', 'retry', 'timeout_ms']);
  });

  test('a version number of a template means one content, also after it was deleted', async () => {
    const put = async (timeoutMs: number): Promise<Answer> =>
      await request('PUT', '/v1/templates/gold', { timeout_ms: timeoutMs });
    const answers = await Promise.all(range(8).map((n) => put(1000 + n)));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    const { body } = await request('GET', '/v1/templates/gold');
    expect(body['version']).toBe(8);
    expect((await request('DELETE', '/v1/templates/gold')).status).toBe(204);
    expect((await put(9000)).body).toMatchObject({ version: 9, timeout_ms: 9000 });
  });

  test('an endpoint that begins to follow a template while it changes follows its newest version', async () => {
    await request('PUT', '/v1/templates/moving', { timeout_ms: 1000 });
    const changes = range(6).map((n) => request('PUT', '/v1/templates/moving', { timeout_ms: 2000 + n }));
    const made = range(6).map(() =>
      request('POST', '/v1/endpoints', { url: 'http://127.0.0.1:1/', template: 'moving', tenant: 'moving' }),
    );
    await Promise.all([...changes, ...made]);
    const { body: template } = await request('GET', '/v1/templates/moving');
    const { body } = await request('GET', '/v1/endpoints?tenant=moving');
    const items = body['items'] as Record<string, unknown>[];
    expect(items).toHaveLength(6);
    for (const endpoint of items)
      expect(endpoint).toMatchObject({
        template_version: template['version'],
        timeout_ms: template['timeout_ms'],
      });
  });

  test('G4: a channel that is declared concurrently has one endpoint, and that one exists', async () => {
    const url = (n: number): string => `http://127.0.0.1:1/${n}`;
    await Promise.all(
      range(6).map((n) => request('PUT', '/v1/channels/ops', { kind: 'webhook', url: url(n) })),
    );
    const { body: channel } = await request('GET', '/v1/channels/ops');
    const { body } = await request('GET', '/v1/endpoints?tenant=posthorn');
    expect((body['items'] as { id: string }[]).map(({ id }) => id)).toEqual([channel['endpoint_id']]);
    expect((await request('DELETE', '/v1/channels/ops')).status).toBe(204);
    expect((await request('GET', '/v1/endpoints?tenant=posthorn')).body['items']).toEqual([]);
  });

  test('what is named is never deleted under the one who names it', async () => {
    for (const n of range(5)) {
      const [team, type, slo, channel] = [`team${n}`, `type${n}.done`, `slo${n}`, `channel${n}`];
      await request('PUT', `/v1/channels/${channel}`, { kind: 'webhook', url: 'http://127.0.0.1:1/' });
      await request('PUT', `/v1/teams/${team}`, {});
      const objective = { target: 0.99, window_days: 7, producer: team, consumer: team };
      await Promise.all([
        request('DELETE', `/v1/teams/${team}`),
        request('PUT', `/v1/event-types/${type}`, { owner: team }),
        request('PUT', `/v1/slos/${slo}`, objective),
        request('PUT', `/v1/teams/${team}`, { channels: [channel] }),
        request('DELETE', `/v1/channels/${channel}`),
      ]);
      const there = async (path: string) => (await request('GET', path)).status === 200;
      const named = (await there(`/v1/event-types/${type}`)) || (await there(`/v1/slos/${slo}`));
      expect(!named || (await there(`/v1/teams/${team}`)), team).toBe(true);
      const found = await request('GET', `/v1/teams/${team}`);
      if (found.status === 200 && (found.body['channels'] as string[]).length > 0)
        expect(await there(`/v1/channels/${channel}`)).toBe(true);
    }
  });

  test('a team that owns an event type or an endpoint is not deleted', async () => {
    await request('PUT', '/v1/teams/owners', {});
    const made = await request('POST', '/v1/endpoints', {
      url: 'http://127.0.0.1:1/',
      owner: 'owners',
      tenant: 'owned',
    });
    const refused = await request('DELETE', '/v1/teams/owners');
    expect([refused.status, refused.body['code']]).toEqual([409, 'in_use']);
    await request('DELETE', `/v1/endpoints/${String(made.body['id'])}`);
    expect((await request('DELETE', '/v1/teams/owners')).status).toBe(204);
    expect((await request('DELETE', '/v1/teams/owners')).status).toBe(404);
  });
});
