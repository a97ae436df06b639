import { expect, test } from 'vitest';
import type { FormerState } from '../../../packages/posthorn/src/domain/imported.ts';
import type { ImportedEvent } from '../../../packages/posthorn/src/store/store.ts';
import { anEvent, start } from '../../support.ts';
import { noRoom, type Subject } from './subject.ts';

/** Past events of another sender: they balance, and are not sent. */
export function describeImporting(subject: Subject): void {
  const past = (id: string, endpointId: string, ...states: readonly FormerState[]): ImportedEvent => ({
    event: anEvent({ id, occurredAt: start - 86_400_000 }),
    deliveries: states.map((state) => ({ endpointId, state })),
  });

  test('G6: what is imported is cancelled with what the former sender said, balances, and is never claimed', async () => {
    const endpoint = await subject.one();
    const events = [
      past('a', endpoint.id, 'delivered'),
      past('b', endpoint.id, 'failed', 'pending'),
      past('c', 'ep_none', 'delivered'),
      past('a', endpoint.id, 'failed'),
    ];
    expect(await subject.store.write.importEvents(events, start)).toEqual({ events: 3, deliveries: 3 });
    const list = async (id: string) =>
      await subject.store.read.deliveries({ eventIds: [id] }, { after: null, limit: 10 });
    expect(await list('a')).toMatchObject([
      {
        state: 'cancelled',
        reason: 'cancelled: imported, delivered at the former sender',
        createdAt: start,
        settledAt: start,
        dueAt: null,
      },
    ]);
    expect((await list('b')).map(({ reason }) => reason?.split(' ')[2]).toSorted()).toEqual([
      'failed',
      'pending',
    ]);
    expect(await list('c')).toEqual([]);
    expect(await subject.store.read.event('default', 'a')).toMatchObject({
      acceptedAt: start,
      occurredAt: start - 86_400_000,
      integrity: 'intact',
      deliveries: 1,
      suppressed: 0,
    });
    expect((await subject.claim(endpoint.id, start + 1e9)).deliveries).toEqual([]);
    await subject.balanced();
  });

  test('an import that is repeated changes nothing, and neither does a publish of the same event', async () => {
    const endpoint = await subject.one();
    const events = [past('a', endpoint.id, 'delivered'), past('b', endpoint.id, 'delivered')];
    await subject.store.write.importEvents(events.slice(0, 1), start);
    expect(await subject.store.write.importEvents(events, start + 1)).toEqual({ events: 1, deliveries: 1 });
    expect(await subject.store.write.importEvents(events, start + 2)).toEqual({ events: 0, deliveries: 0 });
    // The sender leaves out when it happened: the event is a duplicate all the same.
    const { groups } = await subject.store.write.accept([[anEvent({ id: 'a' })]], noRoom);
    expect(groups).toMatchObject([{ receipts: [{ id: 'a', acceptedAt: start, duplicate: true }] }]);
    const other = await subject.store.write.accept([[anEvent({ id: 'a', data: '"other"' })]], noRoom);
    expect(other.groups).toEqual([{ conflict: 0 }]);
    await subject.balanced();
  });

  test('an imported event can be replayed and then is delivered as any other', async () => {
    const endpoint = await subject.one();
    await subject.store.write.importEvents([past('a', endpoint.id, 'failed')], start);
    expect(await subject.store.write.replayEvent('default', 'a', endpoint.id, start + 1)).toMatchObject({
      receipt: { deliveries: 1 },
    });
    expect((await subject.claim(endpoint.id, start + 1)).deliveries).toMatchObject([{ eventId: 'a' }]);
    await subject.balanced();
  });
}
