import { expect, test } from 'vitest';
import type { DeliveryState } from '../../../packages/posthorn/src/domain/delivery.ts';
import { beginRedrive } from '../../../packages/posthorn/src/store/redrives.ts';
import type { ClaimedDelivery } from '../../../packages/posthorn/src/store/store.ts';
import { agesAt, anEvent, start } from '../../support.ts';
import { settlementOf } from '../../settlement.ts';
import { lease, noRoom, type Subject } from './subject.ts';

/** What an attempt in flight comes to; `lost`: its node dies, and the lease runs out. */
const outcomes = ['delivered', 'pending', 'dead', 'lost'] as const;
type Outcome = (typeof outcomes)[number];

/** What is done while the attempt is in flight, and what the delivery is once both are over. */
interface Row {
  readonly operation: string;
  readonly run: (subject: Subject, held: ClaimedDelivery) => Promise<unknown>;
  /** State and reason, then the attempt log. */
  readonly expected: Readonly<Record<Outcome, readonly [DeliveryState, string | null, ...string[]]>>;
  /** What is due now, if the delivery is pending: with how many attempts of its schedule, and caused by what. */
  readonly next?: Partial<Record<Outcome, readonly [number, string]>>;
}

const at = start + 10;
const settledAt = start + 20;
const undisturbed: Row['expected'] = {
  delivered: ['delivered', 'delivered', 'delivered'],
  pending: ['pending', null, 'retry'],
  dead: ['dead', 'schedule_exhausted', 'dead'],
  lost: ['pending', null],
};
const cancelled: Row['expected'] = {
  delivered: ['cancelled', 'cancelled: wrong', 'superseded'],
  pending: ['cancelled', 'cancelled: wrong', 'superseded'],
  dead: ['cancelled', 'cancelled: wrong', 'superseded'],
  lost: ['cancelled', 'cancelled: wrong'],
};
const redrive = ({ store }: Subject, { number }: ClaimedDelivery) => store.redriveDelivery(number, at);
const cancel = ({ store }: Subject, { number }: ClaimedDelivery) => store.cancelDelivery(number, 'wrong', at);
const remove = async ({ store }: Subject, { endpointId }: ClaimedDelivery): Promise<void> => {
  await store.deleteEndpoint(endpointId, at);
  await store.cancelOrphans(10, at);
};

const rows: readonly Row[] = [
  {
    operation: 'redriven',
    run: redrive,
    // The last attempt of the schedule ends nothing: the redrive was promised a fresh one.
    expected: { ...undisturbed, dead: ['pending', null, 'dead'] },
    next: { dead: [0, 'manual'], lost: [0, 'manual'] },
  },
  {
    operation: 'redriven twice',
    run: async (subject, held) => [await redrive(subject, held), await redrive(subject, held)],
    expected: { ...undisturbed, dead: ['pending', null, 'dead'] },
    next: { dead: [0, 'manual'], lost: [0, 'manual'] },
  },
  {
    operation: 'cancelled',
    run: cancel,
    // The receiver may have it: the attempt log says so, and the delivery stays what the operator made of it.
    expected: cancelled,
  },
  {
    operation: 'redriven and cancelled',
    run: async (subject, held) => [await redrive(subject, held), await cancel(subject, held)],
    expected: cancelled,
  },
  {
    operation: 'cancelled and redriven',
    run: async (subject, held) => [await cancel(subject, held), await redrive(subject, held)],
    expected: {
      delivered: ['pending', null, 'superseded'],
      pending: ['pending', null, 'superseded'],
      dead: ['pending', null, 'superseded'],
      lost: ['pending', null],
    },
    next: { delivered: [0, 'manual'], pending: [0, 'manual'], dead: [0, 'manual'], lost: [0, 'manual'] },
  },
  {
    operation: 'left alone while its endpoint is deleted',
    run: remove,
    expected: {
      ...undisturbed,
      pending: ['cancelled', 'endpoint_deleted', 'retry'],
      lost: ['cancelled', 'endpoint_deleted'],
    },
  },
  {
    operation: 'redriven, and its endpoint deleted',
    run: async (subject, held) => [await redrive(subject, held), await remove(subject, held)],
    // Nothing could deliver it again, so it stays a dead letter with its value.
    expected: {
      ...undisturbed,
      pending: ['cancelled', 'endpoint_deleted', 'retry'],
      lost: ['cancelled', 'endpoint_deleted'],
    },
  },
  {
    operation: 'left alone while its endpoint is paused',
    run: ({ store }, { endpointId }) => store.updateEndpoint(endpointId, { enabled: false, updatedAt: at }),
    expected: undisturbed,
    next: {},
  },
  {
    operation: 'left alone while its endpoint is paused and resumed',
    run: async ({ store }, { endpointId }) => {
      await store.updateEndpoint(endpointId, { enabled: false, updatedAt: at });
      await store.updateEndpoint(endpointId, { enabled: true, updatedAt: at });
    },
    expected: undisturbed,
    next: { lost: [0, 'schedule'] },
  },
  {
    operation: 'left alone while the URL of its endpoint changes',
    run: ({ store }, { endpointId }) =>
      store.updateEndpoint(endpointId, { url: 'http://127.0.0.1:2/', updatedAt: at }),
    expected: undisturbed,
    next: { lost: [0, 'schedule'] },
  },
  {
    operation: 'left alone while retention runs',
    run: ({ store }) =>
      store.prune({
        ages: agesAt(at),
        settledBefore: start + 1e9,
        deadBefore: start + 1e9,
        limit: 10,
        after: -1,
      }),
    expected: undisturbed,
    next: { lost: [0, 'schedule'] },
  },
  {
    operation: 'left alone while a redrive in bulk runs',
    run: async ({ store }) => {
      const job = { id: 'rdr_1', name: null, filter: {}, ratePerS: null, dryRun: false, now: at };
      expect(await beginRedrive(store, job)).toMatchObject({ matched: 0, state: 'done' });
    },
    expected: undisturbed,
    next: { lost: [0, 'schedule'] },
  },
];

/** Everything that can happen to a delivery while an attempt of it is in flight, and then the attempt's outcome (G3, G4, G5). */
export function describeInFlight(subject: Subject): void {
  const cases = rows.flatMap((row) => outcomes.map((outcome) => ({ ...row, outcome })));

  test.each(cases)(
    'G3, G5: in flight and $operation, then $outcome',
    async ({ run, expected, next, outcome }) => {
      const endpoint = await subject.one();
      await subject.store.accept([[anEvent({ value: { amountMinor: 5n, currency: 'EUR' } })]], noRoom);
      const [held] = (await subject.claim(endpoint.id, start)).deliveries;
      await run(subject, held!);
      await subject.balanced();
      let now = settledAt;
      if (outcome === 'lost') now = start + lease;
      else {
        const [applied] = await subject.store.settle([settlementOf(held!, outcome, settledAt)]);
        expect(applied).toBe(!expected[outcome].includes('superseded'));
      }
      await subject.balanced();
      await subject.store.cancelOrphans(10, now);

      const [state, reason, ...log] = expected[outcome];
      const delivery = await subject.store.delivery(held!.number);
      expect(delivery).toMatchObject({
        state,
        reason,
        attempts: log.filter((is) => is !== 'superseded').length,
      });
      const attempts = await subject.store.attempts(held!.number);
      expect(attempts.map((attempt) => attempt.outcome)).toEqual(log);
      await subject.balanced();

      const due = (await subject.claim(endpoint.id, now)).deliveries;
      const due1 = next?.[outcome];
      expect(due.map(({ attemptsMade, trigger }) => [attemptsMade, trigger])).toEqual(
        due1 === undefined ? [] : [due1],
      );
      // Whatever was superseded before: the fence of the attempt in flight opens nothing any more.
      if (due.length > 0) {
        expect(due[0]!.claim).toBe(2);
        const late = { startedAt: start + 1 };
        expect(await subject.store.settle([settlementOf(held!, 'delivered', now + 1, late)])).toEqual([
          false,
        ]);
        expect(await subject.store.settle([settlementOf(due[0]!, 'delivered', now + 2)])).toEqual([true]);
        expect(await subject.store.delivery(held!.number)).toMatchObject({ state: 'delivered' });
        await subject.balanced();
      }
    },
  );

  test('G3: a redrive that comes while the last attempt is in flight begins a whole schedule', async () => {
    const endpoint = await subject.one();
    await subject.store.accept([[anEvent()]], noRoom);
    const [first] = (await subject.claim(endpoint.id, start)).deliveries;
    await subject.store.settle([settlementOf(first!, 'pending', start + 1)]);
    const [last] = (await subject.claim(endpoint.id, start + 10_000)).deliveries;
    await subject.store.redriveDelivery(last!.number, start + 10_001);
    const outcome = settlementOf(last!, 'dead', start + 10_002);
    expect(await subject.store.settle([outcome])).toEqual([true]);
    // The answer was lost, and the outcome is settled again: it was applied, and nothing happens twice.
    expect(await subject.store.settle([outcome])).toEqual([true]);
    expect(await subject.store.delivery(last!.number)).toMatchObject({
      state: 'pending',
      dueAt: start + 10_002,
    });
    const [again] = (await subject.claim(endpoint.id, start + 10_003)).deliveries;
    expect(again).toMatchObject({ attemptsMade: 0, trigger: 'manual', claim: 3 });
    await subject.store.settle([settlementOf(again!, 'dead', start + 10_004)]);
    expect(await subject.store.delivery(last!.number)).toMatchObject({ state: 'dead' });
    await subject.balanced();
  });
}
