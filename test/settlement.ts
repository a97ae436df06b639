import type { ClaimedDelivery, Settlement } from '../packages/posthorn/src/store/store.ts';

/** Returns a settlement for an attempt of this delivery. */
export function settlementOf(
  d: Pick<
    ClaimedDelivery,
    'number' | 'endpointId' | 'eventType' | 'claim' | 'createdAt' | 'attemptsMade' | 'trigger'
  >,
  state: Settlement['state'],
  now: number,
  fields: Partial<Settlement> = {},
): Settlement {
  const ok = state === 'delivered';
  return {
    number: d.number,
    endpointId: d.endpointId,
    eventType: d.eventType,
    claim: d.claim,
    leaseUntil: now + 30_000,
    createdAt: d.createdAt,
    state,
    dueAt: state === 'pending' ? now + 5000 : null,
    reason: ok ? 'delivered' : state === 'dead' ? 'schedule_exhausted' : null,
    now,
    startedAt: now - 5,
    durationMs: 5,
    statusCode: ok ? 200 : 500,
    errorClass: ok ? null : 'http_5xx',
    message: ok ? null : 'HTTP 500',
    responseExcerpt: 'x',
    wire: null,
    trigger: d.trigger,
    node: 'a',
    late: false,
    first: d.attemptsMade === 0 && d.trigger === 'schedule',
    keyed: false,
    ...fields,
  };
}
