import { expect, test } from 'vitest';
import type { ScopedObjective } from '../domain/objective.ts';
import type { TypeCounters } from '../store/accounting.ts';
import { readProgress } from './objective-counts.ts';
import type { StoreRead } from '../store/store.ts';

const none: TypeCounters = {
  eventType: 'a',
  accepted: 0,
  delivered: 0,
  dead: 0,
  cancelled: 0,
  suppressed: 0,
  late: 0,
  superseded: 0,
  firstAttempts: 0,
  firstAttemptDelivered: 0,
  recovered: 0,
  heldLate: 0,
  held: 0,
};

const sidesOf = async (outcomes: Partial<TypeCounters>) => {
  const store: Pick<StoreRead, 'counters'> = { counters: async () => [[{ ...none, ...outcomes }]] };
  const objective = {
    name: 'o',
    eventTypes: ['*'],
    endpoints: [{ id: 'ep_1', deliverWithinMs: 1000 }],
  } as unknown as ScopedObjective;
  const counts = await readProgress(store, [objective], 0, 3_600_000);
  return counts.get('o');
};

test('what a dead letter of its key holds, or has held until it was late, is bad by the receiver', async () => {
  // One failed, two behind it were late once it had been redriven, three wait still, and one is late by the sender.
  const outcomes = { accepted: 10, delivered: 6, late: 4, firstAttempts: 7, firstAttemptDelivered: 6 };
  expect(await sidesOf(outcomes)).toEqual({ due: 10, bad: 8, badBy: { sender: 7, receiver: 1 } });
  expect(await sidesOf({ ...outcomes, heldLate: 2, held: 3 })).toEqual({
    due: 10,
    bad: 8,
    badBy: { sender: 2, receiver: 6 },
  });
  // Never more than what is bad.
  expect(await sidesOf({ ...outcomes, heldLate: 2, held: 30 })).toMatchObject({
    badBy: { sender: 0, receiver: 8 },
  });
});
