import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../packages/posthorn/src/cli/demo/receivers.ts';
import { reconcile } from '../../packages/posthorn/src/ledger/reconciler.ts';
import { openPostgresStore } from '../../packages/posthorn/src/store/postgres/open.ts';
import { openSqliteStore } from '../../packages/posthorn/src/store/sqlite/open.ts';
import type { Store } from '../../packages/posthorn/src/store/store.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { aReceiver, tempDir, until } from '../support.ts';
import { endNode, type Node, nodeClient, startNode } from './nemesis.ts';

// A request with more deliveries than one transaction may have, and SIGKILL between the steps that create them.

const [enabled, paused, events] = [25, 175, 200];
const deliveries = (enabled + paused) * events;

interface Accounting {
  readonly accepted: number;
  readonly delivered: number;
  readonly suppressed: number;
  readonly unaccounted: number;
}

interface Place {
  /** Starts a node; the second one is another node of the same store, where there can be one. */
  start(name: string): Promise<Node>;
  open(): Promise<Store>;
}

const accounting = (node: Node) => nodeClient(node).request<Accounting>('GET', '/v1/accounting?tenant=big');

/** Endpoints, and a request that was acknowledged; its id is in every one of its events. */
async function publishBig(node: Node, url: string): Promise<Record<string, unknown>[]> {
  const client = nodeClient(node);
  await Promise.all(
    Array.from({ length: enabled + paused }, (_, n) =>
      client.request('POST', '/v1/endpoints', {
        tenant: 'big',
        url: `${url}/${n}`,
        enabled: n < enabled,
      }),
    ),
  );
  const list = Array.from({ length: events }, (_, n) => ({
    id: `e${n}`,
    tenant: 'big',
    type: 'a.b',
    data: n,
  }));
  await client.request('POST', '/v1/events/batch', { events: list });
  return list;
}

function describeKills(name: string, place: () => Promise<Place>): void {
  test(`G1, G2, G6: on ${name}, no kill between two steps of a fan-out loses any of it`, async () => {
    const { start, open } = await place();
    const arrived = new Set<string>();
    const receiver = await aReceiver(({ path, headers }, response) => {
      arrived.add(`${path} ${headers['webhook-id'] as string}`);
      response.end('ok');
    });
    let node = await start('a');
    try {
      const list = await publishBig(node, receiver.url.replace(/\/$/, ''));
      let interrupted = 0;
      // The first kill comes with the receipt, the others later in the fan-out.
      for (let kills = 0; kills < 4; kills++) {
        const { accepted, unaccounted } =
          kills === 0 ? { accepted: 0, unaccounted: 0 } : await accounting(node);
        expect(unaccounted).toBe(0);
        if (accepted < deliveries) interrupted++;
        await endNode(node, 'SIGKILL');
        node = await start('a');
      }
      expect(interrupted).toBeGreaterThan(0);
      // The same request again, in the middle of it or after: the same receipts.
      const again = await nodeClient(node).request<{
        accepted: { deliveries: number; duplicate: boolean }[];
      }>('POST', '/v1/events/batch', { events: list });
      const receipt = { deliveries: enabled + paused, suppressed: paused, duplicate: true };
      for (const one of again.accepted) expect(one).toMatchObject(receipt);
      await until('all of it is created', async () => {
        const { accepted, unaccounted } = await accounting(node);
        expect(unaccounted).toBe(0);
        return accepted === deliveries;
      });
      await until('all of it has arrived', () => arrived.size === enabled * events);
      await until(
        'all of it is settled',
        async () => (await accounting(node)).delivered === enabled * events,
      );
      expect(await accounting(node)).toMatchObject({ accepted: deliveries, suppressed: paused * events });
    } finally {
      await endNode(node, 'SIGKILL');
      await receiver.close();
    }
    const store = await open();
    const { balanced, fanOuts } = await reconcile(store.read, { everyRow: true });
    expect({ balanced, fanOuts }).toEqual({
      balanced: true,
      fanOuts: { planned: deliveries, made: deliveries, remaining: 0, underWay: [] },
    });
    await store.close();
  });
}

describeKills('SQLite', async () => {
  const dataDir = tempDir();
  const port = await freePort();
  return {
    start: (name) => startNode(name, port, '', { databaseUrl: undefined, dataDir }),
    open: () => openSqliteStore({ dataDir }),
  };
});

describe('on PostgreSQL', () => {
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(async () => {
    await postgres.stop();
  });

  describeKills('PostgreSQL', async () => {
    const databaseUrl = await postgres.createDatabase();
    const port = await freePort();
    return {
      start: (name) => startNode(name, port, databaseUrl),
      open: async () => (await openPostgresStore(databaseUrl)).store,
    };
  });

  test('G2: another node goes on with the fan-out of one that died', async () => {
    const databaseUrl = await postgres.createDatabase();
    const receiver = await aReceiver();
    const first = await startNode('a', await freePort(), databaseUrl);
    const other = await startNode('b', await freePort(), databaseUrl);
    try {
      await publishBig(first, receiver.url.replace(/\/$/, ''));
      await endNode(first, 'SIGKILL');
      await until('the other node has created all of it', async () => {
        const { accepted, unaccounted } = await accounting(other);
        expect(unaccounted).toBe(0);
        return accepted === deliveries;
      });
      await until(
        'all of it is delivered',
        async () => (await accounting(other)).delivered === enabled * events,
      );
    } finally {
      await endNode(first, 'SIGKILL');
      await endNode(other, 'SIGKILL');
      await receiver.close();
    }
  });
});
