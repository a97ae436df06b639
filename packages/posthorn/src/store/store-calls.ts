import type { Store, StoreRead, StoreWrite } from './store.ts';

export type StoreMethod = keyof StoreWrite | keyof StoreRead;

/** Carries out one call of a store: `perform` makes it, with these or other arguments. */
export type AroundCall = (
  method: StoreMethod,
  perform: (...args: unknown[]) => Promise<unknown>,
  args: unknown[],
) => Promise<unknown>;

/** The same store, whose every call but `close` goes through `around`. */
export function aroundCalls(store: Store, around: AroundCall): Store {
  const half = <Half extends object>(methods: Half): Half =>
    Object.fromEntries(
      Object.entries(methods).map(([method, perform]: [string, (...args: unknown[]) => Promise<unknown>]) => [
        method,
        (...args: unknown[]) => around(method as StoreMethod, perform, args),
      ]),
    ) as Half;
  return { write: half(store.write), read: half(store.read), close: () => store.close() };
}
