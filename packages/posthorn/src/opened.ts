import type { Hints, Store } from './store/store.ts';
import type { Keyring } from './secrets/keyring.ts';

export interface Opened {
  readonly store: Store;
  readonly node: string;
  readonly hints?: Hints;
  readonly keyring: Keyring;
}
