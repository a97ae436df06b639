import { stateNumbers } from './rows.ts';
import type { RedriveRecord } from './store.ts';

// A job in bulk sends a few first and waits for their outcomes: if the receiver still fails, the rest stays as it is.

/** If so many are the first and all of them fail, the job stops. */
export const firstCount = 20;
/**
 * How long the rest waits for the first ones: longer than the usual timeout. A receiver that takes longer does not hold the job
 * up for ever; the first ones are watched on.
 */
const maxWaitMs = 20_000;

/** What the job remembers of the first ones. */
export interface FirstSent {
  readonly numbers: readonly number[];
  /** The rest waits until then; null: they are not all sent. */
  readonly until: number | null;
}

/** How one of them is now; one that retention has deleted is left out. */
export interface FirstState {
  readonly state: number;
  /** Attempts since it was sent. */
  readonly tries: number;
  /** Its endpoint takes attempts. */
  readonly enabled: boolean;
}

export type StepPlan =
  | { readonly do: 'take'; readonly limit: number; readonly isWatching: boolean }
  | { readonly do: 'wait' }
  | { readonly do: 'stop' };

export function planStep(
  job: Pick<RedriveRecord, 'matched' | 'redriven' | 'skipped'>,
  first: { readonly sent: FirstSent; readonly states: readonly FirstState[] } | null,
  limit: number,
  now: number,
): StepPlan {
  const go = { do: 'take', limit, isWatching: false } as const;
  if (first === null) return go;
  const { sent, states } = first;
  if (states.some(({ state }) => state === stateNumbers.delivered)) return go;
  const left = firstCount - sent.numbers.length;
  if (left > 0) return { do: 'take', limit: Math.min(limit, left), isWatching: true };
  // Nothing is left to be spared.
  if (job.redriven + job.skipped >= job.matched) return go;
  const isFailed = ({ state, tries }: FirstState): boolean =>
    state === stateNumbers.dead || (state === stateNumbers.pending && tries > 0);
  if (states.length === firstCount && states.every(isFailed)) return { do: 'stop' };
  const isUnderWay = ({ state, tries, enabled }: FirstState): boolean =>
    state === stateNumbers.pending && tries === 0 && enabled;
  if (!states.some(isUnderWay)) return go;
  const waitMs = (sent.until ?? now) - now;
  // A clock that jumps back does not make it wait longer.
  return waitMs > 0 && waitMs <= maxWaitMs ? { do: 'wait' } : { do: 'take', limit, isWatching: true };
}

/** After a step has sent these. */
export function firstSentAfter(sent: FirstSent, numbers: readonly number[], now: number): FirstSent {
  if (sent.numbers.length >= firstCount) return sent;
  const all = [...sent.numbers, ...numbers];
  return { numbers: all, until: all.length >= firstCount ? now + maxWaitMs : null };
}
