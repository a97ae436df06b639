import type { Logger } from '../runtime/logger.ts';
import type { ServiceDependencies } from '../service/dependencies.ts';
import type { AuthenticationFailure } from './authentication.ts';

export interface Metrics {
  render(): Promise<string>;
  readonly contentType: string;
  readonly authenticationFailed?: (reason: AuthenticationFailure) => void;
}

export interface ApiDependencies extends ServiceDependencies {
  readonly logger: Logger;
  /** SHA-256 of each admin key, in hexadecimal: the keys themselves are nowhere. */
  readonly adminKeyHashes: readonly string[];
  /** The same of the key that opens `/metrics` beside them; null: it takes none. */
  readonly metricsKeyHash: string | null;
  readonly metrics: Metrics;
}
