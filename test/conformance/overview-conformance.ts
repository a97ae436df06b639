import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { OverviewQuery } from '../../packages/posthorn/src/store/overview.ts';
import type { AcceptOptions, Settlement, Store } from '../../packages/posthorn/src/store/store.ts';
import { settlementOf } from '../settlement.ts';
import { anEndpoint, anEvent, start } from '../support.ts';

const minute = 60_000;
const hour = 60 * minute;
const noRoom: AcceptOptions = { now: start, node: 'a', leaseMs: 30_000, defaultRoom: 0, room: new Map() };
const euros = (amountMinor: bigint) => ({ amountMinor, currency: 'EUR' });

/** The small sums behind the overview: what every adapter must answer alike. */
export function describeOverview(name: string, open: () => Promise<Store>): void {
  describe(name, () => {
    let store: Store;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(async () => {
      await store.close();
    });

    const publish = async (fields: Parameters<typeof anEvent>[0], at: number) =>
      await store.write.accept([[anEvent(fields)]], { ...noRoom, now: at });
    const settle = async (endpointId: string, state: Settlement['state'], at: number): Promise<void> => {
      const { deliveries } = await store.write.claim({
        endpointId,
        shards: null,
        limit: 1,
        maxPayload: 1e9,
        now: at,
        leaseMs: minute,
        node: 'a',
      });
      await store.write.settle([settlementOf(deliveries[0]!, state, at)]);
    };
    const query = (fields: Partial<OverviewQuery> = {}): OverviewQuery => ({
      endpointIds: null,
      since: null,
      until: null,
      now: start + 3 * hour,
      ...fields,
    });
    const sorted = <T>(list: readonly T[], of: (one: T) => unknown): unknown[] =>
      list.map(of).toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));

    test('worth by endpoint and currency, in a window and in a scope', async () => {
      const live = anEndpoint();
      const off = anEndpoint({ enabled: false, tenant: 'other' });
      for (const endpoint of [live, off]) await store.write.createEndpoint(endpoint);
      await publish({ value: euros(500n) }, start);
      await publish({ value: null }, start + 2 * hour);
      await publish({ value: euros(70n), tenant: 'other' }, start);
      await settle(live.id, 'dead', start + 2 * hour + 1);
      await settle(live.id, 'dead', start + 2 * hour + 2);
      const worth = async (fields: Partial<OverviewQuery> = {}) =>
        sorted(await store.read.worth(query(fields)), ({ endpointId, currency, dead, suppressed }) => [
          endpointId === live.id ? 'live' : 'off',
          currency,
          dead.count,
          Number(dead.amountMinor),
          suppressed.count,
          Number(suppressed.amountMinor),
        ]);
      const all = [
        ['live', 'EUR', 1, 500, 0, 0],
        ['live', null, 1, 0, 0, 0],
        ['off', 'EUR', 0, 0, 1, 70],
      ];
      expect(await worth()).toEqual(all);
      expect(await worth({ since: start + hour, until: start + 3 * hour })).toEqual([all[1]]);
      expect(await worth({ tenants: ['other'] })).toEqual([all[2]]);
      expect(await worth({ exceptTenant: 'other' })).toEqual(all.slice(0, 2));
      expect(await worth({ endpointIds: [off.id] })).toEqual([all[2]]);
    });

    test('what is pending and late, with its worth, as far as it is read', async () => {
      const quick = anEndpoint({ deliverWithinMs: minute, eventTypes: ['quick'] });
      const slow = anEndpoint({ deliverWithinMs: 24 * hour, eventTypes: ['slow'] });
      for (const endpoint of [quick, slow]) await store.write.createEndpoint(endpoint);
      await publish({ type: 'quick', value: euros(2n ** 40n) }, start);
      await publish({ type: 'quick', value: euros(5n) }, start + 2 * hour);
      await publish({ type: 'quick', value: null }, start + 2 * hour);
      await publish({ type: 'slow', value: euros(9n) }, start + 2 * hour);
      await publish({ type: 'slow', value: null }, start + 2 * hour);
      await publish({ type: 'slow', value: null }, start);
      await publish({ type: 'slow', value: null }, start);
      const read = async (fields: Partial<OverviewQuery>, maxRows = 100) => {
        const { parts, ...rest } = await store.read.pendingWorth(query(fields), maxRows);
        return {
          ...rest,
          parts: sorted(parts, (part) => [
            part.endpointId === quick.id ? 'quick' : 'slow',
            part.currency,
            part.isWithin,
            part.pending,
            part.late,
            Number(part.lateAmountMinor),
            part.oldestLateAt === null ? null : (part.oldestLateAt - start) / hour,
            part.overdue,
          ]),
        };
      };
      const recent = { since: start + hour, until: start + 4 * hour };
      expect(await read(recent)).toEqual({
        read: 7,
        isComplete: true,
        parts: [
          ['quick', 'EUR', false, 1, 1, 2 ** 40, 0, 1],
          ['quick', 'EUR', true, 1, 1, 5, 2, 1],
          ['quick', null, true, 1, 1, 0, 2, 1],
          ['slow', null, false, 2, 0, 0, null, 2],
          // Two in one group are within the window as one is.
          ['slow', null, true, 2, 0, 0, null, 2],
        ],
      });
      expect(await read({ ...recent, endpointIds: [slow.id] })).toEqual({
        read: 4,
        isComplete: true,
        parts: [
          ['slow', null, false, 2, 0, 0, null, 2],
          ['slow', null, true, 2, 0, 0, null, 2],
        ],
      });
      expect(await read({ tenants: ['absent'] })).toEqual({ read: 0, isComplete: true, parts: [] });
      expect(await read({}, 7)).toMatchObject({ read: 7, isComplete: true });
      expect(await read({}, 3)).toMatchObject({ read: 3, isComplete: false });
    });

    test('types that were published, taken or not, and those that no endpoint takes, the most events first', async () => {
      await store.write.createEndpoint(anEndpoint({ eventTypes: ['taken'] }));
      for (const type of ['taken', 'b', 'a', 'b']) await publish({ type }, start);
      await publish({ type: 'old' }, start - 5 * hour);
      const window = query({ since: start - hour, until: start + hour });
      expect(await store.read.unmatchedTypes(window, 9)).toEqual([
        { tenant: 'default', type: 'b', events: 2 },
        { tenant: 'default', type: 'a', events: 1 },
      ]);
      expect(await store.read.unmatchedTypes(window, 1)).toHaveLength(1);
      expect(await store.read.unmatchedTypes({ ...window, tenants: ['absent'] }, 9)).toEqual([]);
      expect(await store.read.publishedTypes(window, 9)).toEqual(['a', 'b', 'taken']);
      expect(await store.read.publishedTypes(window, 2)).toEqual(['a', 'b']);
      expect(await store.read.publishedTypes({ ...window, tenants: ['absent'] }, 9)).toEqual([]);
      expect(await store.read.publishedTypes({ ...window, since: null }, 9)).toContain('old');
    });
  });
}
