import { expect, test } from 'vitest';
import type { SentCursor, SentDelivery } from '../../../packages/posthorn/src/store/store.ts';
import { anEvent, start } from '../../support.ts';
import { noRoom, type Subject } from './subject.ts';

/** What was sent to an endpoint, beside what its receiver has. */
export function describeReconciling(subject: Subject): void {
  test('the deliveries of a window to one endpoint, page by page and always in the same order', async () => {
    const { store, one } = subject;
    const [mine, other] = [await one({ tenant: 'a' }), await one({ tenant: 'a', eventTypes: ['other.*'] })];
    for (let n = 0; n < 30; n++)
      await store.write.accept(
        [[anEvent({ id: `e${n}`, tenant: 'a', value: { amountMinor: BigInt(n), currency: 'EUR' } })]],
        {
          ...noRoom,
          now: start + n,
        },
      );
    const window = { endpointId: mine.id, since: start + 5, until: start + 25 };
    const read = async (limit: number): Promise<SentDelivery[]> => {
      const found: SentDelivery[] = [];
      let after: SentCursor | null = null;
      do {
        const page: Awaited<ReturnType<typeof store.read.sentDeliveries>> = await store.read.sentDeliveries(
          window,
          after,
          limit,
        );
        found.push(...page.deliveries);
        after = page.next;
      } while (after !== null);
      return found;
    };
    const all = await read(1000);
    expect(all).toHaveLength(20);
    expect(await read(3)).toEqual(all);
    expect(all.every(({ state, settledAt }) => state === 'pending' && settledAt === null)).toBe(true);
    const headings = await store.read.eventHeadings(all.map(({ eventNumber }) => eventNumber));
    expect(headings.map(({ id }) => id).toSorted()).toEqual(
      Array.from({ length: 20 }, (_, n) => `e${n + 5}`).toSorted(),
    );
    expect(headings.find(({ id }) => id === 'e7')!.value).toEqual({ amountMinor: 7n, currency: 'EUR' });
    const elsewhere = await store.read.sentDeliveries({ ...window, endpointId: other.id }, null, 1000);
    expect(elsewhere.deliveries).toEqual([]);
  });

  test('events by id: of the window, outside it, and those that were never to be delivered there', async () => {
    const { store, one } = subject;
    const mine = await one({ tenant: 'a', eventTypes: ['pay.*'] });
    await one({ tenant: 'a' });
    const publish = async (id: string, tenant: string, type: string, now: number): Promise<unknown> =>
      await store.write.accept([[anEvent({ id, tenant, type, orderingKey: `key of ${id}` })]], {
        ...noRoom,
        now,
      });
    await publish('inside', 'a', 'pay.made', start + 10);
    await publish('outside', 'a', 'pay.made', start + 99);
    await publish('elsewhere', 'a', 'order.made', start + 10);
    await publish('foreign', 'b', 'pay.made', start + 10);
    const window = { endpointId: mine.id, since: start, until: start + 50 };
    const asked = ['foreign', 'inside', 'elsewhere', 'nowhere', 'outside', 'inside'];
    const found = await store.read.sentEvents(window, 'a', asked);
    expect(found.map((event) => event?.isInWindow ?? null)).toEqual([null, true, null, null, false, true]);
    expect(found[1]).toEqual(found[5]);
    const { deliveries } = await store.read.sentDeliveries({ ...window, until: start + 100 }, null, 1000);
    const numbers = new Set(deliveries.map(({ eventNumber }) => eventNumber));
    if (deliveries.length === 2) expect(numbers).toEqual(new Set([found[1]!.number, found[4]!.number]));
    expect(await store.read.sentEvents(window, 'a', [])).toEqual([]);
    expect(await store.read.eventHeadings([])).toEqual([]);
  });
}
