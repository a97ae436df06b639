import { corruptMessage, type ErrorClass, type WireRecord } from './attempt.ts';
import { afterAttempt, type Reason, type Trigger } from './delivery.ts';
import type { Endpoint } from './endpoint.ts';
import { withoutSecretHeaders, withoutSecrets } from './hidden-values.ts';

/** An outcome as the store records it: the attempt, what becomes of its delivery, and what is counted (G4). */
export interface Settlement {
  readonly number: number;
  readonly endpointId: string;
  readonly eventType: string;
  /** The fence: it applies only if this is still the delivery's claim (G3). */
  readonly claim: number;
  readonly leaseUntil: number;
  readonly createdAt: number;
  readonly state: 'pending' | 'delivered' | 'dead';
  readonly dueAt: number | null;
  readonly reason: Reason | null;
  readonly now: number;
  readonly startedAt: number;
  readonly durationMs: number;
  readonly statusCode: number | null;
  readonly errorClass: ErrorClass | null;
  readonly message: string | null;
  readonly responseExcerpt: string | null;
  readonly wire: WireRecord | null;
  readonly trigger: Trigger;
  readonly node: string;
  /** Counts as late if it delivers: past its deadline. */
  readonly late: boolean;
  /** Counts as a first attempt: no attempt came before, and no redrive. False without an attempt. */
  readonly first: boolean;
  /** The endpoint keeps the order of keys: when the delivery ends, the key's next one is due. */
  readonly keyed: boolean;
}

/** A claimed delivery, as far as its outcome depends on it. */
export interface AttemptedDelivery {
  readonly number: number;
  readonly endpointId: string;
  readonly eventType: string;
  readonly claim: number;
  readonly leaseUntil: number;
  readonly createdAt: number;
  readonly trigger: Trigger;
  /** Attempts recorded before this one. */
  readonly attemptsMade: number;
}

/** What came of one request. */
export interface RequestOutcome {
  readonly ok: boolean;
  readonly statusCode: number | null;
  readonly errorClass: ErrorClass | null;
  readonly message: string | null;
  readonly responseExcerpt: string | null;
  readonly retryAfterMs: number | null;
  readonly durationMs: number;
  readonly wire?: WireRecord;
}

/** A finished attempt: what was sent to whom, from when to when, and what came of it. */
export interface FinishedAttempt {
  readonly delivery: AttemptedDelivery;
  /** As it was when the attempt began. */
  readonly endpoint: Endpoint;
  /** The endpoint's URL has changed since. */
  readonly moved: boolean;
  /** Minimum age of the delivery: a leap of the clock makes nothing too old or late. */
  readonly ageMs: number;
  readonly startedAt: number;
  readonly result: RequestOutcome;
  /** Values that the receiver may have repeated, and that are shown nowhere. */
  readonly hidden: readonly string[];
  readonly node: string;
}

/** Returns what the store records of an attempt; `random` is uniform in [0, 1). */
export function settlementFrom(attempt: FinishedAttempt, now: number, random: () => number): Settlement {
  const { delivery, endpoint, moved, ageMs, startedAt, result, hidden, node } = attempt;
  const attemptsMade = delivery.attemptsMade + 1;
  const next = afterAttempt(
    { attemptsMade, createdAt: now - ageMs },
    moved ? { ...result, moved } : result,
    endpoint.retry,
    now,
    result.ok ? 0 : random(),
  );
  return {
    ...claimFields(delivery, endpoint, node),
    state: next.state,
    dueAt: next.dueAt,
    reason: next.reason,
    now,
    startedAt,
    durationMs: Math.round(result.durationMs),
    statusCode: result.statusCode,
    errorClass: result.errorClass,
    message: result.message,
    responseExcerpt: withoutSecrets(result.responseExcerpt, hidden),
    wire: result.wire === undefined ? null : withoutSecretHeaders(result.wire, hidden),
    late: ageMs > endpoint.deliverWithinMs,
  };
}

/** A stored event that does not match its digest is never sent: its delivery ends at once, as a dead letter. */
export function corruptSettlement(
  delivery: AttemptedDelivery,
  endpoint: Endpoint,
  node: string,
  now: number,
): Settlement {
  return {
    ...claimFields(delivery, endpoint, node),
    state: 'dead',
    dueAt: null,
    reason: 'corrupt',
    now,
    startedAt: now,
    durationMs: 0,
    statusCode: null,
    errorClass: 'corrupt',
    message: corruptMessage,
    responseExcerpt: null,
    wire: null,
    late: false,
  };
}

/**
 * A delivery whose last moment has passed before its next attempt could begin: it ends as a dead letter, without an
 * attempt. What its last attempt has come to stays with it.
 */
export function expiredSettlement(
  delivery: AttemptedDelivery,
  endpoint: Endpoint,
  node: string,
  now: number,
): Settlement {
  return {
    ...claimFields(delivery, endpoint, node),
    state: 'dead',
    dueAt: null,
    reason: 'too_old',
    now,
    startedAt: now,
    durationMs: 0,
    statusCode: null,
    errorClass: null,
    message: null,
    responseExcerpt: null,
    wire: null,
    late: false,
    first: false,
  };
}

/** Whether an attempt has ended so: every other dead letter has the class of its last failure. */
export const isAttempt = ({ state, errorClass }: Pick<Settlement, 'state' | 'errorClass'>): boolean =>
  state !== 'dead' || errorClass !== null;

type ClaimFields =
  | 'number'
  | 'endpointId'
  | 'eventType'
  | 'claim'
  | 'leaseUntil'
  | 'createdAt'
  | 'trigger'
  | 'node'
  | 'first'
  | 'keyed';

function claimFields(
  delivery: AttemptedDelivery,
  endpoint: Endpoint,
  node: string,
): Pick<Settlement, ClaimFields> {
  const { number, endpointId, eventType, claim, leaseUntil, createdAt, trigger, attemptsMade } = delivery;
  return {
    number,
    endpointId,
    eventType,
    claim,
    leaseUntil,
    createdAt,
    trigger,
    node,
    first: attemptsMade === 0 && trigger === 'schedule',
    keyed: endpoint.ordering === 'key',
  };
}
