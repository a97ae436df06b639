/** What attempts at an endpoint have come to since its last success: failures only. */
export interface Failing {
  /** When the first of them failed. */
  readonly since: number;
  /** How many they are, up to `minFailures`: more say nothing more. */
  readonly count: number;
}

/** However long it takes, so few failures disable nothing. */
export const minFailures = 5;

/** After a failed attempt. */
export function afterFailure(failing: Failing | null, now: number): Failing {
  if (failing === null) return { since: now, count: 1 };
  return failing.count >= minFailures ? failing : { ...failing, count: failing.count + 1 };
}

interface Disabling {
  /** How long an endpoint may fail before it is disabled; null: for ever. */
  readonly disableAfterMs: number | null;
}

/** From when on a failed attempt disables the endpoint; null: none does. */
export function disablesAt({ disableAfterMs }: Disabling, since: number | null): number | null {
  return disableAfterMs === null || since === null ? null : since + disableAfterMs;
}

/** Whether an attempt that fails now disables the endpoint. */
export function isTooLong(endpoint: Disabling, failing: Failing, now: number): boolean {
  const at = disablesAt(endpoint, failing.since);
  return at !== null && now >= at && failing.count >= minFailures;
}
