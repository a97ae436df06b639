import type { ErrorClass } from '../domain/attempt.ts';
import type { EventRecord } from '../domain/event.ts';
import type { Money } from './accounting.ts';
import type { AttemptRecord, DeliveryRecord } from './delivery-record.ts';
import type { DeliveryFilter, ListPage } from './filters.ts';
import type { RecentEvents, RecentEventsRequest } from './recent.ts';

// The part of the port that reads events, deliveries and attempts.

export type DeadLetterFilter = Pick<DeliveryFilter, 'tenants' | 'exceptTenant' | 'endpointIds'>;

export interface DeadLetterGroup {
  readonly endpointId: string;
  readonly owner: string | null;
  readonly errorClass: ErrorClass | null;
  readonly count: number;
  readonly oldestAt: number;
  /** The oldest of those that retention takes: the ones that block no key. Null if there are none. */
  readonly oldestPrunableAt: number | null;
  /** Ordering keys that they block. */
  readonly blockedKeys: number;
  readonly valueAtRisk: readonly Money[];
}

export interface Readings {
  event(tenant: string, id: string): Promise<EventRecord | null>;
  /** Lists deliveries by number; by default the newest first. */
  deliveries(filter: DeliveryFilter, page: ListPage<number>): Promise<readonly DeliveryRecord[]>;
  delivery(number: number): Promise<DeliveryRecord | null>;
  /** Lists a delivery's attempts in their order. */
  attempts(number: number): Promise<readonly AttemptRecord[]>;
  /** Returns a tenant's newest events with their data, within bounds: to try things on them. */
  recentEvents(request: RecentEventsRequest): Promise<RecentEvents>;
  deadLetters(filter: DeadLetterFilter): Promise<readonly DeadLetterGroup[]>;
}
