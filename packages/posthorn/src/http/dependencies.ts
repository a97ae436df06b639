import type { Logger } from '../runtime/logger.ts';
import type { ServiceDependencies } from '../service/dependencies.ts';
import type { AuthenticationFailure } from './authentication.ts';
import type { Reached } from './browser.ts';
import type { DashboardFiles } from './dashboard-files.ts';

export interface ApiDependencies extends ServiceDependencies {
  readonly logger: Logger;
  /** SHA-256 of each admin key, in hexadecimal: the keys themselves are nowhere. */
  readonly adminKeyHashes: readonly string[];
  /** The same of the key that opens `/metrics` beside them; null: it takes none. */
  readonly metricsKeyHash: string | null;
  readonly reached: Reached;
  /** Null: it is not served. */
  readonly dashboard: DashboardFiles | null;
  readonly authenticationFailed?: ((reason: AuthenticationFailure) => void) | undefined;
}
