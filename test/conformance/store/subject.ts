import { afterEach, beforeEach, expect } from 'vitest';
import type { Endpoint } from '../../../packages/posthorn/src/domain/endpoint.ts';
import { reconcile } from '../../../packages/posthorn/src/ledger/reconciler.ts';
import type { AcceptOptions, ClaimAnswer, Store } from '../../../packages/posthorn/src/store/store.ts';
import { anEndpoint, start } from '../../support.ts';

export const noRoom: AcceptOptions = {
  now: start,
  node: 'a',
  leaseMs: 30_000,
  defaultRoom: 0,
  room: new Map(),
};
export const lease = 60_000;

/** What a test of the store has at hand. */
export interface Subject {
  /** The test's own, opened for it and closed after it. */
  readonly store: Store;
  /** Another one, for the test to close. */
  readonly open: () => Promise<Store>;
  /** A new endpoint in the store. */
  readonly one: (fields?: Partial<Endpoint>) => Promise<Endpoint>;
  readonly claim: (endpointId: string, now: number, limit?: number, node?: string) => Promise<ClaimAnswer>;
  /** Expects the ledger to balance, row by row. */
  readonly balanced: () => Promise<void>;
}

/** To be called within a `describe`: each of its tests gets a fresh store. */
export function subjectOf(open: () => Promise<Store>): Subject {
  let store: Store;
  beforeEach(async () => {
    store = await open();
  });
  afterEach(async () => {
    await store.close();
  });
  return {
    get store() {
      return store;
    },
    open,
    one: async (fields = {}) => {
      const endpoint = anEndpoint(fields);
      await store.write.createEndpoint(endpoint);
      return endpoint;
    },
    claim: (endpointId, now, limit = 100, node = 'a') =>
      store.write.claim({ endpointId, shards: null, limit, maxPayload: 1e9, now, leaseMs: lease, node }),
    balanced: async () => {
      const result = await reconcile(store.read, { everyRow: true });
      expect(result.findings).toEqual([]);
      expect(result.balanced).toBe(true);
    },
  };
}
