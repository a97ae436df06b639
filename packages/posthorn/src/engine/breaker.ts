import { adaptiveBounds } from '../domain/adaptive-limit.ts';

/** After this many failures in a row an endpoint counts as broken. */
const failuresToOpen = 20;
/** A broken endpoint keeps this share of its concurrency, at least one attempt at a time. */
const brokenShare = 1 / 16;

/** What a node knows of an endpoint's health: what it saw itself, and what the endpoint's row says. */
export interface Breaker {
  /** Counts this node's own attempts. */
  readonly failuresInARow: number;
  readonly lastSuccessAt: number;
  /** Since when it is open according to the endpoint's row, written by any node; null if that says closed. */
  readonly openSince: number | null;
}

export const freshBreaker: Breaker = {
  failuresInARow: 0,
  lastSuccessAt: Number.NEGATIVE_INFINITY,
  openSince: null,
};

/** Whether the endpoint is slowed down here: by this node's own failures, or by what another node found out. */
export function isOpen({ failuresInARow, openSince }: Breaker): boolean {
  return failuresInARow >= failuresToOpen || openSince !== null;
}

/** After an attempt of this node. If `openSince` has changed, the row needs an update. */
export function afterOutcome(breaker: Breaker, ok: boolean, now: number): Breaker {
  if (ok) return { failuresInARow: 0, lastSuccessAt: now, openSince: null };
  const failuresInARow = breaker.failuresInARow + 1;
  // Only the failure that opens it is written: a node that keeps failing while others get through writes nothing.
  const openSince = failuresInARow === failuresToOpen ? (breaker.openSince ?? now) : breaker.openSince;
  return { ...breaker, failuresInARow, openSince };
}

/**
 * After reading the row. A success of this node that is newer than the opening closes it again, and the row needs an
 * update: then `openSince` is null although the row's is not.
 */
export function afterRowRead(breaker: Breaker, openSince: number | null): Breaker {
  return {
    ...breaker,
    openSince: openSince !== null && breaker.lastSuccessAt > openSince ? null : openSince,
  };
}

/** After a jump of the clock. */
export function moved(breaker: Breaker, byMs: number): Breaker {
  const { lastSuccessAt, openSince } = breaker;
  return {
    ...breaker,
    lastSuccessAt: lastSuccessAt + byMs,
    openSince: openSince === null ? null : openSince + byMs,
  };
}

/**
 * Attempts at a time for an endpoint with a fixed limit, null: with an adaptive one. A broken one is slowed down, not stopped: every delivery still gets its
 * attempts in time, and the first success opens it fully again.
 */
export function concurrency(maxInFlight: number | null, broken: boolean): number {
  if (maxInFlight === null) return broken ? adaptiveBounds.least : adaptiveBounds.most;
  return broken ? Math.max(1, Math.floor(maxInFlight * brokenShare)) : maxInFlight;
}
