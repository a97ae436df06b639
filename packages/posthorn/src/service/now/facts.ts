import type { Alert } from '../../domain/alert.ts';
import type { LastReconciliation } from '../../ledger/last-reconciliation.ts';
import type { Counters } from '../../store/accounting.ts';
import type { DeliveryRecord } from '../../store/delivery-record.ts';
import type { PendingReading, UnmatchedType, Worth } from '../../store/overview.ts';

// The input of the overview, as it was read: the whole overview is computed from this alone.

export interface NowEndpoint {
  readonly id: string;
  readonly tenant: string;
  readonly host: string;
  readonly owner: string | null;
  readonly isEnabled: boolean;
  readonly pausedReason: string | null;
  readonly updatedAt: number;
  /** Since when every attempt has failed; null: it has not. */
  readonly failingSince: number | null;
}

/** A dead letter of one endpoint: its need states it beside the count. */
export type DeadSample = Pick<DeliveryRecord, 'lastErrorClass' | 'settledAt'>;

/** What one team answers for, by the objective with the least left. */
export interface TeamBudget {
  readonly left: number;
  readonly objective: string;
}

/** A side of an objective as the sending team sees it. */
export interface Sends {
  readonly due: number;
  readonly bad: number;
}

export interface NowFacts {
  readonly now: number;
  /** As requested: `24h`. */
  readonly last: string;
  /** The window covers the whole store, not a tenant or an endpoint. */
  readonly isEverything: boolean;
  readonly endpoints: ReadonlyMap<string, NowEndpoint>;
  /** What was accepted in the window. */
  readonly counters: ReadonlyMap<string, Counters>;
  /** Over all time, and in the window. */
  readonly worth: readonly Worth[];
  readonly worthWithin: readonly Worth[];
  /** Over all time. */
  readonly pending: PendingReading;
  readonly reconciliation: LastReconciliation | null;
  /** Firing alerts. */
  readonly alerts: readonly Alert[];
  readonly unmatched: readonly UnmatchedType[];
  readonly teams: ReadonlySet<string>;
  readonly budgets: ReadonlyMap<string, TeamBudget>;
  readonly sends: ReadonlyMap<string, Sends>;
  readonly target: number | null;
  /** Names of channels whose notifications are dead letters. */
  readonly brokenChannels: readonly string[];
  /** API keys that end soon. */
  readonly endingKeys: number;
}
