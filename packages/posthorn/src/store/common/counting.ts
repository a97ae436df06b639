import type { CounterChange } from '../counter-change.ts';
import type { Steps } from './steps.ts';

/**
 * Counts in the transaction that changes the deliveries (G4), by the adapter's own writer of counters: also what dead letters and
 * suppressed deliveries are worth. Their rows and their events are there.
 */
export function* count(changes: readonly CounterChange[]): Steps<void> {
  if (changes.length > 0) yield { wants: 'counting', changes };
}
