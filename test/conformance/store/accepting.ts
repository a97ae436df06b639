import { expect, test } from 'vitest';
import { everything } from '../../../packages/posthorn/src/store/accounting.ts';
import { anEvent, start } from '../../support.ts';
import { noRoom, type Subject } from './subject.ts';

/** What is accepted: once, all or nothing, and claimed only where there is room (G1). */
export function describeAccepting(subject: Subject): void {
  const { one, claim, balanced } = subject;

  test('G1: the same id and body again gives the same receipt, another body conflicts', async () => {
    await one();
    const event = anEvent({ id: 'order-1' });
    const first = await subject.store.write.accept([[event]], noRoom);
    const again = await subject.store.write.accept(
      [[event], [{ ...event, data: '{"amount":1}' }], [anEvent()]],
      {
        ...noRoom,
        now: start + 9,
      },
    );
    expect(first.groups[0]).toMatchObject({
      receipts: [{ duplicate: false, deliveries: 1, acceptedAt: start }],
    });
    expect(again.groups[0]).toMatchObject({
      receipts: [{ duplicate: true, deliveries: 1, acceptedAt: start }],
    });
    expect(again.groups[1]).toEqual({ conflict: 0 });
    expect(again.groups[2]).toMatchObject({ receipts: [{ duplicate: false }] });
    await balanced();
  });

  test('G1: an id is guarded across ordering keys, and not across tenants', async () => {
    await one();
    const event = anEvent({ id: 'order-2', orderingKey: 'customer-7' });
    await subject.store.write.accept([[event]], noRoom);
    const answer = await subject.store.write.accept(
      [
        [event],
        [anEvent({ id: 'order-2', orderingKey: 'customer-8' })],
        [anEvent({ id: 'order-2', tenant: 'other' })],
      ],
      noRoom,
    );
    expect(answer.groups).toMatchObject([
      { receipts: [{ duplicate: true }] },
      { conflict: 0 },
      { receipts: [{ duplicate: false }] },
    ]);
    expect((await subject.store.read.event('default', 'order-2'))?.orderingKey).toBe('customer-7');
  });

  test('a group is all or none, and twins inside it are one event', async () => {
    await one();
    const taken = anEvent({ id: 'taken' });
    await subject.store.write.accept([[taken]], noRoom);
    const twin = anEvent({ id: 'twin' });
    const answer = await subject.store.write.accept(
      [
        [anEvent({ id: 'fresh' }), { ...taken, data: '1' }],
        [twin, twin],
      ],
      noRoom,
    );
    expect(answer.groups[0]).toEqual({ conflict: 1 });
    expect(answer.groups[1]).toMatchObject({ receipts: [{ duplicate: false }, { duplicate: true }] });
    expect(await subject.store.read.event('default', 'fresh')).toBeNull();
    await balanced();
  });

  test('room bounds what is handed over claimed; the rest waits', async () => {
    const endpoint = await one();
    const answer = await subject.store.write.accept([[anEvent(), anEvent(), anEvent()]], {
      ...noRoom,
      defaultRoom: 2,
    });
    expect(answer.claimed).toHaveLength(2);
    expect(answer.waiting).toEqual([endpoint.id]);
    const { deliveries, nextDueAt } = await claim(endpoint.id, start);
    expect(deliveries).toHaveLength(1);
    expect(nextDueAt).toBe(start + endpoint.timeoutMs + 30_000);
  });

  test('endpoints with routing keys get the events that share one with them; others get all', async () => {
    const some = await one({ routingKeys: ['a', 'b'] });
    const filtered = await one({ routingKeys: ['b'], filter: { '/amount': 5 } });
    const everyone = await one();
    const events = [
      anEvent({ id: 'a', routingKeys: ['a', 'c'] }),
      anEvent({ id: 'b', routingKeys: ['b'], data: '{"amount":5}' }),
      anEvent({ id: 'B', routingKeys: ['B'] }),
      anEvent({ id: 'none' }),
    ];
    for (const maxDirect of [0, 100]) {
      const now = start + maxDirect;
      const again = events.map((event) => ({ ...event, id: `${event.id}${maxDirect}` }));
      await subject.store.write.accept([again], { ...noRoom, now, maxDirect });
      const step = { ...noRoom, now, limit: 100, after: null };
      while ((await subject.store.write.stepFanOut(step)).tenant !== null);
      const got = async (endpointId: string): Promise<string[]> =>
        (
          await subject.store.read.deliveries(
            { endpointIds: [endpointId], since: now },
            { after: null, limit: 9 },
          )
        )
          .map(({ eventId }) => eventId)
          .toSorted();
      expect(await got(some.id)).toEqual([`a${maxDirect}`, `b${maxDirect}`]);
      expect(await got(filtered.id)).toEqual([`b${maxDirect}`]);
      expect(await got(everyone.id)).toHaveLength(4);
    }
    const other = [{ ...events[0]!, id: 'a0', routingKeys: ['a'] }];
    expect((await subject.store.write.accept([other], noRoom)).groups).toEqual([{ conflict: 0 }]);
    expect(await subject.store.read.event('default', 'a0')).toMatchObject({ routingKeys: ['a', 'c'] });
    await balanced();
  });

  test('G5: unmatched and filtered events are counted', async () => {
    await one({ eventTypes: ['invoice.*'] });
    await one({ filter: { '/amount': 5 } });
    await subject.store.write.accept([[anEvent(), anEvent({ data: '{"amount":5}' })]], noRoom);
    const counts = await subject.store.read.accounting({
      ...everything,
      now: start,
    });
    expect(counts).toMatchObject({ events: 2, unmatched: 1, accepted: 1, pending: 1 });
  });
}
