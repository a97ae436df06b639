import { type Ages, isFormer, jumpMs } from '../domain/clock-record.ts';

/** Whether between two heartbeats of a node the store's clock has leapt ahead of the node's monotonic clock. */
export function isLeap(storeMs: number, sinceMs: number | null): boolean {
  return sinceMs !== null && storeMs - sinceMs > jumpMs;
}

/** The store's clock has jumped, and the caller has not seen it yet: nothing was deleted. */
export class FormerTimeError extends Error {
  override readonly name = 'FormerTimeError';
}

/**
 * Throws `FormerTimeError` if ages of a shared store no longer hold. The reading is taken after the rows that are to be
 * deleted were read: the node that stamped them had not read a later one.
 */
export function refuseFormer(ages: Ages, reading: number): void {
  if (ages.shared === true && isFormer(ages, reading))
    throw new FormerTimeError('the clock has jumped since this node read it: nothing is deleted by it');
}
