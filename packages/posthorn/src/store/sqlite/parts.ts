import type { Store, StoreListings, StoreLookups, StoreWrite } from '../store.ts';

/**
 * The port as this adapter runs it: the writer's connection serves writes and lookups, and listings have a connection of
 * their own, if there is a thread for it.
 */
export interface SqliteParts {
  readonly write: StoreWrite;
  readonly lookups: StoreLookups;
  readonly listings: StoreListings;
  close(): Promise<void>;
}

/** The parts that have methods. */
export type PartName = 'write' | 'lookups' | 'listings';

export function storeFrom({ write, lookups, listings, close }: SqliteParts): Store {
  return { write, read: { ...lookups, ...listings }, close };
}
