import { expect, test } from 'vitest';
import type { DeliveryState } from '../../../packages/posthorn/src/domain/delivery.ts';
import { beginRedrive } from '../../../packages/posthorn/src/store/redrives.ts';
import type { ClaimedDelivery, SettleAnswer } from '../../../packages/posthorn/src/store/store.ts';
import { aRedrive, agesAt, anEvent, start } from '../../support.ts';
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
  /** What becomes of the outcome, if it is neither plainly applied nor superseded. */
  readonly answers?: Partial<Record<Outcome, SettleAnswer>>;
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
const redrive = ({ store }: Subject, { number }: ClaimedDelivery) => store.write.redriveDelivery(number, at);
const cancel = ({ store }: Subject, { number }: ClaimedDelivery) =>
  store.write.cancelDelivery(number, 'wrong', at);
const remove = async ({ store }: Subject, { endpointId }: ClaimedDelivery): Promise<void> => {
  await store.write.deleteEndpoint(endpointId, at);
  await store.write.cancelOrphans(10, at);
};

const rows: readonly Row[] = [
  {
    operation: 'redriven',
    run: redrive,
    // The retry is due at once, and after the last attempt of the schedule a fresh one begins.
    expected: { ...undisturbed, dead: ['pending', null, 'dead'] },
    answers: { pending: 'redriven', dead: 'redriven' },
    next: { pending: [1, 'manual'], dead: [0, 'manual'], lost: [0, 'manual'] },
  },
  {
    operation: 'redriven twice',
    run: async (subject, held) => [await redrive(subject, held), await redrive(subject, held)],
    expected: { ...undisturbed, dead: ['pending', null, 'dead'] },
    answers: { pending: 'redriven', dead: 'redriven' },
    next: { pending: [1, 'manual'], dead: [0, 'manual'], lost: [0, 'manual'] },
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
    answers: { pending: 'redriven' },
  },
  {
    operation: 'left alone while its endpoint is paused',
    run: ({ store }, { endpointId }) =>
      store.write.updateEndpoint(endpointId, { enabled: false, updatedAt: at }),
    expected: undisturbed,
    next: {},
  },
  {
    operation: 'left alone while its endpoint is paused and resumed',
    run: async ({ store }, { endpointId }) => {
      await store.write.updateEndpoint(endpointId, { enabled: false, updatedAt: at });
      await store.write.updateEndpoint(endpointId, { enabled: true, updatedAt: at });
    },
    expected: undisturbed,
    next: { lost: [0, 'schedule'] },
  },
  {
    operation: 'left alone while the URL of its endpoint changes',
    run: ({ store }, { endpointId }) =>
      store.write.updateEndpoint(endpointId, { url: 'http://127.0.0.1:2/', updatedAt: at }),
    expected: undisturbed,
    next: { lost: [0, 'schedule'] },
  },
  {
    operation: 'left alone while retention runs',
    run: ({ store }) =>
      store.write.prune({
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
      const job = { id: 'rdr_1', ...aRedrive, filter: {}, ratePerS: null, dryRun: false, now: at };
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
    async ({ run, expected, answers, next, outcome }) => {
      const endpoint = await subject.one();
      await subject.store.write.accept([[anEvent({ value: { amountMinor: 5n, currency: 'EUR' } })]], noRoom);
      const [held] = (await subject.claim(endpoint.id, start)).deliveries;
      await run(subject, held!);
      await subject.balanced();
      let now = settledAt;
      if (outcome === 'lost') now = start + lease;
      else {
        const plain = expected[outcome].includes('superseded') ? 'superseded' : 'applied';
        expect(await subject.store.write.settle([settlementOf(held!, outcome, settledAt)])).toEqual([
          answers?.[outcome] ?? plain,
        ]);
      }
      await subject.balanced();
      await subject.store.write.cancelOrphans(10, now);

      const [state, reason, ...log] = expected[outcome];
      const delivery = await subject.store.read.delivery(held!.number);
      expect(delivery).toMatchObject({
        state,
        reason,
        attempts: log.filter((is) => is !== 'superseded').length,
      });
      const attempts = await subject.store.read.attempts(held!.number);
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
        expect(await subject.store.write.settle([settlementOf(held!, 'delivered', now + 1, late)])).toEqual([
          'superseded',
        ]);
        expect(await subject.store.write.settle([settlementOf(due[0]!, 'delivered', now + 2)])).toEqual([
          'applied',
        ]);
        expect(await subject.store.read.delivery(held!.number)).toMatchObject({ state: 'delivered' });
        await subject.balanced();
      }
    },
  );

  test('G3: a redrive that comes while the last attempt is in flight begins a whole schedule', async () => {
    const endpoint = await subject.one();
    await subject.store.write.accept([[anEvent()]], noRoom);
    const [first] = (await subject.claim(endpoint.id, start)).deliveries;
    await subject.store.write.settle([settlementOf(first!, 'pending', start + 1)]);
    const [last] = (await subject.claim(endpoint.id, start + 10_000)).deliveries;
    await subject.store.write.redriveDelivery(last!.number, start + 10_001);
    const outcome = settlementOf(last!, 'dead', start + 10_002);
    expect(await subject.store.write.settle([outcome])).toEqual(['redriven']);
    // The answer was lost, and the outcome is settled again: it was applied, and nothing happens twice.
    expect(await subject.store.write.settle([outcome])).toEqual(['applied']);
    expect(await subject.store.read.delivery(last!.number)).toMatchObject({
      state: 'pending',
      dueAt: start + 10_002,
    });
    const [again] = (await subject.claim(endpoint.id, start + 10_003)).deliveries;
    expect(again).toMatchObject({ attemptsMade: 0, trigger: 'manual', claim: 3 });
    await subject.store.write.settle([settlementOf(again!, 'dead', start + 10_004)]);
    expect(await subject.store.read.delivery(last!.number)).toMatchObject({ state: 'dead' });
    await subject.balanced();
  });

  test('G3, G5: a redrive that comes while an attempt is in flight makes its retry due at once, and only that one', async () => {
    const endpoint = await subject.one();
    await subject.store.write.accept([[anEvent()]], noRoom);
    const [first] = (await subject.claim(endpoint.id, start)).deliveries;
    await subject.store.write.redriveDelivery(first!.number, at);
    const tenHours = { dueAt: settledAt + 36_000_000 };
    const outcome = settlementOf(first!, 'pending', settledAt, tenHours);
    expect(await subject.store.write.settle([outcome])).toEqual(['redriven']);
    // The answer was lost, and the outcome is settled again.
    expect(await subject.store.write.settle([outcome])).toEqual(['applied']);
    expect(await subject.store.read.delivery(first!.number)).toMatchObject({
      state: 'pending',
      dueAt: settledAt,
    });
    const [manual] = (await subject.claim(endpoint.id, settledAt)).deliveries;
    expect(manual).toMatchObject({ attemptsMade: 1, trigger: 'manual', claim: 2 });
    const next = settlementOf(manual!, 'pending', settledAt + 10, tenHours);
    expect(await subject.store.write.settle([next])).toEqual(['applied']);
    expect(await subject.store.read.delivery(first!.number)).toMatchObject(tenHours);
    const due = (await subject.claim(endpoint.id, tenHours.dueAt)).deliveries;
    expect(due).toMatchObject([{ attemptsMade: 2, trigger: 'schedule' }]);
    await subject.balanced();
  });

  test.each(['pending', 'dead'] as const)(
    'G3: after a lost attempt that was redriven, the next one is what the redrive asked for: its outcome is %s',
    async (state) => {
      const endpoint = await subject.one();
      await subject.store.write.accept([[anEvent()]], noRoom);
      const [lost] = (await subject.claim(endpoint.id, start)).deliveries;
      await subject.store.write.redriveDelivery(lost!.number, at);
      const [manual] = (await subject.claim(endpoint.id, start + lease)).deliveries;
      expect(manual).toMatchObject({ trigger: 'manual', claim: 2 });
      const outcome = settlementOf(manual!, state, start + lease + 1);
      expect(await subject.store.write.settle([outcome])).toEqual(['applied']);
      expect(await subject.store.read.delivery(lost!.number)).toMatchObject({ state, dueAt: outcome.dueAt });
      await subject.balanced();
    },
  );

  test.each(['pending', 'dead'] as const)(
    'G3: settled beside an outcome that comes too late, the one that was redriven counts: %s',
    async (state) => {
      const endpoint = await subject.one();
      await subject.store.write.accept([[anEvent()]], noRoom);
      const [lost] = (await subject.claim(endpoint.id, start)).deliveries;
      const [held] = (await subject.claim(endpoint.id, start + lease)).deliveries;
      await subject.store.write.redriveDelivery(held!.number, start + lease + 1);
      const now = start + lease + 2;
      expect(
        await subject.store.write.settle([
          settlementOf(lost!, 'delivered', now),
          settlementOf(held!, state, now, { startedAt: now - 1 }),
        ]),
      ).toEqual(['superseded', 'redriven']);
      const due = (await subject.claim(endpoint.id, now)).deliveries;
      expect(due).toMatchObject([{ trigger: 'manual', claim: 3 }]);
      await subject.balanced();
    },
  );

  test('G5: a redrive in the same moment as the outcome is forgotten in neither order', async () => {
    const endpoint = await subject.one();
    await subject.store.write.accept([Array.from({ length: 40 }, () => anEvent())], noRoom);
    const { deliveries } = await subject.claim(endpoint.id, start);
    expect(deliveries).toHaveLength(40);
    await Promise.all(
      deliveries.flatMap((held) => [
        subject.store.write.settle([settlementOf(held, 'pending', at)]),
        subject.store.write.redriveDelivery(held.number, at),
      ]),
    );
    const due = (await subject.claim(endpoint.id, at)).deliveries;
    expect(due.filter(({ trigger }) => trigger === 'manual')).toHaveLength(40);
    await subject.balanced();
  });
}
