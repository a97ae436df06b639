/** By the number of a state, the counter of deliveries that are in it; pending ones have none. */
export const endCounters = [null, 'delivered', 'dead', 'cancelled', 'suppressed'] as const;

/** A delivery that a counter counts from now on (1), or no longer (-1). */
export interface CounterChange {
  readonly number: number;
  /** The number of its event. */
  readonly event: number;
  readonly type: string;
  readonly endpoint: number;
  readonly createdAt: number;
  readonly counter: 'accepted' | Exclude<(typeof endCounters)[number], null>;
  readonly by: 1 | -1;
}
