import { corruptMessage, type WireRecord } from '../domain/attempt.ts';
import { afterAttempt } from '../domain/delivery.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import type { ClaimedDelivery, Settlement } from '../store/store.ts';
import type { AttemptResult } from '../transport/transport.ts';

/** A finished attempt: what was sent to whom, from when to when, and what came of it. */
export interface FinishedAttempt {
  readonly delivery: ClaimedDelivery;
  /** As it was when the attempt began. */
  readonly endpoint: Endpoint;
  /** The endpoint's URL has changed since. */
  readonly moved: boolean;
  /** How old the delivery is at least: nothing is too old, or late, for a leap of the clock. */
  readonly ageMs: number;
  readonly startedAt: number;
  readonly result: AttemptResult;
  /** Values that the receiver may have repeated, and that are shown nowhere. */
  readonly hidden: readonly string[];
  readonly node: string;
}

/** Returns what the store is to record of an attempt; `random` is uniform in [0, 1). */
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
    ...claimOf(delivery, endpoint, node),
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

/** Shorter ones are no secrets, and stand in any text. */
const minSecretLength = 8;

/** What a receiver answered, without the values that it may have repeated: they are write-only (G9). */
export function withoutSecrets(excerpt: string | null, hidden: readonly string[]): string | null {
  if (excerpt === null) return null;
  let shown = excerpt;
  for (const value of hidden)
    // `Bearer x` is repeated as it is, or as x alone.
    for (const part of [value, ...value.split(' ')])
      if (part.length >= minSecretLength) shown = shown.replaceAll(part, '…');
  return shown;
}

function withoutSecretHeaders(wire: WireRecord, hidden: readonly string[]): WireRecord {
  if (hidden.length === 0) return wire;
  return {
    ...wire,
    headers: wire.headers.map(([name, value]) => [name, withoutSecrets(value, hidden)!] as const),
  };
}

/** A stored event that does not match its digest is never sent: its delivery ends at once, as a dead letter. */
export function corruptSettlement(
  delivery: ClaimedDelivery,
  endpoint: Endpoint,
  node: string,
  now: number,
): Settlement {
  return {
    ...claimOf(delivery, endpoint, node),
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

function claimOf(delivery: ClaimedDelivery, endpoint: Endpoint, node: string): Pick<Settlement, ClaimFields> {
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
