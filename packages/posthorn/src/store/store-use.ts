import { UnavailableError } from '../domain/errors.ts';
import { aroundCalls } from './store-calls.ts';
import type { Store } from './store.ts';

/** A store that knows who is using it. */
export interface StoreUse {
  /** The same store: after `end` every call is refused. */
  readonly store: Store;
  /** Refuses new calls from now on, and resolves when those under way have ended: then the store can be closed. */
  end(): Promise<void>;
}

/** Counts the calls under way, so that a store is closed while none is, and refuses those that come later. */
export function watchUse(inner: Store): StoreUse {
  let calls = 0;
  let hasEnded = false;
  let idle = (): void => {};
  return {
    store: aroundCalls(inner, async (_, perform, args) => {
      if (hasEnded) throw new UnavailableError('the store is closed');
      calls++;
      try {
        return await perform(...args);
      } finally {
        calls--;
        if (calls === 0) idle();
      }
    }),
    end: async () => {
      hasEnded = true;
      if (calls > 0) await new Promise<void>((resolve) => (idle = resolve));
    },
  };
}
