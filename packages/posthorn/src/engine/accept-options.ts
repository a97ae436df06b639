import type { AcceptOptions } from '../store/store.ts';
import type { Lane } from './lane.ts';

/** A lease lasts this much longer than the endpoint's timeout: for waiting in a lane and for settling. */
export const leaseMarginMs = 30_000;
/** Capacity of an endpoint without a lane. */
const firstCapacity = 64;

/** How many new deliveries of each lane may be claimed as they are accepted; none unless `isOpen`. */
export function acceptOptions(
  lanes: Iterable<Lane>,
  {
    now,
    mono,
    node,
    isOpen,
  }: {
    readonly now: number;
    readonly mono: number;
    readonly node: string;
    readonly isOpen: boolean;
  },
): AcceptOptions {
  const room = new Map<string, number>();
  if (isOpen)
    for (const lane of lanes) {
      const free = freshCapacity(lane, now, mono);
      if (free !== firstCapacity) room.set(lane.endpoint.id, free);
    }
  return { now, node, leaseMs: leaseMarginMs, defaultRoom: isOpen ? firstCapacity : 0, room };
}

function freshCapacity(lane: Lane, now: number, mono: number): number {
  // If older work waits in the store, fresh work goes behind it.
  if (lane.nextDueAt !== null && lane.nextDueAt <= now) return 0;
  const { payload, attempts, outcomes } = lane.shares;
  return payload.isOpen && attempts.isOpen && outcomes.isOpen ? lane.capacity(mono) : 0;
}
