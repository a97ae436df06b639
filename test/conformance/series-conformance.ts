import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { everything } from '../../packages/posthorn/src/store/accounting.ts';
import type { SeriesQuery } from '../../packages/posthorn/src/store/series.ts';
import type { AcceptOptions, Settlement, Store } from '../../packages/posthorn/src/store/store.ts';
import { settlementOf } from '../settlement.ts';
import { anEndpoint, anEvent, start } from '../support.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const noRoom: AcceptOptions = { now: start, node: 'a', leaseMs: 30_000, defaultRoom: 0, room: new Map() };
const midnight = Math.floor(start / day) * day;

/** Counters by time: what every adapter must answer alike. */
export function describeSeries(name: string, open: () => Promise<Store>): void {
  describe(name, () => {
    let store: Store;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(async () => {
      await store.close();
    });

    const publish = async (type: string, at: number) =>
      await store.write.accept([[anEvent({ type })]], { ...noRoom, now: at });
    const attempt = async (
      endpointId: string,
      state: Settlement['state'],
      at: number,
      fields: Partial<Settlement> = {},
    ): Promise<void> => {
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
    };
    const query = (fields: Partial<SeriesQuery>): SeriesQuery => ({
      ...everything,
      since: midnight,
      until: midnight + day,
      now: midnight + day,
      step: 'hour',
      by: 'none',
      maxSeries: 10,
      ...fields,
    });
    /** Two endpoints of two teams, each with an event of the first hour and one of the second. */
    const filled = async () => {
      const shop = anEndpoint({ owner: 'shop', deliverWithinMs: minute });
      const data = anEndpoint({ owner: null, deliverWithinMs: hour, eventTypes: ['payment.*'] });
      for (const endpoint of [shop, data]) await store.write.createEndpoint(endpoint);
      await publish('payment.succeeded', midnight + minute);
      await publish('order.made', midnight + hour + minute);
      await attempt(shop.id, 'pending', midnight + 2 * minute);
      await attempt(shop.id, 'delivered', midnight + 5 * minute, { late: true });
      await attempt(shop.id, 'dead', midnight + hour + 2 * minute, { errorClass: 'timeout' });
      await attempt(data.id, 'delivered', midnight + 2 * minute);
      return { shop: shop.id, data: data.id };
    };
    const counts = async (fields: Partial<SeriesQuery>) => {
      const { keys, others, rows } = await store.read.countSeries(query(fields));
      return {
        keys,
        others,
        rows: rows
          .map((row) => [
            row.isOthers ? 'others' : row.key,
            (row.at - midnight) / minute,
            row.deliverWithinMs / minute,
            row.accepted,
            row.delivered,
            row.late,
            row.dead,
          ])
          .toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b))),
      };
    };

    test('G4: counts by time, by the deadline of the endpoints, in every step', async () => {
      await filled();
      const rows = [
        [null, 0, 1, 1, 1, 1, 0],
        [null, 0, 60, 1, 1, 0, 0],
        [null, 60, 1, 1, 0, 0, 1],
      ];
      expect(await counts({})).toEqual({ keys: [null], others: 0, rows });
      expect((await counts({ step: 'minute' })).rows.map(([, at]) => at)).toEqual([1, 1, 61]);
      expect((await counts({ step: 'day' })).rows).toEqual([
        [null, 0, 1, 2, 1, 1, 1],
        [null, 0, 60, 1, 1, 0, 0],
      ]);
      expect(await counts({ since: midnight + hour })).toMatchObject({ rows: rows.slice(2) });
      expect(await counts({ until: midnight + hour })).toMatchObject({ rows: rows.slice(0, 2) });
      expect(await counts({ tenants: ['absent'] })).toEqual({ keys: [null], others: 0, rows: [] });
      expect(await counts({ eventTypes: ['order.*'] })).toMatchObject({ rows: [[null, 60, 1, 1, 0, 0, 1]] });
    });

    test('by endpoint, team and type; if there are too many, the smaller ones are one', async () => {
      const { shop, data } = await filled();
      expect(await counts({ by: 'endpoint', step: 'day' })).toEqual({
        keys: [shop, data],
        others: 0,
        rows: [
          [shop, 0, 1, 2, 1, 1, 1],
          [data, 0, 60, 1, 1, 0, 0],
        ].toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b))),
      });
      expect(await counts({ by: 'owner', step: 'day' })).toMatchObject({ keys: ['shop', null] });
      expect(await counts({ by: 'event_type', step: 'day', maxSeries: 5 })).toEqual({
        keys: ['payment.succeeded', 'order.made'],
        others: 0,
        rows: [
          ['order.made', 0, 1, 1, 0, 0, 1],
          ['payment.succeeded', 0, 1, 1, 1, 1, 0],
          ['payment.succeeded', 0, 60, 1, 1, 0, 0],
        ],
      });
      const third = anEndpoint({ owner: 'crm' });
      await store.write.createEndpoint(third);
      expect(await counts({ by: 'endpoint', step: 'day', maxSeries: 2 })).toEqual({
        keys: [shop],
        others: 2,
        rows: [
          [shop, 0, 1, 2, 1, 1, 1],
          ['others', 0, 60, 1, 1, 0, 0],
        ].toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b))),
      });
      expect(await counts({ by: 'event_type', step: 'day', maxSeries: 1 })).toMatchObject({
        keys: [],
        others: 2,
        rows: [
          ['others', 0, 1, 2, 1, 1, 1],
          ['others', 0, 60, 1, 1, 0, 0],
        ],
      });
    });

    test('types that are too many for a series each are added up by time and deadline', async () => {
      await filled();
      await publish('order.paid', midnight + 90 * minute);
      await publish('order.refunded', midnight + 91 * minute);
      const types = await counts({ by: 'event_type', maxSeries: 2, until: midnight + 2 * hour });
      expect(types).toEqual({
        keys: ['payment.succeeded'],
        others: 3,
        rows: [
          ['others', 60, 1, 3, 0, 0, 1],
          ['payment.succeeded', 0, 1, 1, 1, 1, 0],
          ['payment.succeeded', 0, 60, 1, 1, 0, 0],
        ].toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b))),
      });
      expect(await counts({ by: 'event_type', maxSeries: 4, until: midnight + 2 * hour })).toMatchObject({
        others: 0,
      });
    });

    test('failures by class, and histograms of latency by hour and by day, before and after they are folded', async () => {
      const { shop, data } = await filled();
      const failures = await store.read.failureSeries(query({ by: 'error_class', step: 'day' }));
      expect(failures.rows.map(({ key, errorClass, count }) => [key, errorClass, count]).toSorted()).toEqual([
        ['http_5xx', 'http_5xx', 1],
        ['timeout', 'timeout', 1],
      ]);
      expect((await store.read.failureSeries(query({}))).rows).toMatchObject([
        { at: midnight, errorClass: null, count: 1 },
        { at: midnight + hour, count: 1 },
      ]);
      const latency = async (fields: Partial<SeriesQuery>) => {
        const { rows } = await store.read.latencySeries(query(fields));
        return rows
          .map(({ key, at, count, bucket }) => [key, (at - midnight) / hour, count, bucket])
          .toSorted((a, b) => Number(a[3]) - Number(b[3]));
      };
      const hours = await latency({ by: 'endpoint' });
      expect(hours.map((row) => row.slice(0, 3))).toEqual([
        [data, 0, 1],
        [shop, 0, 1],
      ]);
      const later = { now: midnight + 12 * day };
      while (await store.write.fold(later.now)) {
        // Until everything is folded that is old enough.
      }
      expect(await latency({ by: 'endpoint', step: 'day', ...later })).toEqual(hours);
      expect((await counts({ step: 'day', ...later })).rows).toEqual([
        [null, 0, 1, 2, 1, 1, 1],
        [null, 0, 60, 1, 1, 0, 0],
      ]);
    });
  });
}
