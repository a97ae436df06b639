/** After this many failures in a row an endpoint counts as broken. */
const failuresToOpen = 20;
/** A broken endpoint keeps this share of its concurrency, at least one attempt at a time. */
const brokenShare = 1 / 16;

/**
 * Attempts at a time for an endpoint with so many failures in a row. A broken endpoint is slowed down, not
 * stopped: every delivery still gets its attempts in time, and the first success opens it fully again.
 */
export function concurrency(maxInFlight: number, failuresInARow: number): number {
  return failuresInARow < failuresToOpen ? maxInFlight : Math.max(1, Math.floor(maxInFlight * brokenShare));
}
