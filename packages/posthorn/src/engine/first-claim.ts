import type { NewEvent } from '../domain/event.ts';
import type { ClaimedDelivery } from '../store/store.ts';

/** A delivery that was created claimed, as the first claim of it. */
export function firstClaim(
  { number, endpointId, leaseUntil }: Pick<ClaimedDelivery, 'number' | 'endpointId' | 'leaseUntil'>,
  { id, type, occurredAt, data }: Pick<NewEvent, 'id' | 'type' | 'occurredAt' | 'data'>,
  createdAt: number,
): ClaimedDelivery {
  return {
    number,
    endpointId,
    claim: 1,
    dueAt: createdAt,
    leaseUntil,
    attemptsMade: 0,
    createdAt,
    trigger: 'schedule',
    eventId: id,
    eventType: type,
    occurredAt: occurredAt ?? createdAt,
    data,
    intact: true,
  };
}
