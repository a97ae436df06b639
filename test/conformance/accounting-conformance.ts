import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AccountingQuery } from '../../packages/posthorn/src/store/accounting.ts';
import type { AcceptOptions, Settlement, Store } from '../../packages/posthorn/src/store/store.ts';
import { anEndpoint, anEvent, start } from '../support.ts';
import { settlementOf } from '../settlement.ts';
import { everything as unbounded } from '../../packages/posthorn/src/store/accounting.ts';

const minute = 60_000;
const hour = 60 * minute;
const noRoom: AcceptOptions = { now: start, node: 'a', leaseMs: 30_000, defaultRoom: 0, room: new Map() };
const everything: AccountingQuery = { ...unbounded, now: start };
const counters = ['accepted', 'delivered', 'dead', 'cancelled', 'suppressed', 'late'] as const;

/** Counters by endpoint, type, team and time: what every adapter must answer alike. */
export function describeAccounting(name: string, open: () => Promise<Store>): void {
  describe(name, () => {
    let store: Store;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(async () => {
      await store.close();
    });

    const publish = async (
      type: string,
      at: number,
      value: { amountMinor: bigint; currency: string } | null = null,
    ) => await store.write.accept([[anEvent({ type, value })]], { ...noRoom, now: at });
    const attempt = async (
      endpointId: string,
      state: Settlement['state'],
      at: number,
      fields: Partial<Settlement> = {},
    ): Promise<number> => {
      const { deliveries } = await store.write.claim({
        endpointId,
        shards: null,
        limit: 1,
        maxPayload: 1e9,
        now: at,
        leaseMs: 60_000,
        node: 'a',
      });
      await store.write.settle([settlementOf(deliveries[0]!, state, at, fields)]);
      return deliveries[0]!.number;
    };

    test('G4: by endpoint, type, team, tenant and time, and every way of adding it up comes to the same', async () => {
      const paid = anEndpoint({ owner: 'checkout', eventTypes: ['payment.*'] });
      const all = anEndpoint({ owner: 'data' });
      const off = anEndpoint({ enabled: false });
      for (const endpoint of [paid, all, off]) await store.write.createEndpoint(endpoint);
      await publish('payment.succeeded', start, { amountMinor: 500n, currency: 'EUR' });
      await publish('payment.failed', start + hour);
      await publish('order.made', start + 25 * hour);
      await attempt(paid.id, 'pending', start + 1);
      await attempt(paid.id, 'delivered', start + 6000);
      await attempt(paid.id, 'dead', start + hour + 10);
      await attempt(all.id, 'delivered', start + 20, { late: true });
      const cancelled = (
        await store.read.deliveries({ endpointIds: [all.id] }, { after: null, limit: 9 })
      )[0]!;
      expect(await store.write.cancelDelivery(cancelled.number, 'no need', start + 26 * hour)).toMatchObject({
        result: 'done',
      });

      const totals = await store.read.accounting({ ...everything, now: start + 26 * hour });
      expect(totals).toMatchObject({
        events: 3,
        accepted: 8,
        delivered: 2,
        dead: 1,
        cancelled: 1,
        suppressed: 3,
        pending: 1,
        firstAttempts: 3,
        firstAttemptDelivered: 1,
        failures: [{ errorClass: 'http_5xx', count: 2 }],
        // One event, suppressed at one endpoint: its money is counted once.
        valueAtRisk: [{ currency: 'EUR', amountMinor: 500n, events: 1 }],
      });
      for (const by of ['endpoint', 'event_type', 'owner', 'tenant', 'hour', 'day'] as const) {
        const groups = await store.read.accountingBy(everything, by);
        for (const counter of counters.slice(0, 5))
          expect(
            groups.reduce((sum, group) => sum + group[counter], 0),
            `${counter} by ${by}`,
          ).toBe(totals[counter]);
      }
      const of = async (query: Partial<AccountingQuery>) => {
        const { accepted, delivered, dead, suppressed, events, pending } = await store.read.accounting({
          ...everything,
          ...query,
          now: start + 26 * hour,
        });
        return { accepted, delivered, dead, suppressed, events, pending };
      };
      expect(await of({ eventTypes: ['payment.*'] })).toEqual({
        accepted: 6,
        delivered: 2,
        dead: 1,
        suppressed: 2,
        events: 2,
        pending: 1,
      });
      expect(await of({ eventTypes: ['payment.failed'] })).toMatchObject({ accepted: 3, dead: 1, events: 1 });
      expect(await of({ eventTypes: ['payment'] })).toMatchObject({ accepted: 0, events: 0 });
      expect(await of({ owners: ['checkout'] })).toMatchObject({ accepted: 2, delivered: 1, dead: 1 });
      expect(await of({ since: start + hour, until: start + 2 * hour })).toMatchObject({
        accepted: 3,
        dead: 1,
      });
      expect(
        await store.read.accountingBy({ ...everything, eventTypes: ['payment.*'] }, 'hour'),
      ).toMatchObject([
        { key: Math.floor(start / hour) * hour, accepted: 3, delivered: 2, late: 1 },
        { key: Math.floor(start / hour) * hour + hour, accepted: 3, dead: 1 },
      ]);
      expect((await store.read.accountingBy(everything, 'owner')).map(({ key }) => key)).toEqual(
        expect.arrayContaining(['checkout', 'data', null]),
      );
    });

    test('G4: a redrive takes its delivery out of the counters that it leaves, by type too', async () => {
      const endpoint = anEndpoint();
      await store.write.createEndpoint(endpoint);
      await publish('payment.succeeded', start);
      const number = await attempt(endpoint.id, 'dead', start + 1);
      expect(await store.write.redriveDelivery(number, start + minute)).toMatchObject({ result: 'done' });
      await attempt(endpoint.id, 'delivered', start + minute);
      expect(await store.read.accountingBy(everything, 'event_type')).toMatchObject([
        { key: 'payment.succeeded', accepted: 1, delivered: 1, dead: 0 },
      ]);
      await store.write.replayEvent(
        'default',
        (await store.read.delivery(number))!.eventId,
        null,
        start + 2 * minute,
      );
      expect(await store.read.accountingBy(everything, 'event_type')).toMatchObject([
        { key: 'payment.succeeded', accepted: 2, delivered: 1 },
      ]);
    });

    test('counters by the minute, and by the hour once they are a day old, with the same sums', async () => {
      const endpoint = anEndpoint();
      await store.write.createEndpoint(endpoint);
      const from = Math.floor(start / hour) * hour;
      await publish('a.c', from);
      await attempt(endpoint.id, 'pending', from + 10);
      await attempt(endpoint.id, 'delivered', from + 10 * minute);
      for (const at of [0, 1, 59, 60, 61]) await publish('a.b', from + at * minute);
      const range = (since: number, until: number) => ({
        endpointId: endpoint.id,
        since: from + since * minute,
        until: from + until * minute,
      });
      const ranges = [range(0, 2), range(1, 60), range(60, 120), range(0, 120), range(500, 600)];
      const before = await store.read.counters(ranges);
      const accepted = (types: typeof before): number[] =>
        types.map((list) => list.reduce((sum, { accepted }) => sum + accepted, 0));
      expect(accepted(before)).toEqual([3, 2, 2, 6, 0]);
      expect(before[3]!.map(({ eventType }) => eventType).toSorted()).toEqual(['a.b', 'a.c']);
      expect(before[3]!.reduce((sum, { recovered }) => sum + recovered, 0)).toBe(1);
      const everyHour = { ...everything, now: from + 2 * hour };
      const counted = await store.read.accounting(everyHour);
      while (await store.write.fold(from + 40 * hour));
      const after = await store.read.counters(ranges);
      expect(accepted(after)).toEqual([4, 0, 2, 6, 0]);
      expect(after[3]).toEqual(expect.arrayContaining([...before[3]!]));
      expect(await store.read.accounting(everyHour)).toEqual(counted);
      // By the day at last, and what happens to an old delivery later is folded into it too.
      while (await store.write.fold(from + 20 * 24 * hour));
      await attempt(endpoint.id, 'delivered', from + 21 * 24 * hour);
      while (await store.write.fold(from + 22 * 24 * hour));
      expect(
        (await store.read.accountingBy(everything, 'event_type')).map(({ accepted }) => accepted),
      ).toEqual([5, 1]);
      const later = await store.read.accounting({
        ...everyHour,
        since: from + hour,
        now: from + 22 * 24 * hour,
      });
      expect(later).toMatchObject({ accepted: 6, delivered: 2, events: 6 });
      expect(later.latency.reduce((sum, { count }) => sum + count, 0)).toBe(2);
      const [other] = await store.read.counters([{ ...range(0, 120), endpointId: 'ep_absent' }]);
      expect(other).toEqual([]);
    });

    test('overdue: what came due and was not claimed, and whether its endpoint is being worked on', async () => {
      const endpoint = anEndpoint({ owner: 'checkout' });
      const paused = anEndpoint({ eventTypes: ['x'] });
      await store.write.createEndpoint(endpoint);
      await store.write.createEndpoint(paused);
      await publish('x', start);
      await publish('y', start + minute);
      await store.write.updateEndpoint(paused.id, { enabled: false, updatedAt: start });
      expect(await store.read.overdue(start)).toEqual([]);
      const group = {
        endpointId: endpoint.id,
        owner: 'checkout',
        count: 2,
        oldestDueAt: start,
        claimed: 0,
        throttledUntil: null,
      };
      expect(await store.read.overdue(start + 2 * minute)).toEqual([group]);
      await store.write.claim({
        endpointId: endpoint.id,
        shards: null,
        limit: 1,
        maxPayload: 1e9,
        now: start + 2 * minute,
        leaseMs: minute,
        node: 'a',
      });
      // One of the two, whichever was claimed, is still waiting.
      expect(await store.read.overdue(start + 2 * minute)).toMatchObject([
        { endpointId: endpoint.id, count: 1, claimed: 1 },
      ]);
    });

    test('overdue: what a throttled endpoint puts off too, which would else be due only later', async () => {
      const endpoint = anEndpoint();
      await store.write.createEndpoint(endpoint);
      await publish('x', start);
      const at = { endpointId: endpoint.id, now: start, shards: null, limit: 1, maxPayload: 1, node: 'a' };
      const [claimed] = (await store.write.claim({ ...at, leaseMs: minute })).deliveries;
      await store.write.settle([settlementOf(claimed!, 'pending', start, { dueAt: start + 50 * minute })]);
      const later = start + 10 * minute;
      expect(await store.read.overdue(later)).toEqual([]);
      const until = start + 50 * minute;
      await store.write.saveThrottles([{ endpointId: endpoint.id, url: endpoint.url, until, at: start }]);
      expect(await store.read.overdue(later)).toMatchObject([
        { endpointId: endpoint.id, count: 1, oldestDueAt: start, claimed: 0, throttledUntil: until },
      ]);
      expect(await store.read.overdue(start)).toEqual([]);
      await store.write.clearThrottle(endpoint.id, later);
      expect(await store.read.overdue(later)).toEqual([]);
    });
  });
}
