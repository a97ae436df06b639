import type { AccountingKey } from '../domain/accounting.ts';
import type { ErrorClass } from '../domain/attempt.ts';
import type { TenantFilter } from './filters.ts';

// The part of the store's port that answers how much: counters, and what follows from them.

export interface Money {
  readonly currency: string;
  readonly amountMinor: bigint;
  readonly events: number;
}

/** Null or not given: all. */
export interface AccountingQuery extends TenantFilter {
  readonly endpointIds: readonly string[] | null;
  /** Types, and trailing wildcards such as `payment.*`. */
  readonly eventTypes: readonly string[] | null;
  /** The teams that own the endpoints. */
  readonly owners: readonly string[] | null;
  readonly since: number | null;
  readonly until: number | null;
  readonly now: number;
}

export interface CountsQuery extends AccountingQuery {
  /** With more dead letters and suppressed deliveries than this, what they are worth is taken from counters. */
  readonly maxValueRows?: number;
}

/** 20,000 rows with their events, which are read if types are asked for, take some 50 ms. */
export const usualValueRows = 20_000;

/** Everything there is; to be narrowed by what is asked for, and completed by the time. */
export const everything: Omit<AccountingQuery, 'now'> = {
  endpointIds: null,
  eventTypes: null,
  owners: null,
  since: null,
  until: null,
};

/** What was accepted and is in no state: above zero, something is lost; below, something was counted that never was accepted. */
export function unaccountedOf(
  counts: Pick<AccountingCounts, 'accepted' | 'delivered' | 'pending' | 'dead' | 'cancelled' | 'suppressed'>,
): number {
  const { accepted, delivered, pending, dead, cancelled, suppressed } = counts;
  return accepted - (delivered + pending + dead + cancelled + suppressed);
}

/** How it was counted what dead letters and suppressed deliveries are worth. */
export interface ValueCounted {
  /** `event`: an event counts once for all of its deliveries. `delivery`: from counters alone, it counts for each. */
  readonly by: 'event' | 'delivery';
  /** False: types were asked for, which the counters of worth do not have, and there are more rows than were read. */
  readonly isComplete: boolean;
}

/** Sums of the ledger's counters; rows are counted only for `pending`, `overdue` and what is at risk. */
export interface AccountingCounts {
  readonly events: number;
  readonly unmatched: number;
  readonly accepted: number;
  readonly delivered: number;
  readonly pending: number;
  readonly dead: number;
  readonly cancelled: number;
  readonly suppressed: number;
  readonly overdue: number;
  readonly late: number;
  readonly supersededAttempts: number;
  readonly firstAttemptDelivered: number;
  readonly firstAttempts: number;
  /** Failed attempts by class of failure. */
  readonly failures: readonly { readonly errorClass: ErrorClass; readonly count: number }[];
  /** Count by latency bucket index (`domain/latency.ts`). */
  readonly latency: readonly { readonly bucket: number; readonly count: number }[];
  readonly valueAtRisk: readonly Money[];
  readonly valueCounted: ValueCounted;
}

/** Counters alone: nothing in it is counted from rows. Late ones are those that were delivered late. */
export interface Counters {
  readonly accepted: number;
  readonly delivered: number;
  readonly dead: number;
  readonly cancelled: number;
  readonly suppressed: number;
  readonly late: number;
  readonly superseded: number;
  readonly firstAttempts: number;
  readonly firstAttemptDelivered: number;
}

export interface AccountingGroup extends Counters {
  /** An endpoint's id, a type, a team, a tenant, or the beginning of an hour or day (ms since the epoch); null: no owner. */
  readonly key: string | number | null;
}

/** Deliveries of one endpoint accepted in this span: whole minutes of the last hours, then whole hours, then days. */
export interface CounterRange {
  readonly endpointId: string;
  /** ms since the epoch: since ≤ t < until. */
  readonly since: number;
  readonly until: number;
}

export interface TypeCounters extends Counters {
  readonly eventType: string;
  /** On time, although the first attempt had failed. */
  readonly recovered: number;
  /** Late at the first attempt, after a dead letter of their ordering key had held them. */
  readonly heldLate: number;
  /** Not tried yet, because a dead letter holds them now; at most `maxHeldCounted` are counted. */
  readonly held: number;
}

export const maxHeldCounted = 20_000;

/** Pending deliveries of one endpoint that are due, and that no node has claimed. */
export interface OverdueGroup {
  readonly endpointId: string;
  readonly owner: string | null;
  readonly count: number;
  readonly oldestDueAt: number;
  /** Deliveries of the endpoint that are claimed right now: it is slow, and not forgotten. */
  readonly claimed: number;
  /** Until when its receiver asked for no requests; null if it did not, or if that is long over. */
  readonly throttledUntil: number | null;
}

export interface CounterWrites {
  /** Makes old counters coarse, a bounded part at a time (`folding.ts`); true if more is left to do. */
  fold(now: number): Promise<boolean>;
}

export interface PendingLookups {
  /**
   * Counts, for each of these tenants, the deliveries of its endpoints that are pending or are still to be created by fan-outs:
   * by the counters, without counting rows. Deleted endpoints are left out.
   */
  pendingIn(tenants: readonly string[]): Promise<readonly number[]>;
}

export interface Accounting {
  accounting(query: CountsQuery): Promise<AccountingCounts>;
  /** Returns the counters of the same deliveries, in groups. */
  accountingBy(query: AccountingQuery, by: AccountingKey): Promise<readonly AccountingGroup[]>;
  /** Returns for each range its counts by event type: of types that one of these patterns matches, if they are given. */
  counters(
    ranges: readonly CounterRange[],
    eventTypes?: readonly string[] | null,
  ): Promise<readonly (readonly TypeCounters[])[]>;
  /**
   * Returns, for enabled endpoints, what came due before this and is still not claimed; and if the endpoint is throttled, also
   * what was accepted before this and waits for a later time.
   */
  overdue(dueBefore: number): Promise<readonly OverdueGroup[]>;
}
