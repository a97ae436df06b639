import { isDisputed, minAge } from '../domain/clock-record.ts';
import type { PruneRequest } from './store.ts';

/** A range of stamps: from ≤ t < before. */
interface StampRange {
  readonly from: number;
  readonly before: number;
}

/** What of a round of pruning may go: decided alike by every adapter, row by row. */
export interface Retention {
  /** Whether a delivery that has ended is older than it is kept. */
  isOver(number: number, settledAt: number, isDead: boolean): boolean;
  /** Whether everything that was made after this delivery is too young. */
  endsAt(number: number, createdAt: number): boolean;
  /** Whether an event without deliveries is older than it is kept. */
  isUnwantedOver(number: number, acceptedAt: number): boolean;
  /** Where such events can be: a range for those of a right clock, and one for each time that it was wrong. */
  readonly stampsOfUnwanted: readonly StampRange[];
}

export function retentionOf({ ages, settledBefore, deadBefore }: PruneRequest): Retention {
  const { lived, disputed } = ages;
  const settledMs = lived - settledBefore;
  const deadMs = lived - deadBefore;
  const youngest = Math.max(settledBefore, deadBefore);
  const isOlder = (age: number | null, ms: number): boolean => age !== null && age > ms;
  // A clock that was behind has stamped what is young as old: those would fill every page of the first range.
  const begin = disputed.reduce(
    (from, { kind, until, livedMs }) =>
      kind === 'behind' && livedMs <= settledMs ? Math.max(from, until + 1) : from,
    0,
  );
  return {
    isOver: (number, settledAt, isDead) =>
      isOlder(minAge(ages, 'deliveries', number, settledAt, 'ended'), isDead ? deadMs : settledMs),
    endsAt: (number, createdAt) =>
      createdAt >= youngest && !isDisputed(ages, 'deliveries', number, createdAt),
    isUnwantedOver: (number, acceptedAt) => isOlder(minAge(ages, 'events', number, acceptedAt), settledMs),
    stampsOfUnwanted: [
      { from: begin, before: settledBefore },
      ...disputed
        .filter(({ kind, livedMs }) => kind === 'ahead' && livedMs > settledMs)
        .map(({ from, until }) => ({ from: Math.max(from, settledBefore), before: until + 1 })),
    ],
  };
}
