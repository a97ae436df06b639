import type { AuthenticationFailure } from './authentication.ts';

export interface Metrics {
  /** Prometheus text format, version 0.0.4. */
  render(): Promise<string>;
  readonly authenticationFailed?: (reason: AuthenticationFailure) => void;
}
