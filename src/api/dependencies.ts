import type { Engine } from '../engine/port.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Random } from '../runtime/random.ts';
import type { Store } from '../store/store.ts';

export interface ApiDependencies {
  readonly store: Store;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** SHA-256 of the admin key, in hexadecimal: the key itself is nowhere. */
  readonly adminKeyHash: string;
  readonly version: string;
  readonly metrics: { render(): Promise<string>; readonly contentType: string };
  /** Null where the host may be called, else why not. Names are judged again when they are connected to. */
  readonly refuseHost: (hostname: string) => string | null;
}
