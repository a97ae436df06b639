import { expect, test } from 'vitest';
import { everything } from '../../../packages/posthorn/src/store/accounting.ts';
import type { PastPart } from '../../../packages/posthorn/src/store/past.ts';
import { beginRedrive } from '../../../packages/posthorn/src/store/redrives.ts';
import type { Settlement } from '../../../packages/posthorn/src/store/store.ts';
import { settlementOf } from '../../settlement.ts';
import { aRedrive, anEvent, start } from '../../support.ts';
import { noRoom, type Subject } from './subject.ts';

const states = ['pending', 'delivered', 'dead', 'cancelled', 'suppressed'] as const;
type Counts = Readonly<Record<(typeof states)[number], number>>;

/** How deliveries stood at a moment, from rows: as the counters said it then. */
export function describePast(subject: Subject): void {
  const { one, claim } = subject;
  const value = { amountMinor: 700n, currency: 'EUR' };

  const partsAt = async (at: number, maxRows = 5, since = start - 1): Promise<PastPart[]> => {
    const query = { endpointIds: null, since, at };
    const within = await subject.store.read.deliveriesWithin({ since, until: at });
    const parts: PastPart[] = [];
    for (let after: number | null = null; ;) {
      const step = await subject.store.read.pastStep(query, { after, maxRows, within });
      parts.push(...step.parts);
      if (step.next === null) return parts;
      after = step.next;
    }
  };
  const countsAt = async (at: number, maxRows?: number): Promise<Counts> => {
    const parts = await partsAt(at, maxRows);
    const of = (state: (typeof states)[number]): number =>
      parts.filter(({ then }) => then === state).reduce((sum, { count }) => sum + count, 0);
    return Object.fromEntries(states.map((state) => [state, of(state)])) as Counts;
  };
  const countsNow = async (): Promise<Counts> => {
    const counts = await subject.store.read.accounting({ ...everything, now: start + 1e6 });
    return Object.fromEntries(states.map((state) => [state, counts[state]])) as Counts;
  };
  const settle = async (endpointId: string, outcomes: readonly Settlement['state'][], at: number) => {
    const { deliveries } = await claim(endpointId, at - 10, outcomes.length);
    await subject.store.write.settle(deliveries.map((d, n) => settlementOf(d, outcomes[n]!, at)));
    return deliveries.map(({ number }) => number);
  };

  test('each moment of a history is found again as the counters said it then: G6', async () => {
    const { store } = subject;
    const live = await one({ eventTypes: ['a'], deliverWithinMs: 1e9 });
    const off = await one({ eventTypes: ['b'], enabled: false });
    const moments: (readonly [number, Counts])[] = [];
    let clock = start;
    const after = async (step: (at: number) => Promise<unknown>): Promise<void> => {
      clock += 10_000;
      await step(clock);
      moments.push([clock + 5000, await countsNow()]);
    };
    let numbers: number[] = [];
    await after((now) =>
      store.write.accept([Array.from({ length: 5 }, () => anEvent({ type: 'a', value }))], {
        ...noRoom,
        now,
      }),
    );
    await after((now) => store.write.accept([[anEvent({ type: 'b', value })]], { ...noRoom, now }));
    await after(async (at) => {
      numbers = await settle(live.id, ['delivered', 'dead', 'dead', 'pending'], at);
    });
    await after(async (at) => {
      await store.write.redriveDelivery(numbers[1]!, at - 50, null);
      await settle(live.id, ['pending', 'pending', 'pending'], at);
    });
    // A job in bulk, whose deliveries make no attempt until later.
    await after(async (at) => {
      const filter = { endpointIds: [live.id] };
      const job = { ...aRedrive, id: 'rdr_1', filter, ratePerS: null, dryRun: false, now: at };
      await beginRedrive(store, job);
      while ((await store.write.stepRedrive('rdr_1', 10, at)).redrive.state === 'running') {
        // Until it has taken all.
      }
    });
    await after((at) => settle(live.id, ['dead', 'dead', 'delivered', 'dead'], at));
    await after((at) => store.write.cancelDelivery(numbers[3]!, 'not wanted', at, null));
    // What was suppressed is redriven, tried at once, and fails.
    await store.write.updateEndpoint(off.id, { enabled: true, updatedAt: clock });
    await after(async (at) => {
      const [suppressed] = await store.read.deliveries({ endpointIds: [off.id] }, { after: null, limit: 1 });
      await store.write.redriveDelivery(suppressed!.number, at - 50, null);
      await settle(off.id, ['dead'], at);
    });
    for (const [at, counts] of moments) expect([at, await countsAt(at)]).toEqual([at, counts]);
    // However the steps are cut.
    for (const [at, counts] of moments) expect(await countsAt(at, 100)).toEqual(counts);
  });

  test('it says what they are now, what is late and what it is worth, of one tenant and one endpoint', async () => {
    const { store } = subject;
    const live = await one({ deliverWithinMs: 60_000 });
    await store.write.accept([[anEvent({ value }), anEvent({ value: null })]], { ...noRoom, now: start });
    await settle(live.id, ['pending', 'pending'], start + 1000);
    expect(await partsAt(start + 30_000, 100)).toMatchObject([
      { then: 'pending', isLate: false, currency: null },
    ]);
    const late = await partsAt(start + 90_000, 100);
    expect(late.toSorted((a, b) => Number(a.amountMinor - b.amountMinor))).toEqual([
      {
        endpointId: live.id,
        then: 'pending',
        now: 'pending',
        isLate: true,
        currency: null,
        count: 1,
        amountMinor: 0n,
        oldestAt: start,
      },
      {
        endpointId: live.id,
        then: 'pending',
        now: 'pending',
        isLate: true,
        currency: 'EUR',
        count: 1,
        amountMinor: 700n,
        oldestAt: start,
      },
    ]);
    await settle(live.id, ['delivered', 'dead'], start + 100_000);
    const became = (await partsAt(start + 90_000, 100)).map(({ now }) => now);
    expect(became.toSorted()).toEqual(['dead', 'delivered']);
    const query = { since: start - 1, at: start + 90_000, endpointIds: null };
    const page = { after: null, maxRows: 100, within: { first: 0, last: Number.MAX_SAFE_INTEGER } };
    for (const none of [
      { tenants: ['absent'] },
      { endpointIds: ['ep_none'] },
      { exceptTenant: live.tenant },
      { since: start + 1 },
      { at: start },
    ])
      expect((await store.read.pastStep({ ...query, ...none }, page)).parts, JSON.stringify(none)).toEqual(
        [],
      );
    expect((await store.read.pastStep({ ...query, tenants: [live.tenant] }, page)).parts).toHaveLength(2);
  });
}
