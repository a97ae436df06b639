import type { Alert } from '../../domain/alert.ts';
import type { LastReconciliation } from '../../ledger/last-reconciliation.ts';
import type { Tally } from '../../store/accounting.ts';
import type { DeliveryRecord } from '../../store/delivery-record.ts';
import type { PendingReading, UnmatchedType, Worth } from '../../store/overview.ts';

// What the overview is made from, as it was read: everything that is said of it is computed from this alone.

export interface NowEndpoint {
  readonly id: string;
  readonly tenant: string;
  readonly host: string;
  readonly owner: string | null;
  readonly isEnabled: boolean;
  readonly pausedReason: string | null;
  readonly updatedAt: number;
  /** Since when every attempt has failed; null: not so. */
  readonly failingSince: number | null;
}

/** A dead letter of one endpoint, for what its need says beside the count. */
export type DeadSample = Pick<DeliveryRecord, 'lastErrorClass' | 'settledAt'>;

/** What one team answers for, by the objective of which it has the least left. */
export interface TeamBudget {
  readonly left: number;
  readonly objective: string;
}

/** A side of an objective as the team that sends sees it. */
export interface Sends {
  readonly due: number;
  readonly bad: number;
}

export interface NowFacts {
  readonly now: number;
  /** As asked for: `24h`. */
  readonly last: string;
  /** The window is the whole store's, not a tenant's or an endpoint's. */
  readonly isEverything: boolean;
  readonly endpoints: ReadonlyMap<string, NowEndpoint>;
  /** Of what was accepted in the window. */
  readonly tallies: ReadonlyMap<string, Tally>;
  /** At any time, and in the window. */
  readonly worth: readonly Worth[];
  readonly worthWithin: readonly Worth[];
  /** At any time. */
  readonly pending: PendingReading;
  readonly reconciliation: LastReconciliation | null;
  /** Those that fire. */
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
