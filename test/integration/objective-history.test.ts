import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Handlers } from '../../packages/posthorn/src/service/handler.ts';
import { localCall } from '../../packages/posthorn/src/library/local-api.ts';
import { parseRequest } from '../../packages/posthorn/src/contract/parse.ts';
import { type Answer, table } from '../../packages/posthorn/src/contract/table.ts';
import { sloHistoryService } from '../../packages/posthorn/src/service/slo-history.ts';
import { sloStatusService } from '../../packages/posthorn/src/service/slo-status.ts';
import { openPostgresStore } from '../../packages/posthorn/src/store/postgres/open.ts';
import { openSqliteStore } from '../../packages/posthorn/src/store/sqlite/open.ts';
import type { Settlement, Store } from '../../packages/posthorn/src/store/store.ts';
import { aClock } from '../manual-clock.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { settlementOf } from '../settlement.ts';
import { anEndpoint, anEvent, start } from '../support.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const now = start + 40 * day + 9 * hour + 30 * minute;

type Reads = Pick<Handlers, 'slos.status' | 'slos.history' | 'slos.minutes' | 'slos.spend'>;

/** What a call answers, checked against its contract. */
async function read<Id extends keyof Reads>(
  store: Store,
  id: Id,
  query: Record<string, string> = {},
): Promise<Answer<Id>> {
  const deps = { store, clock: { ...aClock(), now: () => now } };
  const services: Reads = { ...sloStatusService(deps), ...sloHistoryService(deps) };
  const input = parseRequest(table[id], { params: { name: 'payments' }, query, body: undefined });
  const answer = await (services[id] as (input: unknown, call: unknown) => Promise<unknown>)(
    input,
    localCall,
  );
  return table[id].answer.parse(JSON.parse(JSON.stringify(answer))) as Answer<Id>;
}

/** Deliveries of one endpoint that were accepted at these times before now, each with its fate. */
async function live(store: Store, endpointId: string): Promise<void> {
  const attempt = async (state: Settlement['state'], at: number, fields: Partial<Settlement> = {}) => {
    const { deliveries } = await store.write.claim({
      endpointId,
      shards: null,
      limit: 1,
      maxPayload: 1e9,
      now: at,
      leaseMs: minute,
      node: 'a',
    });
    await store.write.settle([settlementOf(deliveries[0]!, state, at, fields)]);
  };
  const accept = async (at: number, amountMinor = 100n) => {
    const event = anEvent({ type: 'payment.done', value: { amountMinor, currency: 'EUR' } });
    await store.write.accept([[event]], {
      now: at,
      node: 'a',
      leaseMs: minute,
      defaultRoom: 0,
      room: new Map(),
    });
  };
  for (let ago = 20; ago >= 0; ago--) {
    const at = now - ago * day - hour;
    for (let count = 0; count < 20; count++) {
      await accept(at);
      await attempt('delivered', at + 10);
    }
    // Days 12 to 10: the receiver failed. Day 3: we were late. Today: it fails again, in another way.
    if (ago >= 10 && ago <= 12) {
      await accept(at + minute, 5000n);
      await attempt('dead', at + minute, { errorClass: 'http_5xx' });
    }
    if (ago === 3) {
      await accept(at + minute);
      await attempt('delivered', at + hour, { late: true });
    }
    if (ago === 0) {
      await accept(at + minute, 7n);
      await attempt('dead', at + minute, { errorClass: 'timeout' });
    }
    while (await store.write.fold(at + 2 * hour));
  }
}

function describeHistory(name: string, open: () => Promise<Store>): void {
  describe(name, () => {
    let store: Store;
    const endpoint = anEndpoint({ id: 'ep_orders', owner: 'shop', createdAt: now - 20 * day - 2 * hour });
    beforeAll(async () => {
      store = await open();
      await store.write.createEndpoint(endpoint);
      await store.write.putDocument('slo', 'payments', {
        description: '',
        objective: 'delivered_within',
        target: 0.99,
        window_days: 30,
        event_types: ['payment.*'],
        endpoint_ids: [],
        producer: 'payments',
        consumer: 'shop',
      });
      await live(store, endpoint.id);
    });
    afterAll(async () => await store.close());

    test('the status, the end of the history, the minutes and what was spent come to the same', async () => {
      const status = await read(store, 'slos.status');
      const { sender, receiver } = status.sides;
      expect(status).toMatchObject({
        kept: false,
        total: 21 * 20 + 5,
        good: 21 * 20,
        window: { resolution: 'day', known_since: new Date(endpoint.createdAt).toISOString() },
      });
      expect(status.sentence).toMatch(
        /^Not kept: 98\.8% .* Only 20 days of 30 days have been counted so far\.$/,
      );
      expect([sender.bad, receiver.bad]).toEqual([1, 4]);
      const history = await read(store, 'slos.history');
      expect(history).toMatchObject({ due: status.total, budget: expect.closeTo(sender.budget) });
      for (const side of ['sender', 'receiver'] as const) {
        expect(history.points.at(-1)![side].budget_remaining).toBeCloseTo(
          status.sides[side].budget_remaining!,
        );
        expect(history.points.reduce((sum, point) => sum + point[side].bad, 0)).toBe(status.sides[side].bad);
        // Once spent it stays spent, over a window that everything is in.
        for (const [index, point] of history.points.slice(1).entries())
          expect(point[side].budget_remaining).toBeLessThanOrEqual(
            history.points[index]![side].budget_remaining!,
          );
      }
      expect(history.points[0]!.at).toBe(new Date(now - 20 * day - 9.5 * hour).toISOString());
      const counts = await read(store, 'slos.minutes');
      const sum = (of: 'due' | 'sender' | 'receiver') =>
        counts.segments
          .flatMap((segment) => segment[of])
          .reduce((total, [count = 0, times = 0]) => total + count * times, 0);
      expect([sum('due'), sum('sender'), sum('receiver')]).toEqual([status.total, 1, 4]);
      expect(counts.segments.map(({ step_s: step }) => step)).toEqual([86_400, 3600, 60]);
      expect(JSON.stringify(counts).length).toBeLessThan(200_000);
      const { items } = await read(store, 'slos.spend');
      expect(items.reduce((total, { bad }) => total + bad, 0)).toBe(5);
    });

    test('what spent it: by cause and days, its share of the budget, and what is known of its worth', async () => {
      const { items, budget, complete, rows_read: rows } = await read(store, 'slos.spend');
      expect([budget, complete, rows]).toEqual([expect.closeTo(4.25), true, 4]);
      expect(items).toMatchObject([
        {
          side: 'receiver',
          endpoint: { id: 'ep_orders', owner: 'shop' },
          cause: 'http_5xx',
          bad: 3,
          of_budget: expect.closeTo(3 / 4.25),
          worth: [{ currency: 'EUR', amount_minor: 15_000, events: 3 }],
          unknown_worth: 0,
        },
        { side: 'sender', cause: 'delayed', bad: 1, worth: [], unknown_worth: 1 },
        { side: 'receiver', cause: 'timeout', bad: 1, worth: [{ amount_minor: 7 }] },
      ]);
      expect(Date.parse(items[0]!.until) - Date.parse(items[0]!.since)).toBe(3 * day);
    });

    test('minutes of a part, and bounds that make no sense', async () => {
      const since = new Date(now - 3 * hour).toISOString();
      const some = await read(store, 'slos.minutes', { since });
      expect(some.segments.map(({ step_s: step }) => step)).toEqual([60]);
      const long = await read(store, 'slos.minutes', { since: new Date(now - 900 * day).toISOString() });
      expect(long.segments[0]!.step_s).toBe(86_400);
      await expect(read(store, 'slos.minutes', { since, until: since })).rejects.toMatchObject({
        code: 'invalid_request',
        errors: [{ path: '/since' }],
      });
    });
  });
}

describeHistory('an objective on the embedded store', () => openSqliteStore({ dataDir: ':memory:' }));

describe('PostgreSQL', () => {
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres.stop());
  describeHistory(
    'an objective',
    async () => (await openPostgresStore(await postgres.createMigrated())).store,
  );
});
