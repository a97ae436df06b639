import { expect, test } from 'vitest';
import { allNumbers } from '../../../packages/posthorn/src/store/search.ts';
import type { EventSearch, Order } from '../../../packages/posthorn/src/store/store.ts';
import { settlementOf } from '../../settlement.ts';
import { anEvent, start } from '../../support.ts';
import { noRoom, type Subject } from './subject.ts';

const minute = 60_000;

/** Events searched in steps, and things found by a piece of their names. */
export function describeEventSearching(subject: Subject): void {
  const found = async (search: EventSearch, order: Order = 'asc', maxRows = 3): Promise<string[]> => {
    const { store } = subject;
    const within = await store.read.eventsWithin(search);
    const ids: string[] = [];
    for (let after: number | null = null; ;) {
      const step = await store.read.searchEvents(search, { after, limit: 2, order, maxRows, within });
      expect(step.rowsRead).toBeLessThanOrEqual(maxRows);
      expect(step.searchedTo === null).toBe(step.next === null);
      ids.push(...(await store.read.foundEvents(step.numbers)).map(({ id }) => id));
      if (step.next === null) return ids;
      after = step.next;
    }
  };
  const world = async () => {
    const shop = await subject.one({
      tenant: 'a',
      owner: 'shop',
      name: 'orders',
      url: 'https://orders.example/hook',
      eventTypes: ['paid'],
    });
    const ledger = await subject.one({ tenant: 'b', url: 'https://ledger_1.example/', eventTypes: ['*'] });
    for (let at = 0; at < 4; at++)
      await subject.store.write.accept(
        [
          [
            anEvent({
              id: `a${at}`,
              tenant: 'a',
              type: at % 2 === 0 ? 'paid' : 'refunded',
              orderingKey: at < 2 ? 'k' : null,
              routingKeys: at < 2 ? ['ab', `k${at}`] : [],
            }),
            anEvent({ id: `b${at}`, tenant: 'b', type: 'paid', value: { amountMinor: 5n, currency: 'EUR' } }),
          ],
        ],
        { ...noRoom, now: start + at * minute },
      );
    return { shop, ledger };
  };

  test('events are searched by each of their fields, in both orders', async () => {
    const { shop, ledger } = await world();
    const all = ['a0', 'b0', 'a1', 'b1', 'a2', 'b2', 'a3', 'b3'];
    const set = async (search: EventSearch): Promise<string[]> => (await found(search)).toSorted();
    expect(await set({})).toEqual(all.toSorted());
    expect(await found({}, 'desc')).toEqual((await found({})).toReversed());
    expect(await set({ tenants: ['a'] })).toEqual(['a0', 'a1', 'a2', 'a3']);
    expect(await set({ exceptTenant: 'a' })).toEqual(['b0', 'b1', 'b2', 'b3']);
    expect(await set({ types: ['refunded'] })).toEqual(['a1', 'a3']);
    expect(await set({ orderingKeys: ['k', 'none'] })).toEqual(['a0', 'a1']);
    expect(await set({ routingKeys: ['ab'] })).toEqual(['a0', 'a1']);
    expect(await set({ routingKeys: ['k1', 'a', 'K0'] })).toEqual(['a1']);
    expect(await set({ matched: false })).toEqual(['a1', 'a3']);
    expect(await set({ matched: true, tenants: ['a'] })).toEqual(['a0', 'a2']);
    expect(await set({ endpointIds: [shop.id] })).toEqual(['a0', 'a2']);
    expect(await set({ endpointIds: [shop.id, ledger.id], types: ['paid'] })).toHaveLength(6);
    expect(await set({ since: start + minute, until: start + 3 * minute })).toEqual(['a1', 'a2', 'b1', 'b2']);
    expect(await set({ tenants: ['none'] })).toEqual([]);
    const [one] = await subject.store.read.foundEvents(await subject.store.read.eventsById('b2', ['b']));
    expect(one).toMatchObject({
      id: 'b2',
      tenant: 'b',
      type: 'paid',
      acceptedAt: start + 2 * minute,
      occurredAt: null,
      orderingKey: null,
      value: { amountMinor: 5n, currency: 'EUR' },
      deliveries: 1,
      suppressed: 0,
    });
  });

  test('an event is found by its id in any tenant, or in those that are named', async () => {
    await world();
    const { store } = subject;
    expect(await store.read.eventsWithin({})).toEqual(allNumbers);
    expect(await store.read.eventsById('a1', undefined)).toHaveLength(1);
    expect(await store.read.eventsById('a1', ['b'])).toEqual([]);
    expect(await store.read.foundEvents([987_654_321])).toEqual([]);
  });

  test('endpoints are found by a piece of their URL, name or owner, in whatever case; signs stand for themselves', async () => {
    const { shop, ledger } = await world();
    const names = async (text: string, more: object = {}): Promise<string[]> =>
      (await subject.store.read.findEndpoints({ text, limit: 9, byOwner: true, ...more })).map(
        ({ id }) => id,
      );
    expect(await names('ORDERS.exa')).toEqual([shop.id]);
    expect(await names('shop')).toEqual([shop.id]);
    expect(await names('shop', { byOwner: false })).toEqual([]);
    expect(await names('.example')).toEqual([ledger.id, shop.id]);
    expect(await names('.example', { limit: 1 })).toEqual([ledger.id]);
    expect(await names('.example', { tenants: ['a'] })).toEqual([shop.id]);
    expect(await names('.example', { ids: [ledger.id] })).toEqual([ledger.id]);
    expect(await names('ledger_1')).toEqual([ledger.id]);
    expect(await names('orders_')).toEqual([]);
    expect(await names('%')).toEqual([]);
    await subject.store.write.deleteEndpoint(shop.id, start);
    expect(await names('orders')).toEqual([]);
    const types = async (text: string, more: object = {}): Promise<readonly string[]> =>
      await subject.store.read.findEventTypes({ text, limit: 9, ...more });
    expect(await types('E')).toEqual(['refunded']);
    expect(await types('d')).toEqual(['paid', 'refunded']);
    expect(await types('d', { tenants: ['b'] })).toEqual(['paid']);
  });

  test('attempts of several deliveries are read together', async () => {
    const { ledger } = await world();
    const { store } = subject;
    const { deliveries } = await subject.claim(ledger.id, start + 5 * minute, 2);
    await store.write.settle(deliveries.map((one) => settlementOf(one, 'pending', start + 5 * minute)));
    const again = await subject.claim(ledger.id, start + 6 * minute, 9);
    await store.write.settle(
      again.deliveries.map((one) => settlementOf(one, 'delivered', start + 6 * minute)),
    );
    const numbers = again.deliveries.map(({ number }) => number);
    const attempts = await store.read.attemptsOf(numbers);
    expect(attempts).toHaveLength(6);
    for (const { number } of deliveries)
      expect(attempts.filter(({ delivery }) => delivery === number)).toMatchObject([
        { n: 1, outcome: 'retry' },
        { n: 2, outcome: 'delivered' },
      ]);
    expect(await store.read.attemptsOf([])).toEqual([]);
  });
}
