import type { AuditEntry } from '../domain/audit-entry.ts';
import type { NewEvent, Receipt } from '../domain/event.ts';
import type { Money } from './accounting.ts';
import type { DeliveryRecord } from './delivery-record.ts';
import type { DeliveryFilter, ListPage } from './filters.ts';

// The part of the port for what operators do to deliveries. Each takes the entry of the audit log about it, which is appended in
// its transaction if it changes anything (G4); null: nobody has asked for it.

export type CommandResult = 'done' | 'refused' | 'endpoint_deleted';

/** What became of a command, and the delivery as it is then: both of one transaction, so whoever answers reads nothing more. */
export type CommandAnswer =
  | { readonly result: CommandResult; readonly delivery: DeliveryRecord }
  | { readonly result: 'not_found'; readonly delivery: null };

export function commandAnswer(
  result: CommandResult | 'not_found',
  delivery: DeliveryRecord | null,
): CommandAnswer {
  return result === 'not_found' || delivery === null
    ? { result: 'not_found', delivery: null }
    : { result, delivery };
}

/** What a redrive in bulk finds: dead and suppressed deliveries that its filter matches. */
export interface RedriveMatch {
  readonly matched: number;
  /** Of these, deliveries of deleted endpoints: nothing can deliver them, so they stay as they are. */
  readonly skipped: number;
  /** When the oldest and the newest of them were created. */
  readonly oldestAt: number | null;
  readonly newestAt: number | null;
  /** An event counts once for each of its deliveries. */
  readonly value: readonly Money[];
}

/** A position in the walk over dead and suppressed deliveries: by state, endpoint and number. */
export interface RedriveCursor {
  readonly state: number;
  readonly endpoint: number;
  readonly number: number;
}

export interface NewRedrive {
  readonly id: string;
  readonly name: string | null;
  readonly filter: DeliveryFilter;
  readonly ratePerS: number | null;
  readonly dryRun: boolean;
  readonly now: number;
  /** What `countRedrive` found. */
  readonly match: RedriveMatch;
}

export interface RedriveRecord extends RedriveMatch {
  readonly id: string;
  readonly name: string | null;
  readonly filter: DeliveryFilter;
  readonly ratePerS: number | null;
  readonly dryRun: boolean;
  readonly state: 'running' | 'done' | 'stopped';
  readonly redriven: number;
  readonly createdAt: number;
  readonly steppedAt: number | null;
  readonly finishedAt: number | null;
}

/** Redrives whose filters are confined to these tenants, and to these endpoints. */
export interface RedriveQuery extends ListPage<string> {
  readonly tenants?: readonly string[];
  readonly endpointIds?: readonly string[];
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
   * Makes a delivery due now on the one retry clock (G3). From a terminal state it gets a fresh schedule; a pending one only
   * comes due sooner. An attempt in flight is not disturbed, but if it turns out to be the last of its schedule, the delivery
   * begins a fresh one instead of staying dead. A delivery of a deleted endpoint stays as it is.
   */
  redriveDelivery(number: number, now: number, audit?: AuditEntry | null): Promise<CommandAnswer>;
  /** Cancels a pending delivery, or a dead letter that blocks its ordering key: then the next of the key is due. */
  cancelDelivery(
    number: number,
    words: string,
    now: number,
    audit?: AuditEntry | null,
  ): Promise<CommandAnswer>;
  /**
   * Commits new deliveries of a past event, to one endpoint or to all that would receive it now: see `planReplay`. Rejects
   * with `ConflictError` where the stored event does not match its digest.
   */
  replayEvent(
    tenant: string,
    eventId: string,
    endpointId: string | null,
    now: number,
    audit?: AuditEntry | null,
  ): Promise<ReplayAnswer>;
  /** A delivery of an event to one endpoint only, whatever it subscribes to: for the test call. */
  acceptFor(
    event: NewEvent,
    endpointId: string,
    now: number,
    audit?: AuditEntry | null,
  ): Promise<Receipt | null>;
  /** Reads a bounded part of what a redrive would find; `next` is null at its end. */
  countRedrive(
    filter: DeliveryFilter,
    from: RedriveCursor | null,
    limit: number,
  ): Promise<RedriveMatch & { readonly next: RedriveCursor | null }>;
  /**
   * Records a job that runs step by step, also after a restart. It takes deliveries that exist now, and no later ones. Rejects
   * with `ConflictError` if too many are running.
   */
  createRedrive(redrive: NewRedrive, audit?: AuditEntry | null): Promise<RedriveRecord>;
  redrive(id: string): Promise<RedriveRecord | null>;
  /** By id; by default the newest first. */
  redrives(query: RedriveQuery): Promise<readonly RedriveRecord[]>;
  runningRedrives(): Promise<readonly RedriveRecord[]>;
  /** A job that has ended keeps its rate. */
  changeRedrive(
    id: string,
    change: { readonly name?: string | null; readonly ratePerS?: number | null },
    audit?: AuditEntry | null,
  ): Promise<RedriveRecord | 'not_found' | 'ended'>;
  /** From here on no step of it redrives anything. */
  stopRedrive(id: string, now: number, audit?: AuditEntry | null): Promise<RedriveRecord | null>;
  /**
   * Redrives up to `limit` more of a job in one transaction with its progress, and reads a bounded number of deliveries for
   * it: a step may redrive none and not be the last.
   */
  stepRedrive(
    id: string,
    limit: number,
    now: number,
  ): Promise<{ readonly redrive: RedriveRecord; readonly endpointIds: readonly string[] }>;
}
