import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../../packages/posthorn/src/cli/demo/receivers.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { aReceiver, until } from '../support.ts';
import { endNode, nodeClient, startNode } from './nemesis.ts';

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres.stop();
});

interface Alerts {
  readonly items: readonly { readonly id: string; readonly rule: string; readonly since: string }[];
}

test("the evaluator's process is killed while an alert fires: another takes over, without a duplicate notification", async () => {
  const databaseUrl = await postgres.createDatabase();
  const often = { reconcileEveryS: 1, evaluateEveryS: 1 };
  const nodes = [
    await startNode('a', await freePort(), databaseUrl, often),
    await startNode('b', await freePort(), databaseUrl, often),
  ];
  const channel = await aReceiver();
  const db = new pg.Client({ connectionString: databaseUrl });
  await db.connect();
  /** The notifications of the channel, each once: a kill may repeat a delivery, with the same id. */
  const notified = (): string[] => [
    ...new Map(
      channel.requests
        .filter(({ path }) => path === '/hook')
        .map(({ headers, body }) => {
          const { alert } = JSON.parse(body.toString()) as { alert: { rule: string; state: string } };
          return [headers['webhook-id'], `${alert.rule} ${alert.state}`];
        }),
    ).values(),
  ];
  try {
    const any = nodeClient(nodes[0]!);
    await any.request('PUT', '/v1/channels/ops', { kind: 'webhook', url: channel.url });
    await any.request('POST', '/v1/endpoints', {
      url: channel.url.replace('/hook', '/'),
      event_types: ['x'],
    });
    await any.request('POST', '/v1/events', { id: 'victim', type: 'x', data: { alert: {} } });
    // Once it is delivered nothing writes to its row any more.
    await until('it is delivered', async () => {
      const { delivered } = await any.request<{ delivered: number }>('GET', '/v1/accounting');
      return delivered === 1;
    });
    // Behind its back: the row is put aside, and later put back.
    await db.query(`CREATE TABLE public.aside AS SELECT d.* FROM posthorn.deliveries d
      JOIN posthorn.events e ON e.shard = d.shard AND e.number = d.event_number WHERE e.id = 'victim'`);
    await db.query(
      'DELETE FROM posthorn.deliveries d USING public.aside a WHERE d.shard = a.shard AND d.number = a.number',
    );
    await until('it fires and the channel is notified', () => notified().includes('unaccounted firing'));

    const { items: shards } = await any.request<{ items: { node: string; shards: number[] }[] }>(
      'GET',
      '/v1/nodes',
    );
    const evaluator = nodes.find(
      ({ name }) => name === shards.find((node) => node.shards.includes(0))!.node,
    )!;
    const other = nodes.find((node) => node !== evaluator)!;
    const [before] = (await nodeClient(other).request<Alerts>('GET', '/v1/alerts?state=firing')).items;
    await endNode(evaluator, 'SIGKILL');
    await until('the other owns the first shard', async () => {
      const { items } = await nodeClient(other).request<{ items: { node: string; shards: number[] }[] }>(
        'GET',
        '/v1/nodes',
      );
      return items.find(({ node }) => node === other.name)!.shards.includes(0);
    });
    // It has checked the ledger itself: its own heartbeat of the evaluator is in the store.
    const evaluatedAt = async (): Promise<number> => {
      const { rows } = await db.query<{ value: string }>(
        "SELECT value FROM posthorn.settings WHERE name = 'alerts_evaluated_at'",
      );
      return Number(rows[0]!.value);
    };
    const taken = await evaluatedAt();
    await until('it has evaluated several times', async () => (await evaluatedAt()) > taken + 4000);
    const [after] = (await nodeClient(other).request<Alerts>('GET', '/v1/alerts?state=firing')).items;
    expect(after).toMatchObject({ id: before!.id, since: before!.since });

    await db.query('INSERT INTO posthorn.deliveries SELECT * FROM public.aside');
    await until('it is resolved, and the channel is notified', () =>
      notified().includes('unaccounted resolved'),
    );
    expect(notified().filter((words) => words.startsWith('unaccounted'))).toEqual([
      'unaccounted firing',
      'unaccounted resolved',
    ]);
  } finally {
    await db.end();
    for (const node of nodes) await endNode(node, 'SIGKILL');
    await channel.close();
  }
});
