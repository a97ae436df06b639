import type { Answer } from '../contract/table.ts';
import type { PayloadAccess } from '../domain/caller.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import { expectedAfter } from '../domain/expected-attempts.ts';
import { deliveryId } from '../domain/ids.ts';
import { iso, isoOrNull } from '../domain/time.ts';
import type { ReceiverHealth } from '../store/breakers.ts';
import type { AttemptRecord, DeliveryDetails } from '../store/store.ts';
import { shownMessage, shownText } from './payloads.ts';

type Details = Answer<'deliveries.get'>;

/** What is needed to explain why a delivery waits. */
export interface Receiver {
  /** Null: it was deleted. */
  readonly endpoint: Endpoint | null;
  readonly health: Pick<ReceiverHealth, 'openSince' | 'throttledUntil'>;
}

/** What a pending delivery waits for: the longest delay first. */
export function waitingFor(
  delivery: DeliveryDetails,
  { endpoint, health: { openSince, throttledUntil } }: Receiver,
): Details['waiting_for'] {
  const { state, dueAt, claimedBy, blockedBy, behind, attempts } = delivery;
  if (state !== 'pending') return null;
  const until = isoOrNull(dueAt);
  if (claimedBy !== null) return { kind: 'attempt', until, delivery_id: null };
  if (blockedBy !== null) return { kind: 'dead_letter', until: null, delivery_id: deliveryId(blockedBy) };
  if (endpoint?.enabled === false) return { kind: 'paused_endpoint', until: null, delivery_id: null };
  if (behind !== null) return { kind: 'ordering_key', until: null, delivery_id: deliveryId(behind) };
  if (throttledUntil !== null && throttledUntil > dueAt!)
    return { kind: 'throttle', until: iso(throttledUntil), delivery_id: null };
  if (openSince !== null) return { kind: 'circuit_breaker', until, delivery_id: null };
  return { kind: attempts === 0 ? 'due' : 'retry', until, delivery_id: null };
}

/** Expected attempts of a pending delivery, if all of them fail. */
export function nextAttempts(
  { state, dueAt, claim, claimedBy, scheduleAttempts, createdAt }: DeliveryDetails,
  { endpoint, health: { throttledUntil } }: Receiver,
  now: number,
): Details['next_attempts'] {
  if (state !== 'pending' || endpoint === null) return [];
  const wire = (n: number, { at, latestAt }: { at: number; latestAt: number }) => ({
    n,
    at: iso(at),
    latest_at: iso(latestAt),
  });
  const isUnderWay = claimedBy !== null;
  const at = isUnderWay ? now : Math.max(dueAt!, now, throttledUntil ?? 0);
  const attemptsMade = scheduleAttempts + 1;
  const later = expectedAfter(endpoint.retry, { at, attemptsMade, createdAt });
  const first = isUnderWay ? [] : [{ at, latestAt: at }];
  return [...first, ...later].slice(0, 20).map((one, index) => wire(claim + 1 + index, one));
}

export function wireAttempt(
  { wire, ...a }: AttemptRecord,
  payloads: PayloadAccess,
): Details['attempts'][number] {
  return {
    n: a.n,
    started_at: iso(a.startedAt),
    duration_ms: a.durationMs,
    lease_until: isoOrNull(a.leaseUntil),
    status_code: a.statusCode,
    outcome: a.outcome,
    error_class: a.errorClass,
    message: shownMessage(a.message, payloads),
    response_excerpt: shownText(a.responseExcerpt, payloads),
    response_headers:
      wire === null || payloads === 'none'
        ? null
        : wire.headers.map(([name, value]) => ({ name, value: shownText(value, payloads)! })),
    address: wire?.address ?? null,
    phases_ms:
      wire === null
        ? null
        : {
            lookup: wire.phasesMs.lookup,
            connect: wire.phasesMs.connect,
            proxy: wire.phasesMs.proxy,
            tls: wire.phasesMs.tls,
            first_byte: wire.phasesMs.firstByte,
          },
    trigger: a.trigger,
    node: a.node,
  };
}
