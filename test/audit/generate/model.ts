import { causes } from '../../../packages/audit/src/names.ts';

// The model of a generated log, before it is written in a format. Times are ms since the epoch.

/** The causes that can be put into a log, by the names that the audit gives them. */
export const injectable = causes.filter((cause) => cause !== 'unknown');
export type InjectedCause = (typeof injectable)[number];

/** One line of the sender: an attempt and how it ended. A request that was given up and ended later has two. */
export interface Row {
  readonly attempt: number;
  readonly startedAt: number;
  /** Null: the log does not know of its end. */
  readonly endedAt: number | null;
  readonly status: number | null;
  readonly error: string | null;
  readonly state: 'sending' | 'retrying' | 'delivered' | 'failed';
  readonly nextRetryAt: number | null;
  readonly retryAfterS: number | null;
  readonly worker: number;
}

/**
 * The true fate of an event. `dropped`: it will not be delivered, and the log does not record it. `unresolved`: its
 * schedule has not ended at the end of the log. `unprocessed`: answered with 2xx, and lost by the receiver. `unknowable`: the
 * log lacks the decisive lines, so any verdict is neither right nor wrong.
 */
export type Fate = 'delivered' | 'given_up' | 'dropped' | 'unresolved' | 'unprocessed' | 'unknowable';

export interface GeneratedEvent {
  readonly id: string;
  readonly number: number;
  readonly type: string;
  readonly endpoint: string;
  readonly tenant: string;
  readonly acceptedAt: number;
  readonly paymentId: string;
  readonly amountMinor: number;
  readonly currency: string;
  readonly bytes: number;
  readonly rows: readonly Row[];
  readonly fate: Fate;
  /** Whether the receiver has it, whatever the sender knows. */
  readonly received: boolean;
  readonly cause: InjectedCause | null;
}

/** The environment of the sender; the default is daily traffic to five endpoints, and a log without faults. */
export interface World {
  readonly name: string;
  /** Traffic on Saturdays and Sundays, as a share of that of other days. */
  readonly weekend?: number;
  /** A tenth of the traffic comes in bursts of some seconds. */
  readonly bursts?: boolean;
  /** Workers' clocks differ by up to twice this. */
  readonly skewMs?: number;
  /** Minutes whose lines are lost. */
  readonly gapMinutes?: number;
  /** Share of the events that the log has. */
  readonly keep?: number;
  readonly endpoints?: number;
  /** Instead of the format's. */
  readonly schedule?: readonly number[];
}

export interface Recipe {
  readonly seed: number;
  readonly events: number;
  readonly days: number;
  /** Delays before the second attempt, the third, …, in ms. After the last failure the sender gives up and says so. */
  readonly schedule: readonly number[];
  /** Whether the sender gives up at all (GitHub's never says so: it makes one attempt). */
  readonly givesUp: boolean;
  /** What is wrong, and the share of events that it takes. Empty: a healthy log. */
  readonly causes: readonly { readonly cause: InjectedCause; readonly intensity: number }[];
  readonly world?: World;
}

export interface GeneratedLog {
  readonly recipe: Recipe;
  /** In the order of acceptance. */
  readonly events: readonly GeneratedEvent[];
  readonly from: number;
  /** The last moment of the log. */
  readonly until: number;
  /** Known restarts and deployments. */
  readonly markers: readonly number[];
}

export const ordinarySchedule: readonly number[] = [5000, 30_000, 120_000, 600_000, 1_800_000];
/** The sender's own limit for one attempt, in ms. */
export const timeoutMs = 10_000;

/** Longer than the whole schedule takes, in ms. */
export const horizonOf = ({ schedule }: Recipe): number =>
  schedule.reduce((sum, delay) => sum + delay * 1.25 + timeoutMs, 3_600_000);
