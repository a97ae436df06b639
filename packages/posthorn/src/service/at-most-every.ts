import type { Clock } from '../runtime/clock.ts';

/** Caches the result of `make` for `ms`; concurrent callers share one run. */
export function atMostEvery<T>(clock: Clock, ms: number, make: () => Promise<T>): () => Promise<T> {
  let last: { readonly made: Promise<T>; doneAt: number } | null = null;
  return () => {
    if (last !== null && clock.monotonic() - last.doneAt < ms) return last.made;
    // Until it is done it is as fresh as can be.
    const current = { made: make(), doneAt: Number.POSITIVE_INFINITY };
    last = current;
    current.made.then(
      () => (current.doneAt = clock.monotonic()),
      () => (last = last === current ? null : last),
    );
    return current.made;
  };
}
