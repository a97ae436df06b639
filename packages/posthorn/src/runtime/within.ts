import type { Clock } from './clock.ts';

/** Resolves true if the work succeeds within so long, else false; never rejects, and leaves no timer behind. */
export async function within(clock: Clock, ms: number, work: Promise<unknown>): Promise<boolean> {
  let cancel = (): void => {};
  const late = new Promise<boolean>((resolve) => {
    cancel = clock.after(ms, () => resolve(false));
  });
  const done = work.then(
    () => true,
    () => false,
  );
  return await Promise.race([done, late]).finally(() => cancel());
}

/** The result of work, or a rejection with `late` if it takes longer; leaves no timer behind. */
export async function bounded<T>(clock: Clock, ms: number, work: Promise<T>, late: string): Promise<T> {
  let cancel = (): void => {};
  const timeout = new Promise<never>((_, reject) => {
    cancel = clock.after(ms, () => reject(new Error(late)));
  });
  return await Promise.race([work, timeout]).finally(() => cancel());
}
