import type { TenantFilter } from './filters.ts';
import type { AtRisk, RiskSum } from './worth.ts';

// The part of the store's port behind the overview of now: small sums, whatever is stored, and readings that say how far they went.

export interface OverviewQuery extends TenantFilter {
  readonly endpointIds: readonly string[] | null;
  /** When deliveries were accepted: since ≤ t < until; null: at any time. */
  readonly since: number | null;
  readonly until: number | null;
  readonly now: number;
}

/** For one endpoint and one currency; null: events without a value. */
export interface Worth extends Readonly<Record<AtRisk, RiskSum>> {
  readonly endpointId: string;
  readonly currency: string | null;
}

/** Pending deliveries of one endpoint, and what those of them are worth that are past their deadline. */
export interface PendingWorth {
  readonly endpointId: string;
  readonly currency: string | null;
  readonly pending: number;
  /** Past the deadline. */
  readonly late: number;
  readonly lateAmountMinor: bigint;
  /** When the oldest of those that are late was accepted. */
  readonly oldestLateAt: number | null;
  /** Due for more than the grace that an attempt may wait. */
  readonly overdue: number;
  /** Whether these were accepted between the query's bounds. */
  readonly isWithin: boolean;
}

export interface PendingReading {
  readonly parts: readonly PendingWorth[];
  /** Pending deliveries that were read; false: there are more. */
  readonly read: number;
  readonly isComplete: boolean;
}

/** Events of one type that no endpoint takes. */
export interface UnmatchedType {
  readonly tenant: string;
  readonly type: string;
  readonly events: number;
}

export interface Overview {
  /** What is at risk, from counters alone, by endpoint and currency. Deleted endpoints' dead letters are at risk too. */
  worth(query: OverviewQuery): Promise<readonly Worth[]>;
  /** Reads pending rows, at most so many, those that have waited for longest at each endpoint first. */
  pendingWorth(query: OverviewQuery, maxRows: number): Promise<PendingReading>;
  /** Types of events that were published, whether or not an endpoint takes them; at most so many, in the order of their names. */
  publishedTypes(query: Omit<OverviewQuery, 'endpointIds'>, limit: number): Promise<readonly string[]>;
  /** The types with the most, at most so many. */
  unmatchedTypes(query: Omit<OverviewQuery, 'endpointIds'>, limit: number): Promise<readonly UnmatchedType[]>;
}
