import { expect, test } from 'vitest';
import { equationFrom } from '../../../packages/posthorn/src/ledger/reconciler.ts';
import { agesAt, anEvent, start } from '../../support.ts';
import { settlementOf } from '../../settlement.ts';
import { noRoom, type Subject } from './subject.ts';

/** What retention takes, and what it never takes (G7). */
export function describePruning(subject: Subject): void {
  const { one, claim, balanced } = subject;

  test('G7: pruning never takes what is pending, keeps dead letters longer, and keeps the counters', async () => {
    const endpoint = await one();
    await subject.store.write.accept(
      [[anEvent({ id: 'done' }), anEvent({ id: 'dead' }), anEvent({ id: 'open' })]],
      noRoom,
    );
    const { deliveries } = await claim(endpoint.id, start);
    const of = (id: string) => deliveries.find(({ eventId }) => eventId === id)!;
    await subject.store.write.settle([
      settlementOf(of('done'), 'delivered', start),
      settlementOf(of('dead'), 'dead', start),
    ]);
    const later = start + 1e9;
    await subject.store.write.prune({
      ages: agesAt(start),
      settledBefore: later,
      deadBefore: start,
      limit: 100,
      after: -1,
    });
    expect(await subject.store.read.event('default', 'done')).toBeNull();
    expect(await subject.store.read.deliveries({}, { after: null, limit: 9 })).toMatchObject([
      { state: 'pending' },
      { state: 'dead' },
    ]);
    await balanced();
    await subject.store.write.prune({
      ages: agesAt(start),
      settledBefore: later,
      deadBefore: later,
      limit: 100,
      after: -1,
    });
    expect(await subject.store.read.deliveries({}, { after: null, limit: 9 })).toMatchObject([
      { state: 'pending' },
    ]);
    await balanced();
    const [equation] = (await subject.store.read.conservation()).map(equationFrom);
    expect(equation).toMatchObject({ accepted: 3, delivered: 1, dead: 1, pending: 1, unaccounted: 0 });
    // Pruned is not lost, and the number of pruned rows by state is known.
    const hour = Math.floor(start / 3_600_000) * 3_600_000;
    const window = { tenant: null, since: hour, until: hour + 3_600_000 };
    const pruned = { delivered: 1, dead: 1, cancelled: 0, suppressed: 0 };
    expect(await subject.store.read.missing(window, 9)).toEqual({ pruned, events: [] });
    const none = { delivered: 0, dead: 0, cancelled: 0, suppressed: 0 };
    expect(await subject.store.read.missing({ ...window, tenant: 'other' }, 9)).toEqual({
      pruned: none,
      events: [],
    });
    expect(await subject.store.read.missing({ ...window, since: window.until, until: later }, 9)).toEqual({
      pruned: none,
      events: [],
    });
  });

  test('G7: pruning goes on where it stopped, past what stays, and ends where all is young', async () => {
    const endpoint = await one();
    const events = Array.from({ length: 10 }, (_, n) =>
      anEvent({ id: `old_${n}`, orderingKey: n === 9 ? 'k' : null }),
    );
    await subject.store.write.accept([events], noRoom);
    const { deliveries } = await claim(endpoint.id, start);
    const odd = deliveries.filter((_, n) => n % 2 === 1);
    await subject.store.write.settle(odd.map((delivery) => settlementOf(delivery, 'delivered', start)));
    const later = start + 1e9;
    await subject.store.write.accept([[anEvent()]], { ...noRoom, now: later });
    const request = { ages: agesAt(start), settledBefore: later, deadBefore: later, limit: 3 };
    let deleted = 0;
    let rounds = 0;
    for (let after: number | null = -1; after !== null; rounds++) {
      const answer: { deleted: number; next: number | null } = await subject.store.write.prune({
        ...request,
        after,
      });
      deleted += answer.deleted;
      after = answer.next;
    }
    expect(deleted).toBe(odd.length);
    expect(rounds).toBeGreaterThan(2);
    // A pruned id is free again, also one that an ordering key had put elsewhere.
    const again = odd.map(({ eventId }) => anEvent({ id: eventId, data: '2' }));
    expect((await subject.store.write.accept([again], noRoom)).groups[0]).toHaveProperty('receipts');
    await balanced();
  });

  test('G7: events without deliveries are pruned too', async () => {
    await subject.store.write.accept([[anEvent({ id: 'unwanted' })]], noRoom);
    const request = { ages: agesAt(start), settledBefore: start, deadBefore: start, limit: 10, after: -1 };
    expect(await subject.store.write.prune(request)).toEqual({ deleted: 0, next: null });
    expect(await subject.store.write.prune({ ...request, settledBefore: start + 1 })).toEqual({
      deleted: 1,
      next: null,
    });
  });
}
