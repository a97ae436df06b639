import { expect, test } from 'vitest';
import type { Settlement } from '../../../packages/posthorn/src/store/store.ts';
import { anEndpoint, anEvent, start } from '../../support.ts';
import { settlementOf } from '../../settlement.ts';
import { noRoom, type Subject } from './subject.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** What objectives ask of the past. */
export function describeObjectiveReadings(subject: Subject): void {
  const { one } = subject;
  const from = Math.floor(start / day) * day;

  const publish = async (at: number, type = 'payment.done', amountMinor: bigint | null = 100n) =>
    await subject.store.write.accept(
      [[anEvent({ type, value: amountMinor === null ? null : { amountMinor, currency: 'EUR' } })]],
      { ...noRoom, now: at },
    );
  const attempt = async (
    endpointId: string,
    state: Settlement['state'],
    at: number,
    fields: Partial<Settlement> = {},
  ): Promise<number> => {
    const [claimed] = (await subject.claim(endpointId, at, 1)).deliveries;
    await subject.store.write.settle([settlementOf(claimed!, state, at, fields)]);
    return claimed!.number;
  };

  test('G6: counters by step add up to those of the whole range, before and after they are folded', async () => {
    const { id: endpointId } = await one();
    for (const at of [0, 1, 59, 60, 61, 26 * 60]) await publish(from + at * minute);
    await publish(from, 'order.made');
    await attempt(endpointId, 'delivered', from + 5 * minute);
    const range = { endpointId, since: from, until: from + 2 * day };
    const shape = async (stepMinutes: number) =>
      (await subject.store.read.counterSteps([range], stepMinutes))
        .filter(({ eventType }) => eventType === 'payment.done')
        .map(({ at, accepted }) => [(at - from) / minute, accepted])
        .toSorted(([a], [b]) => a! - b!);
    expect(await shape(60)).toEqual([
      [0, 3],
      [60, 2],
      [1560, 1],
    ]);
    expect(await shape(1)).toHaveLength(6);
    const sums = async () => {
      const steps = await subject.store.read.counterSteps([range], 60);
      const sum = (name: 'accepted' | 'delivered' | 'firstAttempts' | 'recovered') =>
        steps.reduce((total, step) => total + step[name], 0);
      return [sum('accepted'), sum('delivered'), sum('firstAttempts'), sum('recovered')];
    };
    expect(await sums()).toEqual([7, 1, 1, 0]);
    while (await subject.store.write.fold(from + 40 * day));
    expect(await sums()).toEqual([7, 1, 1, 0]);
    // By the day now, whatever is asked for.
    expect(await shape(1)).toEqual([
      [0, 5],
      [1440, 1],
    ]);
    expect(await subject.store.read.counterSteps([{ ...range, endpointId: 'ep_none' }], 60)).toEqual([]);
  });

  test('counters of types by pattern, of ranges that begin and end inside an hour, of several endpoints and tenants', async () => {
    const { id: endpointId } = await one();
    const other = anEndpoint({ tenant: 'acme' });
    await subject.store.write.createEndpoint(other);
    for (const [type, at] of [
      ['payment.done', 10],
      ['payment.done', 70],
      ['payment.failed', 71],
      ['order.made', 71],
      ['payments', 72],
      ['payment.done', 130],
    ] as const)
      await publish(from + at * minute, type);
    await subject.store.write.accept([[anEvent({ tenant: 'acme', type: 'payment.done' })]], {
      ...noRoom,
      now: from + 71 * minute,
    });
    const ranges = [
      { endpointId, since: from, until: from + 70 * minute },
      { endpointId, since: from + 70 * minute, until: from + 130 * minute },
      { endpointId: 'ep_none', since: from, until: from + day },
      { endpointId: other.id, since: from + 71 * minute, until: from + 72 * minute },
    ];
    const counted = async (eventTypes?: readonly string[] | null) =>
      (await subject.store.read.counters(ranges, eventTypes)).map((types) =>
        types.map(({ eventType, accepted }) => `${eventType} ${accepted}`).toSorted(),
      );
    expect(await counted()).toEqual([
      ['payment.done 1'],
      ['order.made 1', 'payment.done 1', 'payment.failed 1', 'payments 1'],
      [],
      ['payment.done 1'],
    ]);
    expect(await counted(['*'])).toEqual(await counted());
    expect(await counted(['payment.*', 'order.made'])).toEqual([
      ['payment.done 1'],
      ['order.made 1', 'payment.done 1', 'payment.failed 1'],
      [],
      ['payment.done 1'],
    ]);
    expect(await counted([])).toEqual([[], [], [], []]);
    const steps = await subject.store.read.counterSteps(ranges.slice(1, 2), 60, ['payment.*']);
    expect(
      steps.map(({ at, eventType, accepted }) => [(at - from) / hour, eventType, accepted]).toSorted(),
    ).toEqual([
      [1, 'payment.done', 1],
      [1, 'payment.failed', 1],
    ]);
    expect(await subject.store.read.counterSteps(ranges, 60, ['payment'])).toEqual([]);
  });

  test('what a dead letter holds is in the step in which it was accepted', async () => {
    const { id: endpointId } = await one({ ordering: 'key', onDead: 'block' });
    for (const at of [0, 61 * minute])
      await subject.store.write.accept([[anEvent({ type: 'a.b', orderingKey: 'k' })]], {
        ...noRoom,
        now: from + at,
      });
    await attempt(endpointId, 'dead', from + 62 * minute, { keyed: true });
    const range = { endpointId, since: from, until: from + day };
    const steps = await subject.store.read.counterSteps([range], 60);
    expect(steps.map(({ at, held }) => [(at - from) / hour, held]).toSorted()).toEqual([
      [0, 0],
      [1, 1],
    ]);
  });

  test('failures by the day of acceptance, type and class', async () => {
    const { id: endpointId } = await one();
    await publish(from);
    await attempt(endpointId, 'pending', from + minute);
    await attempt(endpointId, 'dead', from + 30 * hour, { errorClass: 'timeout' });
    await publish(from + day, 'order.made');
    await attempt(endpointId, 'pending', from + 31 * hour);
    const ranges = [{ endpointId, since: from, until: from + 2 * day }];
    const days = await subject.store.read.failureDays(ranges);
    expect(
      days
        .map((one) => [(one.day - from) / day, one.eventType, one.errorClass, one.count])
        .toSorted((a, b) => (String(a) < String(b) ? -1 : 1)),
    ).toEqual([
      [0, 'payment.done', 'http_5xx', 1],
      [0, 'payment.done', 'timeout', 1],
      [1, 'order.made', 'http_5xx', 1],
    ]);
    while (await subject.store.write.fold(from + 40 * day));
    expect(await subject.store.read.failureDays(ranges)).toHaveLength(3);
  });

  test('G6: the worth of what missed its deadline: dead, suppressed, late after a failure, and waiting', async () => {
    const { id: endpointId } = await one();
    const now = from + 3 * day;
    const worth = async (limit = 100) => {
      const range = { endpointId, since: from, until: now, deliverWithinMs: hour };
      const answer = await subject.store.read.missedWorth([range], now, limit);
      return {
        ...answer,
        worth: answer.worth
          .map((w) => [(w.day - from) / day, w.ofSender, w.amountMinor, w.currency, w.events])
          .toSorted((a, b) => (String(a) < String(b) ? -1 : 1)),
      };
    };
    expect(await worth()).toEqual({ worth: [], rowsRead: 0, complete: true });
    await publish(from, 'a.b', 1n);
    await attempt(endpointId, 'dead', from + minute);
    await publish(from + minute, 'a.b', 10n);
    await attempt(endpointId, 'pending', from + 2 * minute);
    await attempt(endpointId, 'delivered', from + 5 * hour, { late: true });
    // In time after all, and in time at once: neither is worth mentioning.
    await publish(from + 6 * hour, 'a.b', 1000n);
    await attempt(endpointId, 'pending', from + 6 * hour);
    await attempt(endpointId, 'delivered', from + 6 * hour + 10 * minute);
    await publish(from + 7 * hour, 'a.b', 5000n);
    await attempt(endpointId, 'delivered', from + 7 * hour);
    // Waits, never tried; and one whose deadline has not passed.
    await publish(from + day, 'a.b', 9_007_199_254_740_993n);
    await publish(now - minute, 'a.b', 7n);
    // Unknown value.
    await publish(from + day, 'a.b', null);
    expect(await worth()).toEqual({
      worth: [
        [0, false, 1n, 'EUR', 1],
        [0, false, 10n, 'EUR', 1],
        [1, true, 9_007_199_254_740_993n, 'EUR', 1],
      ],
      rowsRead: 6,
      complete: true,
    });
    expect(await worth(2)).toMatchObject({ rowsRead: 2, complete: false });
    await subject.store.write.updateEndpoint(endpointId, { enabled: false, updatedAt: now });
    await publish(now - 2 * minute, 'a.b', 3n);
    expect((await worth()).worth).toContainEqual([2, false, 3n, 'EUR', 1]);
  });
}
