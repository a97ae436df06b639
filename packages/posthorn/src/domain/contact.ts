import type { ErrorClass } from './attempt.ts';

/** What the attempts at an endpoint's URL have come to: when they last succeeded and failed. */
export interface Contact {
  readonly lastSuccessAt: number | null;
  readonly lastFailureAt: number | null;
  /** The first failure since the last success; null: the last attempt succeeded, or none was made. */
  readonly failedSince: number | null;
  /** Failures since the last success, at least. */
  readonly failuresInARow: number;
  readonly lastErrorClass: ErrorClass | null;
  readonly lastStatusCode: number | null;
}

export const noContact: Contact = {
  lastSuccessAt: null,
  lastFailureAt: null,
  failedSince: null,
  failuresInARow: 0,
  lastErrorClass: null,
  lastStatusCode: null,
};

const latest = (a: number | null, b: number | null): number | null =>
  a === null ? b : b === null ? a : Math.max(a, b);

/**
 * What two nodes know, or two runs of one: in whatever order they are put together, the same comes out. `latestAt`: times
 * beyond it were stamped by a clock that was wrong, and say nothing.
 */
export function mergedContact(stored: Contact, seen: Contact, latestAt: number): Contact {
  const sides = [stored, seen].map((side) => withoutFuture(side, latestAt)) as [Contact, Contact];
  const [a, b] = sides;
  const lastSuccessAt = latest(a.lastSuccessAt, b.lastSuccessAt);
  const lastFailureAt = latest(a.lastFailureAt, b.lastFailureAt);
  const newest = (b.lastFailureAt ?? -1) >= (a.lastFailureAt ?? -1) ? b : a;
  const error = { lastErrorClass: newest.lastErrorClass, lastStatusCode: newest.lastStatusCode };
  if (lastFailureAt === null || (lastSuccessAt !== null && lastFailureAt <= lastSuccessAt))
    return { lastSuccessAt, lastFailureAt, failedSince: null, failuresInARow: 0, ...error };
  const since = sides.filter(
    ({ failedSince }) => failedSince !== null && (lastSuccessAt === null || failedSince > lastSuccessAt),
  );
  return {
    lastSuccessAt,
    lastFailureAt,
    // Failures of before and after another node's success: only the last of them is known to have come after it.
    failedSince: since.reduce((first, { failedSince }) => Math.min(first, failedSince!), lastFailureAt),
    failuresInARow: since.reduce((most, { failuresInARow }) => Math.max(most, failuresInARow), 1),
    ...error,
  };
}

function withoutFuture(contact: Contact, latestAt: number): Contact {
  const isFuture = (time: number | null): boolean => time !== null && time > latestAt;
  const { lastSuccessAt, lastFailureAt } = contact;
  if (!isFuture(lastSuccessAt) && !isFuture(lastFailureAt)) return contact;
  return isFuture(lastFailureAt)
    ? { ...noContact, lastSuccessAt: isFuture(lastSuccessAt) ? null : lastSuccessAt }
    : { ...contact, lastSuccessAt: null };
}
