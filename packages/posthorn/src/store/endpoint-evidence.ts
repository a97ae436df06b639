import type { ErrorClass } from '../domain/attempt.ts';
import type { AttemptRecord } from './delivery-record.ts';

// The part of the store port that says why one endpoint fails: what waits there and until when, and how attempts have failed.

export interface EvidenceRequest {
  readonly endpointId: string;
  readonly now: number;
  /** Bounds of the histogram of due times, ascending: from one to the next, before the first, and from the last on. */
  readonly dueBounds: readonly number[];
  /** No more pending deliveries than this are read for any number in the answer, the earliest due first. */
  readonly maxPending: number;
  /** Failures are counted from this hour of acceptance on (ms since the epoch). */
  readonly failuresSince: number;
  readonly maxErrors: number;
}

/** Pending deliveries that have had so many attempts of their running schedule. */
export interface WaitingGroup {
  readonly tries: number;
  readonly count: number;
  /** The earliest moment at which one of them may be attempted: that of a claimed one is now. */
  readonly earliestAt: number;
  readonly oldestCreatedAt: number;
}

export interface FailureCount {
  readonly errorClass: ErrorClass;
  readonly eventType: string;
  /** Failed attempts. */
  readonly count: number;
}

/** The last attempt of a delivery that is pending or dead. */
export interface FailedAttempt extends AttemptRecord {
  readonly deliveryNumber: number;
  readonly eventId: string;
  readonly eventType: string;
}

export interface EndpointEvidence {
  readonly waiting: readonly WaitingGroup[];
  /** Whether all that is pending is in `waiting`. */
  readonly complete: boolean;
  /** How many are claimed, among those of `waiting`. */
  readonly claimed: number;
  /** One more than there are bounds; none is above `maxPending`. */
  readonly due: readonly number[];
  /** When the next unclaimed delivery is due. */
  readonly nextAt: number | null;
  readonly failures: readonly FailureCount[];
  /** Newest first. */
  readonly errors: readonly FailedAttempt[];
}

export interface EndpointEvidenceReadings {
  /** Null: an endpoint with this id does not exist. */
  endpointEvidence(request: EvidenceRequest): Promise<EndpointEvidence | null>;
}
