import type { Clock } from '../runtime/clock.ts';
import type { AttemptRecord, DeliveryRecord, StoreRead } from '../store/store.ts';

const firstWaitMs = 20;
const longestWaitMs = 250;

/** A delivery of one event to one endpoint, and its first attempt; null: it has not ended yet. */
export interface FirstAttempt {
  readonly delivery: DeliveryRecord;
  readonly attempt: AttemptRecord | null;
}

/**
 * Waits until the first attempt of an event's only delivery has ended, or the delivery is no longer pending: for at
 * most `maxMs`.
 */
export async function firstAttempt(
  store: Pick<StoreRead, 'deliveries' | 'attempts'>,
  clock: Clock,
  { tenant, eventId, endpointId }: { tenant: string; eventId: string; endpointId: string },
  maxMs: number,
): Promise<FirstAttempt> {
  const filter = { tenants: [tenant], eventIds: [eventId], endpointIds: [endpointId] };
  const end = clock.monotonic() + maxMs;
  for (let waitMs = firstWaitMs; ; waitMs = Math.min(2 * waitMs, longestWaitMs)) {
    const [delivery] = await store.deliveries(filter, { after: null, limit: 1 });
    if (delivery === undefined) throw new Error(`no delivery of ${eventId}`);
    const attempts = delivery.attempts === 0 ? [] : await store.attempts(delivery.number);
    const attempt = attempts[0] ?? null;
    if (attempt !== null || delivery.state !== 'pending' || clock.monotonic() >= end)
      return { delivery, attempt };
    await new Promise<void>((resolve) => void clock.after(waitMs, resolve));
  }
}
