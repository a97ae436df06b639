import { hostname } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiError } from '../../packages/client/src/index.ts';
import { freePort } from '../../packages/posthorn/src/cli/demo/receivers.ts';
import { type Pair, startPair } from '../failover.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { openPostgresStore } from '../../packages/posthorn/src/store/postgres/open.ts';
import { aReceiver, until } from '../support.ts';
import { crashes, endNode, type Node, nodeClient, runNemesis, startNode } from './nemesis.ts';

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres.stop();
});

interface Attempts {
  readonly items: readonly { readonly id: string }[];
  readonly attempts: readonly { readonly n: number; readonly outcome: string; readonly node: string }[];
}

test('G3: a frozen node that wakes after its deliveries were taken over settles nothing', async () => {
  const databaseUrl = await postgres.createDatabase();
  const frozen = await startNode('frozen', await freePort(), databaseUrl);
  const other = await startNode('other', await freePort(), databaseUrl);
  // The first request of each event is answered late, while its sender is frozen.
  const held: (() => void)[] = [];
  const receiver = await aReceiver((request, response) => {
    if (request.headers['posthorn-attempt'] === '1') held.push(() => response.end('ok'));
    else response.end('ok');
  });
  try {
    await nodeClient(frozen).request('POST', '/v1/endpoints', { url: receiver.url, timeout_ms: 60_000 });
    const count = 5;
    await nodeClient(frozen).request('POST', '/v1/events/batch', {
      events: Array.from({ length: count }, (_, n) => ({ type: 'a.b', data: n })),
    });
    await until('all are in flight', () => held.length === count);
    frozen.process.kill('SIGSTOP');
    for (const answer of held.splice(0)) answer();
    await until('the other node has delivered them', async () => {
      const { delivered } = await nodeClient(other).request<{ delivered: number }>('GET', '/v1/accounting');
      return delivered === count;
    });
    frozen.process.kill('SIGCONT');
    await until('the late outcomes are logged', async () => {
      const { superseded_attempts: superseded } = await nodeClient(other).request<{
        superseded_attempts: number;
      }>('GET', '/v1/accounting');
      return superseded === count;
    });
    const { items } = await nodeClient(other).request<Attempts>('GET', '/v1/deliveries');
    for (const { id } of items) {
      const { attempts } = await nodeClient(other).request<Attempts>('GET', `/v1/deliveries/${id}`);
      expect(attempts).toMatchObject([
        { n: 1, outcome: 'superseded', node: 'frozen' },
        { n: 2, outcome: 'delivered', node: 'other' },
      ]);
    }
    expect(await nodeClient(other).request('GET', '/v1/accounting')).toMatchObject({
      delivered: count,
      pending: 0,
      unaccounted: 0,
    });
  } finally {
    await endNode(frozen, 'SIGKILL');
    await endNode(other, 'SIGKILL');
    await receiver.close();
  }
});

test('G2: two processes on a host have names of their own, and one that is killed recovers its claims under its own name', async () => {
  const databaseUrl = await postgres.createDatabase();
  const unnamed = async (): Promise<Node> =>
    await startNode('unnamed', await freePort(), databaseUrl, { nodeName: undefined });
  const nodes = [await unnamed(), await unnamed()];
  const names = async (): Promise<string[]> => {
    const { items } = await nodeClient(nodes[1]!).request<{ items: { node: string }[] }>('GET', '/v1/nodes');
    return items.map(({ node }) => node);
  };
  const held: unknown[] = [];
  let isKilled = false;
  const receiver = await aReceiver((_, response) => {
    if (isKilled) response.end('ok');
    else held.push(response);
  });
  try {
    const host = hostname();
    expect(await names()).toEqual([host, `${host}-2`]);
    // The leases last 90 s, longer than `until` waits.
    await nodeClient(nodes[0]!).request('POST', '/v1/endpoints', { url: receiver.url, timeout_ms: 60_000 });
    const count = 20;
    await nodeClient(nodes[0]!).request('POST', '/v1/events/batch', {
      events: Array.from({ length: count }, (_, n) => ({ type: 'a.b', data: n })),
    });
    await until('all are in flight', () => held.length === count);
    isKilled = true;
    await endNode(nodes[0]!, 'SIGKILL');
    nodes[0] = await unnamed();
    await until('all are delivered', async () => {
      const { delivered } = await nodeClient(nodes[1]!).request<{ delivered: number }>(
        'GET',
        '/v1/accounting',
      );
      return delivered === count;
    });
    expect(await names()).toEqual([host, `${host}-2`]);
  } finally {
    for (const node of nodes) await endNode(node, 'SIGKILL');
    await receiver.close();
  }
});

test('G1, G2, G3, G6: nodes killed, frozen and cut off, a database killed, clocks wrong: nothing is lost', async () => {
  const result = await runNemesis({ seconds: 12, seed: Date.now() % 1_000_000, maxFreezeMs: 10_000 });
  expect(result).toMatchObject({
    lost: [],
    unexpected: [],
    unexplained: [],
    unaccounted: 0,
    balanced: true,
    pending: 0,
    outOfOrder: 0,
    crashes: [],
  });
  expect(result.acknowledged).toBeGreaterThan(100);
  expect(Object.keys(result.injected)).toEqual(
    expect.arrayContaining(['kill node', 'freeze node', 'kill database', 'cut connections', 'shift clock']),
  );
});

describe('a primary with a synchronous standby', () => {
  let pair: Pair;
  beforeAll(async () => {
    pair = await startPair();
  });
  afterAll(() => pair.stop());

  test('G1, G2, G6: the primary is killed and the standby promoted, and back: nodes follow, nothing acknowledged is lost', async () => {
    const databaseUrl = await pair.createDatabase();
    const arrived = new Set<string>();
    const receiver = await aReceiver((request, response) => {
      arrived.add(String(request.headers['webhook-id']));
      response.end('ok');
    });
    const before = await openPostgresStore(databaseUrl);
    expect(before.failoverRisk).toBeUndefined();
    await before.store.close();
    const node = await startNode('one', await freePort(), databaseUrl);
    const client = nodeClient(node);
    const acknowledged = new Set<string>();
    let n = 0;
    const publish = async (): Promise<void> => {
      const events = Array.from({ length: 5 }, () => ({ type: 'a.b', id: `e${++n}`, data: n }));
      try {
        await client.request('POST', '/v1/events/batch', { events });
        for (const { id } of events) acknowledged.add(id);
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 503) throw error;
      }
    };
    const failOver = async (): Promise<void> => {
      const before = acknowledged.size;
      while (acknowledged.size < before + 50) await publish();
      // The last of these may be in flight, and some of what is acknowledged not yet delivered.
      const publishing = publish();
      await pair.kill();
      await publishing;
      await pair.promote();
      const promoted = acknowledged.size;
      await until('the node accepts again', async () => {
        await publish();
        return acknowledged.size > promoted;
      });
      await until('all that was acknowledged has arrived', () =>
        [...acknowledged].every((id) => arrived.has(id)),
      );
      await until('nothing is pending', async () => {
        const { pending } = await client.request<{ pending: number }>('GET', '/v1/accounting');
        return pending === 0;
      });
      expect(await client.request('GET', '/v1/accounting')).toMatchObject({ unaccounted: 0 });
    };
    try {
      await client.request('POST', '/v1/endpoints', { url: receiver.url });
      await failOver();
      // The former primary comes back as it was, first in the URL, and takes writes: it is on the older timeline.
      await pair.startFormer();
      const { store, failoverRisk } = await openPostgresStore(databaseUrl);
      expect(failoverRisk).toMatch(/no standby is synchronous, so a failover loses what was acknowledged/);
      expect(await store.read.event('default', [...acknowledged].at(-1)!)).not.toBeNull();
      await store.close();

      // And back: it becomes the standby of the new one, and takes over from it.
      await pair.rejoin();
      await failOver();
      expect(crashes).toEqual([]);
    } finally {
      await endNode(node, 'SIGKILL');
      await receiver.close();
    }
  });
});
