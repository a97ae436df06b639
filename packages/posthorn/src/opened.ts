import type { Hints, Store } from './store/store.ts';
import type { Keyring } from './secrets/keyring.ts';

export interface Opened {
  readonly store: Store;
  readonly node: string;
  readonly hints?: Hints;
  readonly keyring: Keyring;
  /** What a failover of the database would lose, as a sentence with the next step; absent: nothing. */
  readonly failoverRisk?: string;
}
