import { expect, test } from 'vitest';
import {
  closeDisputes,
  firstClockRecord,
  stepClock,
} from '../../../packages/posthorn/src/domain/clock-record.ts';
import type { PruneRequest } from '../../../packages/posthorn/src/store/store.ts';
import { anEvent, start } from '../../support.ts';
import { settlementOf } from '../../settlement.ts';
import { lease, noRoom, type Subject } from './subject.ts';

const hour = 3_600_000;
const day = 24 * hour;

/** What the store remembers of the clock, and how times in rows follow its jumps. */
export function describeClockwork(subject: Subject): void {
  const { one, claim, balanced } = subject;
  const dueTimes = async (): Promise<(number | null)[]> =>
    (await subject.store.read.deliveries({}, { after: null, limit: 100 }))
      .map(({ dueAt }) => dueAt)
      .toReversed();
  const request = (fields: Partial<PruneRequest> & Pick<PruneRequest, 'ages'>): PruneRequest => ({
    settledBefore: fields.ages.lived - 30 * day,
    deadBefore: fields.ages.lived - 90 * day,
    limit: 100,
    after: -1,
    ...fields,
  });

  test('the record of the clock is replaced only by who knows it', async () => {
    const { store } = subject;
    expect(await store.read.clock()).toMatchObject({ text: null, newestStamp: null });
    expect(await store.write.saveClock({ expected: null, text: 'a', rebase: null })).toBe(true);
    expect(await store.write.saveClock({ expected: null, text: 'b', rebase: null })).toBe(false);
    expect(await store.write.saveClock({ expected: 'x', text: 'b', rebase: null })).toBe(false);
    expect((await store.read.clock()).text).toBe('a');
    expect(await store.write.saveClock({ expected: 'a', text: 'b', rebase: null })).toBe(true);
    expect((await store.read.clock()).text).toBe('b');
  });

  test('what exists has numbers below the bounds, and the newest event says when it was accepted', async () => {
    const endpoint = await one();
    await subject.store.write.accept([[anEvent(), anEvent(), anEvent()]], { ...noRoom, now: start + 7 });
    const { deliveries } = await claim(endpoint.id, start + 7);
    const { bounds, newestStamp } = await subject.store.read.clock();
    expect(newestStamp).toBe(start + 7);
    expect(Math.max(...deliveries.map(({ number }) => number))).toBeLessThan(bounds.deliveries);
    await subject.store.write.accept([[anEvent()]], { ...noRoom, now: start + 8 });
    const [newest] = await subject.store.read.deliveries({}, { after: null, limit: 1 });
    expect(newest!.number).toBeGreaterThanOrEqual(bounds.deliveries);
  });

  test('G2: after a step back, what is pending comes due after as long as before, once', async () => {
    const { store } = subject;
    const endpoint = await one();
    await store.write.accept(
      [[anEvent({ id: 'leased' }), anEvent({ id: 'retry' }), anEvent({ id: 'over' })]],
      noRoom,
    );
    const { deliveries } = await claim(endpoint.id, start);
    const of = (id: string) => deliveries.find(({ eventId }) => eventId === id)!;
    await store.write.settle([
      settlementOf(of('retry'), 'pending', start, { dueAt: start + 10 * hour }),
      settlementOf(of('over'), 'pending', start, { dueAt: start - 1 }),
    ]);
    const by: Record<string, number> = { leased: start + lease, retry: start + 10 * hour, over: start - 1 };
    const before = await dueTimes();
    expect(new Set(before)).toEqual(new Set(Object.values(by)));
    const rebase = { now: start - 2 * hour, byMs: -2 * hour };
    expect(await store.write.saveClock({ expected: null, text: 'a', rebase })).toBe(true);
    const after = (due: number): number => Math.max(rebase.now, due - 2 * hour);
    expect(await dueTimes()).toEqual(before.map((due) => after(due!)));
    // Another node that has seen the same jump moves nothing.
    expect(await store.write.saveClock({ expected: null, text: 'b', rebase })).toBe(false);
    expect(await dueTimes()).toEqual(before.map((due) => after(due!)));
    // The claim is still its owner's.
    expect(await store.write.settle([settlementOf(of('leased'), 'delivered', rebase.now)])).toEqual([
      'applied',
    ]);
    await balanced();
  });

  test('G3: after a leap ahead, leases run on and retries are due by the clock', async () => {
    const { store } = subject;
    const endpoint = await one();
    await store.write.accept([[anEvent({ id: 'leased' }), anEvent({ id: 'retry' })]], noRoom);
    const { deliveries } = await claim(endpoint.id, start);
    const retry = deliveries.find(({ eventId }) => eventId === 'retry')!;
    await store.write.settle([settlementOf(retry, 'pending', start, { dueAt: start + hour })]);
    const now = start + 2 * hour;
    await store.write.saveClock({ expected: null, text: 'a', rebase: { now, byMs: 2 * hour } });
    expect(new Set(await dueTimes())).toEqual(new Set([now + lease, start + hour]));
    const again = await claim(endpoint.id, now);
    expect(again.deliveries.map(({ eventId }) => eventId)).toEqual(['retry']);
  });

  test('a breaker that opened in the future can be closed again', async () => {
    const { store } = subject;
    const endpoint = await one();
    await store.write.saveBreakers([
      { endpointId: endpoint.id, url: endpoint.url, open: true, at: start + 400 * day },
    ]);
    await store.write.saveClock({ expected: null, text: 'a', rebase: { now: start, byMs: -400 * day } });
    expect(await store.read.openBreakers()).toEqual([{ endpointId: endpoint.id, openSince: start }]);
    await store.write.saveBreakers([
      { endpointId: endpoint.id, url: endpoint.url, open: false, at: start + 1 },
    ]);
    expect(await store.read.openBreakers()).toEqual([]);
  });

  test('G7: stamps of a clock that was ahead hold up no pruning, and their rows go when they are old', async () => {
    const { store } = subject;
    const endpoint = await one();
    const publish = async (id: string, now: number): Promise<void> => {
      await store.write.accept([[anEvent({ id }), anEvent({ id: `${id}-unwanted`, tenant: 'absent' })]], {
        ...noRoom,
        now,
      });
      const { deliveries } = await claim(endpoint.id, now);
      await store.write.settle(deliveries.map((d) => settlementOf(d, 'delivered', now)));
    };
    const there = async (...ids: string[]): Promise<string[]> => {
      const found = await Promise.all(
        ids.flatMap((id) => [
          store.read.event('default', id).then((event) => (event === null ? [] : [id])),
          store.read
            .event('absent', `${id}-unwanted`)
            .then((event) => (event === null ? [] : [`${id}-unwanted`])),
        ]),
      );
      return found.flat();
    };
    // Both far ahead, and so little that the stamps come about before retention ends.
    for (const ahead of [400 * day, 20 * day]) {
      const [future, now] = [`future-${ahead}`, `now-${ahead}`];
      await publish(future, start + ahead);
      const { bounds } = await store.read.clock();
      const back = stepClock(firstClockRecord(start + ahead), start, null).record;
      const closed = closeDisputes(back, bounds);
      await publish(now, start);
      const after = (ms: number) => {
        const { record } = stepClock(closed, start + ms, ms);
        return { now: record.seen, lived: record.lived, disputed: record.disputed };
      };
      await store.write.prune(request({ ages: after(29 * day) }));
      expect(await there(future, now)).toHaveLength(4);
      await store.write.prune(request({ ages: after(40 * day) }));
      expect(await there(now)).toEqual([]);
      // What ended at a time that has come about since is as old as it says, and not older.
      await store.write.prune(request({ ages: after(ahead === 400 * day ? 40 * day : 51 * day) }));
      expect(await there(future)).toEqual([]);
      await balanced();
    }
  });

  test('G7: what a clock stamped that was behind is not pruned when the clock is right again', async () => {
    const { store } = subject;
    const endpoint = await one();
    const wrong = start - 400 * day;
    const behind = stepClock(firstClockRecord(start), wrong, null).record;
    await store.write.accept([[anEvent({ id: 'e' }), anEvent({ id: 'u', tenant: 'absent' })]], {
      ...noRoom,
      now: wrong + 1,
    });
    const { deliveries } = await claim(endpoint.id, wrong + 1);
    await store.write.settle(deliveries.map((d) => settlementOf(d, 'delivered', wrong + 2)));
    const passed = stepClock(behind, wrong + 5000, 5000).record;
    const right = closeDisputes(
      stepClock(passed, start + 10_000, 1000).record,
      (await store.read.clock()).bounds,
    );
    const after = (ms: number) => {
      const { record } = stepClock(right, start + 10_000 + ms, ms);
      return { now: record.seen, lived: record.lived, disputed: record.disputed };
    };
    await store.write.prune(request({ ages: after(29 * day) }));
    expect(await store.read.event('default', 'e')).not.toBeNull();
    expect(await store.read.event('absent', 'u')).not.toBeNull();
    await store.write.prune(request({ ages: after(31 * day) }));
    expect(await store.read.event('default', 'e')).toBeNull();
    expect(await store.read.event('absent', 'u')).toBeNull();
    await balanced();
  });
}
