import type { Endpoint } from '../domain/endpoint.ts';
import type { Failing } from '../domain/failing.ts';

// The part of the store port for endpoints that are disabled when they have only failed for long: since when they have, in the
// endpoint's row, for every node and the next run.

export interface FailingChange {
  readonly endpointId: string;
  /** The URL that it was learned from; a change about a URL that the endpoint no longer has is dropped. */
  readonly url: string;
  /** Null: an attempt has succeeded. */
  readonly failing: Failing | null;
  /** When the last of these attempts ended. */
  readonly at: number;
}

export interface FailingEndpoint extends Failing {
  readonly endpointId: string;
}

export interface FailureWrites {
  /**
   * Records failures and successes. Failures that began before the newest success that is known, or before the endpoint was
   * resumed or got another URL, are dropped; of two nodes' failures the earlier beginning counts.
   */
  saveFailing(changes: readonly FailingChange[]): Promise<void>;
  /**
   * Records a failure, and pauses its endpoint with the reason `failing` if it is still enabled and by its row has failed for
   * too long; else returns null. One node does it, in one transaction with the entry of the audit log.
   */
  pauseFailing(change: FailingChange): Promise<Endpoint | null>;
}

export interface FailureLookups {
  /** Lists endpoints that have failed since their last success, without deleted ones. */
  failingEndpoints(): Promise<readonly FailingEndpoint[]>;
}
