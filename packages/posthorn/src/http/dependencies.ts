import type { Logger } from '../runtime/logger.ts';
import type { ServiceDependencies } from '../service/dependencies.ts';
import type { AuthenticationFailure } from './authentication.ts';
import type { Reached } from './browser.ts';
import type { DashboardFiles } from './dashboard-files.ts';

export interface ApiDependencies extends ServiceDependencies {
  readonly logger: Logger;
  /** SHA-256 (hex) of each admin key: the keys themselves are stored nowhere. */
  readonly adminKeyHashes: readonly string[];
  /** The same for the additional key of `/metrics`; null: it needs none. */
  readonly metricsKeyHash: string | null;
  readonly reached: Reached;
  /** Networks of the proxies whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  /** Null: the dashboard is not served. */
  readonly dashboard: DashboardFiles | null;
  readonly authenticationFailed?: ((reason: AuthenticationFailure) => void) | undefined;
}
