import type { AuthenticationFailure } from './authentication.ts';
import type { Catalog } from './catalog.ts';
import type { ConfigWriter } from './config-writer.ts';
import type { Engine } from '../engine/port.ts';
import type { Alert } from '../domain/alert.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Random } from '../runtime/random.ts';
import type { Store } from '../store/store.ts';

export interface Metrics {
  render(): Promise<string>;
  readonly contentType: string;
  readonly authenticationFailed?: (reason: AuthenticationFailure) => void;
}

export interface ApiDependencies {
  readonly catalog: Catalog;
  readonly store: Store;
  /** Every change of an endpoint or a document that depends on what is there goes through it. */
  readonly config: ConfigWriter;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** SHA-256 of each admin key, in hexadecimal: the keys themselves are nowhere. */
  readonly adminKeyHashes: readonly string[];
  /** The same of the key that opens `/metrics` beside them; null: it takes none. */
  readonly metricsKeyHash: string | null;
  readonly version: string;
  /** Alerts that cannot be stored, because they are about the store. */
  readonly unstoredAlerts?: () => readonly Alert[];
  readonly metrics: Metrics;
  /** Null where the host may be called, else why not. Names are judged again when they are connected to. */
  readonly refuseHost: (hostname: string) => string | null;
}
