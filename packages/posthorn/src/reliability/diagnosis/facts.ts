import type { ErrorClass } from '../../domain/attempt.ts';
import type { Contact } from '../../domain/contact.ts';
import type { EndpointState } from '../../domain/endpoint-state.ts';

/** The outcome of a failed attempt. */
export interface Answered {
  readonly errorClass: ErrorClass;
  readonly statusCode: number | null;
}

/** The input of an endpoint's diagnosis. Times are in ms since the epoch. */
export interface DiagnosisFacts {
  readonly now: number;
  readonly host: string;
  readonly state: EndpointState;
  readonly timeoutMs: number;
  readonly eventTypes: readonly string[];
  readonly pause: {
    readonly reason: string;
    readonly at: number | null;
    /** Who paused it; null: Posthorn did, or it is not known. */
    readonly by: string | null;
  } | null;
  /** Why its secrets cannot be decrypted. */
  readonly secretsFault: string | null;
  readonly contact: Contact | null;
  readonly throttledUntil: number | null;
  readonly breakerSince: number | null;
  /** Concurrent attempts while the breaker is open, and otherwise. */
  readonly slowedTo: number;
  readonly maxInFlight: number;
  /** When the certificate that the receiver presented last expires; null: none is known. */
  readonly certificateEndsAt: number | null;
  /** When a failed attempt pauses the endpoint automatically. */
  readonly disablesAt: number | null;
  readonly pending: number;
  /** Attempts in progress, or claimed. */
  readonly claimed: number;
  readonly nextAttemptAt: number | null;
  /** No pending delivery becomes a dead letter before this; null: not known. */
  readonly lossAt: number | null;
  readonly dead: number;
  readonly suppressed: number;
  /** Ordering keys that dead letters block. */
  readonly blockedKeys: number;
  /** Failures since the last success by outcome, the most frequent first. */
  readonly answers: readonly (Answered & { readonly count: number })[];
  /** The last failure's message. */
  readonly lastMessage: string | null;
  /** Event types since it began to fail, with failures and without. */
  readonly failingTypes: readonly string[];
  readonly otherTypes: readonly string[];
  /** Over the last 24 hours. */
  readonly inTime: { readonly good: number; readonly due: number };
  readonly failures: number;
}

export type DiagnosisLevel = 'ok' | 'watch' | 'act';

export interface Diagnosis {
  /** The rule that matched. */
  readonly rule: string;
  readonly level: DiagnosisLevel;
  readonly sentence: string;
  /** What the operator can do; null: nothing needs to be done. */
  readonly nextStep: string | null;
}
