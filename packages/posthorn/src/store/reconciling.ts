import type { DeliveryState } from '../domain/delivery.ts';
import type { Value } from '../domain/money.ts';

// The part of the port that compares what was sent to an endpoint with what its receiver has. Each call reads a bounded part.

export interface SentWindow {
  readonly endpointId: string;
  /** When the delivery was created: since ≤ t < until. */
  readonly since: number;
  readonly until: number;
}

/** Every delivery up to this number of this shard, and of every lower shard, is done. A store may know one shard only. */
export interface SentCursor {
  readonly shard: number;
  readonly number: number;
}

/** A delivery of the window. */
export interface SentDelivery {
  readonly number: number;
  readonly eventNumber: number;
  readonly state: DeliveryState;
  readonly settledAt: number | null;
}

export interface SentPage {
  readonly deliveries: readonly SentDelivery[];
  /** Where to go on; null where this was the last page. */
  readonly next: SentCursor | null;
}

/** An event that was to be delivered to the endpoint. */
export interface SentEvent {
  readonly number: number;
  /** Whether any of those deliveries is one of the window. */
  readonly isInWindow: boolean;
}

export interface EventHeading {
  readonly number: number;
  readonly id: string;
  readonly value: Value | null;
}

export interface Reconciling {
  /** Looks at up to `limit` deliveries behind `after`, and returns those of the window, always in the same order. */
  sentDeliveries(window: SentWindow, after: SentCursor | null, limit: number): Promise<SentPage>;
  /** For each of these event ids of a tenant, in order: the event, or null if it was never to be delivered there. */
  sentEvents(
    window: SentWindow,
    tenant: string,
    eventIds: readonly string[],
  ): Promise<readonly (SentEvent | null)[]>;
  /** Ids and values of events, without those that are gone. */
  eventHeadings(numbers: readonly number[]): Promise<readonly EventHeading[]>;
}
