import type { ErrorClass } from '../../domain/attempt.ts';
import type { Contact } from '../../domain/contact.ts';
import type { EndpointState } from '../../domain/endpoint-state.ts';

/** What an attempt came to, if it failed. */
export interface Answered {
  readonly errorClass: ErrorClass;
  readonly statusCode: number | null;
}

/** What the diagnosis of one endpoint is made of. Times in ms since the epoch. */
export interface DiagnosisFacts {
  readonly now: number;
  readonly host: string;
  readonly state: EndpointState;
  readonly timeoutMs: number;
  readonly eventTypes: readonly string[];
  readonly pause: {
    readonly reason: string;
    readonly at: number | null;
    /** Who paused it; null: Posthorn did, or nobody knows. */
    readonly by: string | null;
  } | null;
  /** Why its secrets cannot be opened. */
  readonly secretsFault: string | null;
  readonly contact: Contact | null;
  readonly throttledUntil: number | null;
  readonly breakerSince: number | null;
  /** Attempts at once while the breaker is open, and otherwise. */
  readonly slowedTo: number;
  readonly maxInFlight: number;
  /** When the certificate ends that the receiver presented last; null: none is known. */
  readonly certificateEndsAt: number | null;
  /** When a failed attempt pauses the endpoint by itself. */
  readonly disablesAt: number | null;
  readonly pending: number;
  /** Attempts that are under way, or claimed for it. */
  readonly claimed: number;
  readonly nextAttemptAt: number | null;
  /** Before this no pending delivery becomes a dead letter; null: that cannot be said. */
  readonly lossAt: number | null;
  readonly dead: number;
  readonly suppressed: number;
  /** Ordering keys that dead letters block. */
  readonly blockedKeys: number;
  /** Failures since the last success, by what came back, the most frequent first. */
  readonly answers: readonly (Answered & { readonly count: number })[];
  /** The last failure in the words of whoever made the attempt. */
  readonly lastMessage: string | null;
  /** Event types of the time since it fails, with failures and without. */
  readonly failingTypes: readonly string[];
  readonly otherTypes: readonly string[];
  /** Of the last 24 hours. */
  readonly inTime: { readonly good: number; readonly due: number };
  readonly failures: number;
}

export type DiagnosisLevel = 'ok' | 'watch' | 'act';

export interface Diagnosis {
  /** The rule that spoke. */
  readonly rule: string;
  readonly level: DiagnosisLevel;
  readonly sentence: string;
  /** What somebody can do; null: nothing is to be done. */
  readonly nextStep: string | null;
}
