import { UnavailableError } from '../domain/errors.ts';
import type { Store } from './store.ts';

/** A store that knows who is using it. */
export interface StoreUse {
  /** The same store: after `end` every call is refused. */
  readonly store: Store;
  /** Refuses new calls from now on, and resolves when those under way have ended: then the store can be closed. */
  end(): Promise<void>;
}

/** Whoever still calls a store that is being closed hears so, and the store is closed while nobody uses it. */
export function watchUse(inner: Store): StoreUse {
  let calls = 0;
  let hasEnded = false;
  let idle = (): void => {};
  const wrapped = new Map<string, (...args: unknown[]) => Promise<unknown>>();
  const wrap =
    (name: keyof Store) =>
    async (...args: unknown[]): Promise<unknown> => {
      if (hasEnded) throw new UnavailableError('the store is closed');
      calls++;
      try {
        return await (inner[name] as (...args: unknown[]) => Promise<unknown>)(...args);
      } finally {
        calls--;
        if (calls === 0) idle();
      }
    };
  return {
    store: new Proxy(inner, {
      get: (_, name: keyof Store) => {
        // A store is awaited on its way out of an async function; it must not look like a promise.
        if (typeof name === 'symbol' || typeof inner[name] !== 'function') return inner[name];
        let call = wrapped.get(name);
        if (call === undefined) wrapped.set(name, (call = wrap(name)));
        return call;
      },
    }),
    end: async () => {
      hasEnded = true;
      if (calls > 0) await new Promise<void>((resolve) => (idle = resolve));
    },
  };
}
