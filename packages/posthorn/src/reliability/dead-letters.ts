import type { DeadLetterGroup, StoreRead } from '../store/store.ts';
import { everything } from '../store/accounting.ts';
import { minuteMs } from '../domain/time.ts';

/** The groups are read again after this long even if no counter has changed. */
const rereadMs = 5 * minuteMs;

/**
 * Groups of dead letters, read again only when an endpoint's counters have changed: with millions of dead letters the
 * query takes seconds, and the evaluator asks every few.
 */
export function rememberDeadLetters(
  store: Pick<StoreRead, 'deadLetters' | 'accountingBy'>,
): (now: number) => Promise<readonly DeadLetterGroup[]> {
  let last: {
    readonly at: number;
    readonly counted: string;
    readonly groups: readonly DeadLetterGroup[];
  } | null = null;
  return async (now) => {
    const endpoints = await store.accountingBy({ ...everything, now }, 'endpoint');
    const counted = JSON.stringify(
      endpoints.filter(({ dead }) => dead > 0).map(({ key, dead }) => [key, dead]),
    );
    if (last === null || last.counted !== counted || now - last.at >= rereadMs || now < last.at)
      last = { at: now, counted, groups: await store.deadLetters({}) };
    return last.groups;
  };
}
