import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { citus, hasCitus } from '../citus.ts';
import { aReceiver, until } from '../support.ts';
import { runHere } from './run-here.ts';
import { serve } from './serving.ts';

// What a real Citus cluster does with the whole of Posthorn: two nodes, and an application that publishes in SQL.

if (!hasCitus)
  process.stderr.write(
    'Nodes on a real Citus cluster are not tested: POSTHORN_TEST_CITUS_URL is not set (see test/citus.ts).\n',
  );

/** A statement over all shards takes its time on a busy machine. */
const waitMs = 60_000;

interface Page {
  readonly items: readonly Record<string, unknown>[];
  readonly next_cursor: string | null;
}

describe.runIf(hasCitus)('two nodes on Citus', { timeout: 240_000 }, () => {
  let databaseUrl: string;
  let nodes: Awaited<ReturnType<typeof serve>>[] = [];
  let receiver: Awaited<ReturnType<typeof aReceiver>>;
  let application: pg.Client;
  let isDown = false;

  beforeAll(async () => {
    databaseUrl = await citus.createMigrated();
    receiver = await aReceiver((_, response) => response.writeHead(isDown ? 503 : 200).end());
    for (const nodeName of ['a', 'b']) nodes.push(await serve({ databaseUrl, nodeName }));
    application = new pg.Client({ connectionString: databaseUrl });
    await application.connect();
  }, 240_000);
  afterAll(async () => {
    await application.end();
    await Promise.all(nodes.map((node) => node.stop()));
    nodes = [];
    await receiver.close();
    await citus.stop();
  }, 240_000);

  const request = <T = Record<string, unknown>>(
    node: number,
    method: string,
    path: string,
    body?: object,
  ): Promise<T> => nodes[node]!.client.request<T>(method, path, body);
  const endpoint = async (node: number, tenant: string, fields: object = {}): Promise<string> => {
    const { id } = await request<{ id: string }>(node, 'POST', '/v1/endpoints', {
      url: receiver.url,
      tenant,
      retry: { schedule_s: [] },
      ...fields,
    });
    return id;
  };
  const counted = (node: number, tenant: string) => request(node, 'GET', `/v1/accounting?tenant=${tenant}`);

  test('an application publishes in its transaction: a rollback leaves nothing, a commit is delivered once', async () => {
    const tenant = 'shop';
    await endpoint(0, tenant);
    const publish = `SELECT posthorn.publish('${tenant}', 'payment.succeeded', '{"id":"pay_1"}', id => 'pay_1') AS receipt`;
    await application.query('BEGIN');
    await application.query(publish);
    await application.query('ROLLBACK');
    expect(await counted(1, tenant)).toMatchObject({ events: 0 });
    await application.query('BEGIN');
    await application.query(publish);
    await application.query('COMMIT');
    const { rows } = await application.query<{ receipt: object }>(publish);
    expect(rows[0]!.receipt).toMatchObject({ id: 'pay_1', duplicate: true });
    expect(
      await request(1, 'POST', '/v1/events', {
        tenant,
        id: 'pay_1',
        type: 'payment.succeeded',
        data: { id: 'pay_1' },
      }),
    ).toMatchObject({ id: 'pay_1', duplicate: true });
    await until('it is delivered', async () => (await counted(1, tenant))['delivered'] === 1, waitMs);
    expect(receiver.requests.filter(({ headers }) => headers['webhook-id'] === 'pay_1')).toHaveLength(1);
  });

  test('what one node changes counts on the other with the next event', async () => {
    const tenant = 'changes';
    const event = { tenant, type: 'order.created', data: {} };
    const id = await endpoint(0, tenant);
    expect(await request(1, 'POST', '/v1/events', event)).toMatchObject({ deliveries: 1, suppressed: 0 });
    await request(1, 'POST', `/v1/endpoints/${id}/pause`);
    expect(await request(0, 'POST', '/v1/events', event)).toMatchObject({ deliveries: 1, suppressed: 1 });
    await request(0, 'DELETE', `/v1/endpoints/${id}`);
    expect(await request(1, 'POST', '/v1/events', event)).toMatchObject({ deliveries: 0, unmatched: true });
  });

  test('lists, search, groups of dead letters, figures and a bulk redrive are the same on both', async () => {
    const tenant = 'letters';
    const ids = Array.from({ length: 120 }, (_, n) => `letter_${n}`);
    isDown = true;
    const id = await endpoint(0, tenant);
    await request(1, 'POST', '/v1/events/batch', {
      events: ids.map((of) => ({ tenant, id: of, type: 'payment.failed', data: { of } })),
    });
    await until('all are dead', async () => (await counted(0, tenant))['dead'] === ids.length, waitMs);
    for (const node of [0, 1]) {
      const found: unknown[] = [];
      for (let cursor: string | null = ''; cursor !== null;) {
        const page: Page = await request<Page>(
          node,
          'GET',
          `/v1/deliveries?tenant=${tenant}&state=dead&limit=50${cursor === '' ? '' : `&cursor=${cursor}`}`,
        );
        found.push(...page.items.map((item) => item['event_id']));
        cursor = page.next_cursor;
      }
      expect(found.toSorted()).toEqual(ids.toSorted());
      expect(JSON.stringify(await request(node, 'GET', '/v1/search?q=letter_77'))).toContain('letter_77');
      expect((await request<Page>(node, 'GET', `/v1/dead-letters?tenant=${tenant}`)).items).toMatchObject([
        { endpoint_id: id, error_class: 'http_5xx', count: ids.length },
      ]);
      for (const path of [
        `/v1/endpoints/${id}/health`,
        `/v1/series?tenant=${tenant}`,
        `/v1/now?tenant=${tenant}`,
        `/v1/attempts?endpoint_id=${id}`,
        '/v1/audit-log',
        '/v1/nodes',
      ])
        expect({ path, answer: await request(node, 'GET', path) }).toMatchObject({
          answer: expect.anything(),
        });
    }
    isDown = false;
    await request(1, 'POST', '/v1/redrives', { filter: { endpoint_id: id }, rate_per_s: 500 });
    await until(
      'all are delivered',
      async () => (await counted(0, tenant))['delivered'] === ids.length,
      waitMs,
    );
    expect(await counted(1, tenant)).toMatchObject({ events: ids.length, dead: 0, pending: 0 });
  });

  test('G6: verify finds each delivery in one state, and the audit log whole', async () => {
    const { code, out, err } = await runHere('verify', '--database-url', databaseUrl, '--json');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(JSON.parse(out)).toMatchObject({ unaccounted: 0, audit_log: { intact: true } });
  });
});
