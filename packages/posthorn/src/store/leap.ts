import { jumpMs } from '../domain/clock-record.ts';

/** Whether between two beats of a node the store's clock has leapt ahead of the node's monotonic clock. */
export function isLeap(storeMs: number, sinceMs: number | null): boolean {
  return sinceMs !== null && storeMs - sinceMs > jumpMs;
}
