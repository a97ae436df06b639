import { expect, test } from 'vitest';
import { everything } from '../../../packages/posthorn/src/store/accounting.ts';
import { beginRedrive } from '../../../packages/posthorn/src/store/redrives.ts';
import type { DeliveryFilter, DeliveryRecord } from '../../../packages/posthorn/src/store/store.ts';
import { settlementOf } from '../../settlement.ts';
import { aRedrive, anEvent, start } from '../../support.ts';
import { noRoom, type Subject } from './subject.ts';

/** Lists and sums: by several values of a field, in both orders, and without a tenant. */
export function describeListing(subject: Subject): void {
  const { one, claim } = subject;
  const list = async (filter: DeliveryFilter, limit = 100): Promise<readonly DeliveryRecord[]> =>
    await subject.store.read.deliveries(filter, { after: null, limit });
  const eventsOf = async (filter: DeliveryFilter): Promise<string[]> =>
    (await list(filter)).map(({ eventId }) => eventId).toSorted();

  /** Tenants a, b and c with an endpoint each; b's is dead, c's is suppressed. */
  const three = async () => {
    const endpoints = [
      await one({ tenant: 'a', owner: 'red' }),
      await one({ tenant: 'b', owner: 'blue' }),
      await one({ tenant: 'c', enabled: false }),
    ] as const;
    for (const [at, tenant] of ['a', 'b', 'c'].entries())
      await subject.store.write.accept(
        [
          [
            anEvent({ id: `${tenant}1`, tenant, type: `pay_ment.${tenant}` }),
            anEvent({ id: `${tenant}2`, tenant, type: 'order.made' }),
          ],
        ],
        { ...noRoom, now: start + at },
      );
    const { deliveries } = await claim(endpoints[1].id, start + 10);
    await subject.store.write.settle(
      deliveries.map((delivery, n) =>
        settlementOf(delivery, 'dead', start + 11, { errorClass: n === 0 ? 'timeout' : 'http_5xx' }),
      ),
    );
    return { endpoints, timedOut: deliveries[0]!.eventId };
  };

  test('a filter takes one value or several of each field, and matches any of them', async () => {
    const { endpoints, timedOut } = await three();
    const [a, b, c] = endpoints.map(({ id }) => id) as [string, string, string];
    expect(await eventsOf({})).toEqual(['a1', 'a2', 'b1', 'b2', 'c1', 'c2']);
    expect(await eventsOf({ tenants: ['a'] })).toEqual(['a1', 'a2']);
    expect(await eventsOf({ tenants: ['a', 'c', 'absent'] })).toEqual(['a1', 'a2', 'c1', 'c2']);
    expect(await eventsOf({ endpointIds: [b] })).toEqual(['b1', 'b2']);
    expect(await eventsOf({ endpointIds: [b, c, 'ep_absent'] })).toEqual(['b1', 'b2', 'c1', 'c2']);
    expect(await eventsOf({ endpointIds: ['ep_absent'] })).toEqual([]);
    expect(await eventsOf({ eventIds: ['a1'] })).toEqual(['a1']);
    expect(await eventsOf({ eventIds: ['a1', 'b2', 'c'] })).toEqual(['a1', 'b2']);
    expect(await eventsOf({ eventIds: ['a1', 'b2'], tenants: ['b', 'c'] })).toEqual(['b2']);
    expect(await eventsOf({ eventTypes: ['pay_ment.a', 'pay_ment.c'] })).toEqual(['a1', 'c1']);
    expect(await eventsOf({ states: ['dead'] })).toEqual(['b1', 'b2']);
    expect(await eventsOf({ states: ['dead'], endpointIds: [b] })).toEqual(['b1', 'b2']);
    expect(await eventsOf({ states: ['suppressed', 'dead', 'delivered'] })).toEqual(['b1', 'b2', 'c1', 'c2']);
    expect(
      await eventsOf({ states: ['pending', 'dead'], endpointIds: [a, b], eventTypes: ['order.made'] }),
    ).toEqual(['a2', 'b2']);
    expect(await eventsOf({ errorClasses: ['timeout'] })).toEqual([timedOut]);
    expect(await eventsOf({ errorClasses: ['timeout', 'http_5xx'] })).toEqual(['b1', 'b2']);
    expect(await eventsOf({ since: start + 1, until: start + 2 })).toEqual(['b1', 'b2']);
    for (const nothing of [
      { tenants: [] },
      { endpointIds: [] },
      { eventIds: [] },
      { eventTypes: [] },
      { states: [] },
      { errorClasses: [] },
    ])
      expect(await eventsOf(nothing)).toEqual([]);
  });

  test('a redrive takes any of the values that its filter has for a field', async () => {
    const { endpoints } = await three();
    const [a, b, c] = endpoints.map(({ id }) => id) as [string, string, string];
    let jobs = 0;
    const matched = async (filter: DeliveryFilter): Promise<number> => {
      const job = await beginRedrive(subject.store, {
        id: `rdr_${jobs++}`,
        ...aRedrive,
        filter,
        ratePerS: null,
        dryRun: true,
        now: start + 20,
      });
      expect((await subject.store.read.redrive(job.id))?.filter).toEqual(filter);
      return job.matched;
    };
    expect(await matched({})).toBe(4);
    expect(await matched({ tenants: ['b'] })).toBe(2);
    expect(await matched({ tenants: ['b', 'c'] })).toBe(4);
    expect(await matched({ exceptTenant: 'b' })).toBe(2);
    expect(await matched({ endpointIds: [a, b] })).toBe(2);
    expect(await matched({ endpointIds: [b, c], states: ['suppressed', 'dead'] })).toBe(4);
    expect(await matched({ states: ['suppressed'] })).toBe(2);
    expect(await matched({ eventIds: ['b1', 'c2', 'a1'] })).toBe(2);
    expect(
      await matched({ eventTypes: ['pay_ment.b', 'pay_ment.c'], errorClasses: ['timeout', 'http_5xx'] }),
    ).toBe(1);
    expect(await matched({ states: ['pending', 'delivered'] })).toBe(0);
  });

  test('sums take one value or several of each field, exact types and beginnings among them', async () => {
    const { endpoints } = await three();
    const [a, b, c] = endpoints.map(({ id }) => id) as [string, string, string];
    const counted = async (query: object): Promise<[accepted: number, events: number]> => {
      const all = { ...everything, now: start + 20, ...query };
      const { accepted, events } = await subject.store.read.accounting(all);
      const groups = await subject.store.read.accountingBy(all, 'tenant');
      expect(groups.reduce((sum, group) => sum + group.accepted, 0)).toBe(accepted);
      return [accepted, events];
    };
    expect(await counted({})).toEqual([6, 6]);
    expect(await counted({ tenants: ['a', 'b'] })).toEqual([4, 4]);
    expect(await counted({ tenants: [] })).toEqual([0, 0]);
    expect(await counted({ exceptTenant: 'c' })).toEqual([4, 4]);
    expect(await counted({ endpointIds: [a, c, 'ep_absent'] })).toEqual([4, 6]);
    expect(await counted({ owners: ['red'] })).toEqual([2, 6]);
    expect(await counted({ owners: ['red', 'blue'] })).toEqual([4, 6]);
    expect(await counted({ endpointIds: [b, c], owners: ['red', 'blue'] })).toEqual([2, 6]);
    expect(await counted({ eventTypes: ['order.made'] })).toEqual([3, 3]);
    expect(await counted({ eventTypes: ['order.made', 'pay_ment.b'] })).toEqual([4, 4]);
    expect(await counted({ eventTypes: ['pay_ment.*', 'order.made'] })).toEqual([6, 6]);
    expect(await counted({ eventTypes: ['pay_ment.a', 'order.*'] })).toEqual([4, 4]);
    // An underscore stands for itself.
    expect(await counted({ eventTypes: ['payXment.*', 'pay_.*'] })).toEqual([0, 0]);
    expect(await counted({ eventTypes: ['*', 'none'] })).toEqual([6, 6]);
  });

  test('lists, sums and groups leave a tenant out', async () => {
    const { endpoints } = await three();
    const ids = (filter: object) => subject.store.read.endpoints({ after: null, limit: 10, ...filter });
    const tenantsOf = async (filter: object) => (await ids(filter)).map(({ tenant }) => tenant).toSorted();
    expect(await tenantsOf({})).toEqual(['a', 'b', 'c']);
    expect(await tenantsOf({ exceptTenant: 'b' })).toEqual(['a', 'c']);
    expect(await tenantsOf({ tenants: ['b', 'c'] })).toEqual(['b', 'c']);
    expect(await eventsOf({ exceptTenant: 'b' })).toEqual(['a1', 'a2', 'c1', 'c2']);
    expect(await eventsOf({ exceptTenant: 'b', eventIds: ['a1', 'b1'] })).toEqual(['a1']);
    expect(await subject.store.read.deadLetters({ exceptTenant: 'b' })).toEqual([]);
    expect(await subject.store.read.deadLetters({ tenants: ['a', 'c'] })).toEqual([]);
    const groups = await subject.store.read.deadLetters({ tenants: ['a', 'b'], exceptTenant: 'c' });
    expect(groups.map(({ endpointId }) => endpointId)).toEqual([endpoints[1].id, endpoints[1].id]);
    for (const by of ['endpoint', 'event_type', 'tenant', 'hour'] as const) {
      const sums = await subject.store.read.accountingBy(
        { ...everything, exceptTenant: 'b', now: start + 20 },
        by,
      );
      expect(sums.reduce((sum, { dead }) => sum + dead, 0)).toBe(0);
      expect(sums.reduce((sum, { accepted }) => sum + accepted, 0)).toBe(4);
    }
  });

  test('deliveries, endpoints and redrives are listed in both orders, page by page', async () => {
    await three();
    const { store } = subject;
    for (let n = 0; n < 3; n++)
      await beginRedrive(store, {
        id: `rdr_000${n}`,
        ...aRedrive,
        filter: {},
        ratePerS: null,
        dryRun: true,
        now: start,
      });
    const pages = async <Item, Key>(
      read: (after: Key | null, order?: 'asc' | 'desc') => Promise<readonly Item[]>,
      keyOf: (item: Item) => Key,
      usual: 'asc' | 'desc',
    ): Promise<void> => {
      const all = async (order?: 'asc' | 'desc'): Promise<Key[]> => {
        const keys: Key[] = [];
        for (;;) {
          const page = await read(keys.at(-1) ?? null, order);
          if (page.length === 0) return keys;
          keys.push(...page.map(keyOf));
        }
      };
      const up = await all('asc');
      expect(up.length).toBeGreaterThan(2);
      expect(up).toEqual(up.toSorted((x, y) => (x < y ? -1 : 1)));
      expect(await all('desc')).toEqual(up.toReversed());
      expect(await all()).toEqual(usual === 'asc' ? up : up.toReversed());
    };
    const page = <Key>(after: Key | null, order?: 'asc' | 'desc') => ({
      after,
      limit: 2,
      ...(order === undefined ? {} : { order }),
    });
    await pages<DeliveryRecord, number>(
      (after, order) => store.read.deliveries({}, page(after, order)),
      ({ number }) => number,
      'desc',
    );
    await pages<{ id: string }, string>(
      (after, order) => store.read.endpoints(page(after, order)),
      ({ id }) => id,
      'asc',
    );
    await pages<{ id: string }, string>(
      (after, order) => store.read.redrives({ kind: 'redrive', ...page(after, order) }),
      ({ id }) => id,
      'desc',
    );
  });
}
