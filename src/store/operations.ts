import type { ErrorClass } from '../domain/attempt.ts';
import type { DeliveryState } from '../domain/delivery.ts';
import type { NewEvent, Receipt } from '../domain/event.ts';

// The part of the port for what operators do to deliveries.

export type CommandAnswer = 'done' | 'not_found' | 'refused';

export interface DeliveryFilter {
  readonly tenant?: string;
  readonly endpointId?: string;
  readonly eventId?: string;
  readonly eventType?: string;
  readonly state?: DeliveryState;
  readonly errorClass?: ErrorClass;
  /** Bounds on when the delivery was created: since ≤ t < until. */
  readonly since?: number;
  readonly until?: number;
}

export interface RedriveRecord {
  readonly id: string;
  readonly filter: DeliveryFilter;
  readonly ratePerS: number | null;
  readonly dryRun: boolean;
  readonly state: 'running' | 'done';
  readonly matched: number;
  readonly redriven: number;
  readonly createdAt: number;
  readonly finishedAt: number | null;
}

/** What a replay has committed, or why it has committed nothing. */
export type ReplayAnswer = Replayed | 'no_event' | 'no_endpoint';

/** Of what naming an endpoint overrides. */
export type Overridden = 'subscription' | 'filter';

export interface Replayed {
  readonly receipt: Receipt;
  readonly deliveries: readonly { readonly number: number; readonly endpointId: string }[];
  /** Subscribed endpoints whose filter excludes the event. */
  readonly filtered: number;
  readonly overridden: readonly Overridden[];
}

export interface Operations {
  /**
   * Makes a delivery due now on the one retry clock (G3). From a terminal state it gets a fresh schedule;
   * a pending one only comes due sooner, and where it is claimed right now nothing is disturbed.
   */
  redriveDelivery(number: number, now: number): Promise<CommandAnswer>;
  /** Only a pending delivery can be cancelled. */
  cancelDelivery(number: number, words: string, now: number): Promise<CommandAnswer>;
  /**
   * Commits new deliveries of a past event, to one endpoint or to all that would receive it now: see `planReplay`. Rejects
   * with `ConflictError` where the stored event does not match its digest.
   */
  replayEvent(tenant: string, eventId: string, endpointId: string | null, now: number): Promise<ReplayAnswer>;
  /** A delivery of an event to one endpoint only, whatever it subscribes to: for the test call. */
  acceptFor(event: NewEvent, endpointId: string, now: number): Promise<Receipt | null>;
  /** Counts what matches and records the job; it runs step by step, also after a restart. */
  createRedrive(redrive: {
    id: string;
    filter: DeliveryFilter;
    ratePerS: number | null;
    dryRun: boolean;
    now: number;
  }): Promise<RedriveRecord>;
  redrive(id: string): Promise<RedriveRecord | null>;
  runningRedrives(): Promise<readonly RedriveRecord[]>;
  /** Redrives up to `limit` more of a job in one transaction with its progress. */
  stepRedrive(
    id: string,
    limit: number,
    now: number,
  ): Promise<{ readonly redrive: RedriveRecord; readonly endpointIds: readonly string[] }>;
}
