import fc from 'fast-check';
import { expect, test } from 'vitest';
import { deliveryStates } from '../../../packages/posthorn/src/domain/delivery.ts';
import type { Endpoint } from '../../../packages/posthorn/src/domain/endpoint.ts';
import {
  allNumbers,
  type DeliverySearch,
  type FoundDelivery,
} from '../../../packages/posthorn/src/store/search.ts';
import type { Order, Store } from '../../../packages/posthorn/src/store/store.ts';
import { settlementOf } from '../../settlement.ts';
import { anEvent, start } from '../../support.ts';
import { noRoom, type Subject } from './subject.ts';

const minute = 60_000;
const now = start + 100 * minute;
const classes = ['timeout', 'http_5xx'] as const;

/** What a search has to find, said once more and row by row. */
function matches(one: FoundDelivery, search: DeliverySearch): boolean {
  const among = <T>(value: T, asked: readonly T[] | undefined): boolean =>
    asked === undefined || asked.includes(value);
  const { value, orderingKey } = one.event;
  const took = (one.settledAt ?? now) - one.createdAt;
  const isLate =
    (one.state === 'pending' || one.state === 'delivered') && took > one.endpoint.deliverWithinMs;
  return (
    among(one.tenant, search.tenants) &&
    one.tenant !== search.exceptTenant &&
    among(one.endpointId, search.endpointIds) &&
    among(one.eventId, search.eventIds) &&
    among(one.eventType, search.eventTypes) &&
    among(one.state, search.states) &&
    (search.errorClasses === undefined ||
      (one.lastErrorClass !== null && search.errorClasses.includes(one.lastErrorClass))) &&
    (search.statusCodes === undefined ||
      (one.lastStatusCode !== null && search.statusCodes.includes(one.lastStatusCode))) &&
    (search.statusClasses === undefined ||
      (one.attempts > 0 && search.statusClasses.includes(Math.floor((one.lastStatusCode ?? 0) / 100)))) &&
    (search.owners === undefined ||
      (one.endpoint.owner !== null && search.owners.includes(one.endpoint.owner))) &&
    (search.orderingKeys === undefined ||
      (orderingKey !== null && search.orderingKeys.includes(orderingKey))) &&
    (search.currencies === undefined || (value !== null && search.currencies.includes(value.currency))) &&
    (search.minValue === undefined || (value !== null && value.amountMinor >= search.minValue)) &&
    (search.late === undefined || isLate === search.late.is) &&
    (search.since === undefined || one.createdAt >= search.since) &&
    (search.until === undefined || one.createdAt < search.until)
  );
}

/** Everything that a search finds, and in how many steps. */
async function searched(
  store: Store,
  search: DeliverySearch,
  { order, maxRows, limit }: { readonly order: Order; readonly maxRows: number; readonly limit: number },
): Promise<{ readonly numbers: readonly number[]; readonly steps: number; readonly rowsRead: number }> {
  const within = await store.read.deliveriesWithin(search);
  const numbers: number[] = [];
  let rowsRead = 0;
  for (let after: number | null = null, steps = 1; ; steps++) {
    const step = await store.read.searchDeliveries(search, { after, limit, order, maxRows, within });
    expect(step.rowsRead).toBeLessThanOrEqual(maxRows);
    expect(step.numbers.length).toBeLessThanOrEqual(limit);
    expect(step.searchedTo === null).toBe(step.next === null);
    numbers.push(...step.numbers);
    rowsRead += step.rowsRead;
    if (step.next === null) return { numbers, steps, rowsRead };
    if (after !== null) expect(order === 'desc' ? step.next < after : step.next > after).toBe(true);
    after = step.next;
  }
}

export function describeSearching(subject: Subject): void {
  /** Some deliveries of every state, tenant, owner, key and value. */
  const world = async (): Promise<readonly Endpoint[]> => {
    const endpoints = [
      await subject.one({ tenant: 'a', owner: 'red', deliverWithinMs: minute, name: 'first' }),
      await subject.one({ tenant: 'a', owner: 'blue', deliverWithinMs: 5 * minute }),
      await subject.one({ tenant: 'b', owner: 'red', deliverWithinMs: 200 * minute }),
      await subject.one({ tenant: 'b', enabled: false }),
    ];
    const { store } = subject;
    for (let at = 0; at < 12; at++)
      await store.write.accept(
        [
          ['a', 'b'].map((tenant) =>
            anEvent({
              id: `${tenant}${at}`,
              tenant,
              type: at % 3 === 0 ? 'order.made' : 'payment.made',
              orderingKey: at % 4 === 0 ? `k${at % 8}` : null,
              value:
                at % 2 === 0
                  ? null
                  : { amountMinor: BigInt(100 * at), currency: at % 3 === 0 ? 'JPY' : 'EUR' },
            }),
          ),
        ],
        { ...noRoom, now: start + at * minute },
      );
    for (const [place, { id }] of endpoints.slice(0, 3).entries()) {
      const { deliveries } = await subject.claim(id, start + 20 * minute, 9);
      await store.write.settle(
        deliveries.map((delivery, index) => {
          const at = delivery.createdAt + (index % 2 === 0 ? 1000 : 3 * minute);
          const state = (['delivered', 'dead', 'pending'] as const)[(index + place) % 3]!;
          return settlementOf(delivery, state, at, {
            errorClass: state === 'delivered' ? null : classes[index % 2]!,
            statusCode: state === 'delivered' ? 200 : index % 2 === 0 ? null : 503,
            dueAt: state === 'pending' ? at + minute : null,
          });
        }),
      );
    }
    const [one] = await store.read.deliveries({ states: ['pending'] }, { after: null, limit: 1 });
    await store.write.cancelDelivery(one!.number, 'for a test', now);
    return endpoints;
  };

  test('a search in steps finds what a look at each row finds, in both orders, however few rows a step may read', async () => {
    const endpoints = await world();
    const { store } = subject;
    const all = await store.read.foundDeliveries(
      (await searched(store, {}, { order: 'asc', maxRows: 1000, limit: 1000 })).numbers,
    );
    expect(new Set(all.map(({ state }) => state))).toEqual(new Set(deliveryStates));
    expect(all.length).toBe(48);
    const some = <T>(values: readonly T[]) =>
      fc.option(fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 3 }), {
        nil: undefined,
      });
    const times = fc.option(
      fc.integer({ min: -1, max: 13 }).map((at) => start + at * minute),
      { nil: undefined },
    );
    const rarely = <T>(values: fc.Arbitrary<T | undefined>) =>
      fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: values });
    const searches = fc.record({
      tenants: rarely(some(['a', 'b', 'absent'])),
      exceptTenant: rarely(fc.constantFrom('a', 'b')),
      endpointIds: rarely(some([...endpoints.map(({ id }) => id), 'ep_absent'])),
      eventIds: rarely(some(['a0', 'a1', 'b7', 'none'])),
      eventTypes: rarely(some(['order.made', 'payment.made'])),
      states: some(deliveryStates),
      errorClasses: rarely(some(classes)),
      statusCodes: rarely(some([200, 503, 404])),
      statusClasses: rarely(some([0, 2, 4, 5])),
      owners: rarely(some(['red', 'blue', 'green'])),
      orderingKeys: rarely(some(['k0', 'k4', 'k9'])),
      currencies: rarely(some(['EUR', 'JPY', 'USD'])),
      minValue: rarely(fc.constantFrom(0n, 300n, 700n, 10n ** 17n)),
      late: rarely(fc.boolean().map((is) => ({ is, now }))),
      since: rarely(times),
      until: rarely(times),
    });
    const pages = fc.record({
      order: fc.constantFrom<Order>('asc', 'desc'),
      maxRows: fc.integer({ min: 1, max: 60 }),
      limit: fc.integer({ min: 1, max: 60 }),
    });
    await fc.assert(
      fc.asyncProperty(searches, pages, async (asked, page) => {
        const search = Object.fromEntries(
          Object.entries(asked).filter(([, value]) => value !== undefined),
        ) as DeliverySearch;
        const expected = all.filter((one) => matches(one, search)).map(({ number }) => number);
        const { numbers } = await searched(store, search, page);
        expect(numbers).toEqual(page.order === 'asc' ? expected : expected.toReversed());
      }),
      { numRuns: 150 },
    );
  });

  test('a search that matches nothing reads no more rows in a step than it may, and ends', async () => {
    await world();
    const { steps, rowsRead, numbers } = await searched(
      subject.store,
      { eventTypes: ['no.such'] },
      { order: 'desc', maxRows: 10, limit: 5 },
    );
    expect(numbers).toEqual([]);
    expect(steps).toBeGreaterThanOrEqual(5);
    expect(rowsRead).toBe(48);
  });

  test('what ended undelivered is found without reading what was delivered', async () => {
    await world();
    const page = { order: 'desc', maxRows: 1000, limit: 1000 } as const;
    const { numbers, rowsRead } = await searched(subject.store, { states: ['dead'] }, page);
    expect(numbers.length).toBeGreaterThan(5);
    expect(rowsRead).toBe(numbers.length);
  });

  test('a found delivery says what its event is worth and whose its endpoint is', async () => {
    const [endpoint] = await world();
    const { store } = subject;
    const [one] = await store.read.deliveries(
      { eventIds: ['a1'], endpointIds: [endpoint!.id] },
      { after: null, limit: 1 },
    );
    expect(await store.read.foundDeliveries([one!.number])).toMatchObject([
      {
        eventId: 'a1',
        event: {
          acceptedAt: start + minute,
          occurredAt: null,
          orderingKey: null,
          value: { amountMinor: 100n, currency: 'EUR' },
        },
        endpoint: {
          name: 'first',
          url: endpoint!.url,
          owner: 'red',
          enabled: true,
          deleted: false,
          deliverWithinMs: minute,
        },
      },
    ]);
    await store.write.deleteEndpoint(endpoint!.id, now);
    expect(await store.read.foundDeliveries([one!.number, 987_654_321])).toMatchObject([
      { endpoint: { owner: 'red', enabled: false, deleted: true } },
    ]);
    expect(await store.read.foundDeliveries([])).toEqual([]);
  });

  test('an attempt is kept with its lease and how it went over the wire, a superseded one too', async () => {
    const { store } = subject;
    const { id } = await subject.one({ tenant: 'a' });
    await store.write.accept([[anEvent({ tenant: 'a' })]], { ...noRoom, now: start });
    const [first] = (await subject.claim(id, start)).deliveries;
    const [second] = (await subject.claim(id, first!.leaseUntil + 1)).deliveries;
    const wire = {
      address: '192.0.2.1',
      phasesMs: { lookup: 1.5, connect: 2, proxy: null, tls: null, firstByte: 3.1 },
      headers: [['retry-after', '120']] as const,
    };
    const at = first!.leaseUntil + 2;
    await store.write.settle([
      settlementOf(first!, 'delivered', at, { leaseUntil: first!.leaseUntil, wire }),
      settlementOf(second!, 'pending', at, { leaseUntil: second!.leaseUntil, wire: null }),
    ]);
    expect(await store.read.attempts(first!.number)).toMatchObject([
      { n: 1, outcome: 'superseded', leaseUntil: first!.leaseUntil, wire },
      { n: 2, outcome: 'retry', leaseUntil: second!.leaseUntil, wire: null },
    ]);
    expect(await store.read.deliveryDetails(first!.number)).toMatchObject({
      claim: 2,
      claimedBy: null,
      scheduleAttempts: 1,
      behind: null,
    });
    expect(await store.read.deliveryDetails(987_654_321)).toBeNull();
  });

  test('the details of a delivery say who has it claimed, and which one of its key goes first', async () => {
    const { store } = subject;
    const { id } = await subject.one({ tenant: 'a', ordering: 'key' });
    await store.write.accept(
      [[anEvent({ tenant: 'a', orderingKey: 'k' }), anEvent({ tenant: 'a', orderingKey: 'k' })]],
      { ...noRoom, now: start },
    );
    const [claimed] = (await subject.claim(id, start, 100, 'node-b')).deliveries;
    const [first, second] = await store.read.deliveries({}, { after: null, limit: 2, order: 'asc' });
    expect(claimed!.number).toBe(first!.number);
    expect(await store.read.deliveryDetails(first!.number)).toMatchObject({
      claim: 1,
      claimedBy: 'node-b',
      dueAt: claimed!.leaseUntil,
      behind: null,
    });
    expect(await store.read.deliveryDetails(second!.number)).toMatchObject({
      claim: 0,
      claimedBy: null,
      behind: first!.number,
    });
  });

  test('numbers bound the deliveries of a time, except for an hour of disorder', async () => {
    const { store } = subject;
    expect(await store.read.deliveriesWithin({ since: start })).toEqual(allNumbers);
    await subject.one({ tenant: 'a' });
    for (let hour = 0; hour < 10; hour++)
      await store.write.accept([[anEvent({ id: `h${hour}`, tenant: 'a' })]], {
        ...noRoom,
        now: start + hour * 60 * minute,
      });
    const numbers = (await store.read.deliveries({}, { after: null, limit: 20, order: 'asc' })).map(
      ({ number }) => number,
    );
    const within = await store.read.deliveriesWithin({
      since: start + 4 * 60 * minute,
      until: start + 6 * 60 * minute,
    });
    expect(numbers.filter((number) => number >= within.first && number <= within.last)).toEqual(
      numbers.slice(3, 7),
    );
    expect(await store.read.deliveriesWithin({})).toEqual(allNumbers);
  });

  test('deliveries that a fan-out creates long after their event are found in the time of the event', async () => {
    const { store } = subject;
    for (let n = 0; n < 3; n++) await subject.one({ tenant: 'a' });
    await subject.one({ tenant: 'b' });
    await store.write.accept([[anEvent({ id: 'early', tenant: 'a' })]], {
      ...noRoom,
      now: start,
      maxDirect: 1,
    });
    const hours = 60 * minute;
    for (let hour = 0; hour < 12; hour++)
      await store.write.accept([[anEvent({ id: `b${hour}`, tenant: 'b' })]], {
        ...noRoom,
        now: start + hour * hours,
      });
    for (let step = { tenant: 'a' } as { tenant: string | null }; step.tenant !== null;)
      step = await store.write.stepFanOut({ ...noRoom, now: start + 12 * hours, limit: 10, after: null });
    const search = { since: start, until: start + minute, tenants: ['a'] };
    const page = { order: 'desc', maxRows: 100, limit: 100 } as const;
    expect((await searched(store, search, page)).numbers).toHaveLength(3);
    expect(await store.read.deliveries({ until: start + minute }, { after: null, limit: 9 })).toHaveLength(4);
  });
}
