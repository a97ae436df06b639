import type { Retention } from 'posthorn/engine';
import type { Database } from 'posthorn/sqlite';
import type { Store, StoreWrite } from 'posthorn/store';

/** What a mutant gets hold of, to work around a guard. */
export interface MutantAccess {
  readonly store: Store;
  readonly db: Database;
  /** Waits in this incarnation of the node; never comes back where the node dies. */
  readonly pause: (ms: number) => Promise<void>;
  /** The time of the world. */
  readonly now: () => number;
  readonly retention: Retention;
}
/** What a mutant does instead of some of the store's writes. */
export type Mutant = (access: MutantAccess) => Partial<StoreWrite>;
