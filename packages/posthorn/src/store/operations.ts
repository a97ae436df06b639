import type { AuditActor, AuditEntry } from '../domain/audit-entry.ts';
import type { DeliveryState } from '../domain/delivery.ts';
import type { NewEvent, Receipt } from '../domain/event.ts';
import type { FormerState } from '../domain/imported.ts';
import type { Money } from './accounting.ts';
import type { DeliveryRecord } from './delivery-record.ts';
import type { DeliveryFilter, ListPage } from './filters.ts';

// The part of the port for what operators do to deliveries. Each takes the entry of the audit log about it, which is appended in
// its transaction if it changes anything (G4); null: without a caller.

export type CommandResult = 'done' | 'refused' | 'endpoint_deleted' | 'data_deleted';

/** What became of a command, and the delivery as it is then: both of one transaction, so the answer needs no further read. */
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

/**
 * Jobs in bulk are recorded, walked, paced and stopped in one way. A redrive makes dead and suppressed deliveries pending
 * again; a replay makes new deliveries.
 */
export type BulkKind = 'redrive' | 'replay';

/** What a job in bulk is about. */
export interface BulkRequest {
  readonly kind: BulkKind;
  readonly filter: DeliveryFilter;
  /**
   * In a replay: the endpoint that gets each event whose deliveries match, once. Null: each delivery is made again at its own
   * endpoint.
   */
  readonly target: string | null;
  /** Numbers from here on: nothing before it can match. */
  readonly firstNumber: number;
  /** Numbers below this: of what is there when the job begins, and of nothing that can only be later than its window. */
  readonly belowNumber: number;
}

/** What a job finds. */
export interface RedriveMatch {
  readonly matched: number;
  /** How many of these cannot be delivered, because their endpoint or the data of their event are deleted. */
  readonly skipped: number;
  /** When the oldest and the newest of them were created. */
  readonly oldestAt: number | null;
  readonly newestAt: number | null;
  /** An event counts once for each of its deliveries. */
  readonly value: readonly Money[];
  /** Ordering keys whose later deliveries wait until these are delivered; counted up to `maxKeysCounted`. */
  readonly keysHeld: number;
  /** The endpoints with the most, and how many there are. */
  readonly byEndpoint: readonly EndpointMatch[];
  readonly endpoints: number;
}

export interface EndpointMatch {
  readonly endpointId: string;
  readonly matched: number;
  readonly value: readonly Money[];
}

/** A part of what a job finds: `byEndpoint` is whole. */
export interface RedriveMatchPage extends Omit<RedriveMatch, 'keysHeld' | 'endpoints'> {
  readonly keys: readonly string[];
  /** Null at its end. */
  readonly next: RedriveCursor | null;
}

/** A position in the walk: by state (of a replay by shard), endpoint and number. */
export interface RedriveCursor {
  readonly state: number;
  readonly endpoint: number;
  readonly number: number;
}

export interface NewRedrive extends BulkRequest {
  readonly id: string;
  readonly name: string | null;
  readonly ratePerS: number | null;
  readonly dryRun: boolean;
  /** Who has asked for it. */
  readonly by: AuditActor;
  readonly now: number;
  /** What `countRedrive` found. */
  readonly match: RedriveMatch;
}

export interface RedriveRecord extends RedriveMatch, BulkRequest {
  readonly id: string;
  readonly name: string | null;
  readonly ratePerS: number | null;
  readonly dryRun: boolean;
  /** Null: begun before that was recorded. */
  readonly by: AuditActor | null;
  readonly state: 'running' | 'done' | 'stopped';
  /** `failing`: by itself, because the first attempts all failed. */
  readonly stopReason: 'asked' | 'failing' | null;
  /** Made pending, or made anew, so far. */
  readonly redriven: number;
  readonly createdAt: number;
  readonly steppedAt: number | null;
  readonly finishedAt: number | null;
}

/** What became of a job's deliveries: how many of them are in each state. What another job has taken over is not among them. */
export interface RedriveOutcome {
  readonly id: string;
  readonly states: Readonly<Partial<Record<DeliveryState, number>>>;
}

export interface RedriveStep {
  readonly redrive: RedriveRecord;
  /** Endpoints that have deliveries due now. */
  readonly endpointIds: readonly string[];
  /** Nothing was taken, because the first ones are still under way. */
  readonly isWaiting: boolean;
}

/** Jobs whose filters are confined to these tenants, and to these endpoints. */
export interface RedriveQuery extends ListPage<string> {
  readonly kind: BulkKind;
  readonly tenants?: readonly string[];
  readonly endpointIds?: readonly string[];
}

/** What a replay has committed, or why it has committed nothing. */
export type ReplayAnswer = Replayed | 'no_event' | 'no_endpoint';

/** What naming an endpoint overrides. */
export type Overridden = 'subscription' | 'filter';

export interface Replayed {
  readonly receipt: Receipt;
  readonly deliveries: readonly { readonly number: number; readonly endpointId: string }[];
  /** Subscribed endpoints whose filter excludes the event. */
  readonly filtered: number;
  readonly overridden: readonly Overridden[];
}

/** What a step of deleting an event's data has done, or why it has done nothing. */
export type DataDeletion =
  | {
      readonly result: 'deleted';
      /** Where the next step begins; null: this was the last one. */
      readonly next: number | null;
    }
  | { readonly result: 'not_found' }
  /** `pending`: deliveries that are still to be made. `blocking`: dead letters that hold their ordering key. */
  | { readonly result: 'unfinished'; readonly pending: number; readonly blocking: number };

export interface DataDeletionStep {
  readonly tenant: string;
  readonly eventId: string;
  /** Deliveries of up to this number are done; -1: none is. */
  readonly after: number;
  /** Deliveries whose attempts a step clears, so that an event with many never holds up the store (G8). */
  readonly limit: number;
  readonly now: number;
}

/** A past event of another sender, and what that sender says of its deliveries. */
export interface ImportedEvent {
  readonly event: NewEvent;
  readonly deliveries: readonly { readonly endpointId: string; readonly state: FormerState }[];
}

/** How many of the events were not there before, and their deliveries. */
export interface Imported {
  readonly events: number;
  readonly deliveries: number;
}

export interface OperationWrites {
  /**
   * Deletes the data of an event, and what its receivers answered, in steps. The first step deletes the data and records when;
   * the event and its deliveries stay, so nothing that is counted changes (G6), and from then on it is never sent again. Each step
   * clears what the attempts of up to `limit` deliveries have recorded of the answers. Refuses an event that is not finished.
   * Repeating it does no harm: the time and the entry of the audit log stay those of the first.
   */
  deleteEventData(step: DataDeletionStep, audit?: AuditEntry | null): Promise<DataDeletion>;
  /**
   * Makes a delivery due now on the one retry clock (G3). From a terminal state it gets a fresh schedule; a pending one only
   * comes due sooner. An attempt in flight is not disturbed, but if it turns out to be the last of its schedule, the delivery
   * begins a fresh one instead of staying dead. Refuses a delivery of a deleted endpoint, or of an
   * event whose data were deleted.
   */
  redriveDelivery(number: number, now: number, audit?: AuditEntry | null): Promise<CommandAnswer>;
  /** Cancels a pending delivery, or a dead letter that blocks its ordering key: then the next of the key is due. */
  cancelDelivery(
    number: number,
    message: string,
    now: number,
    audit?: AuditEntry | null,
  ): Promise<CommandAnswer>;
  /**
   * Commits new deliveries of a past event, to one endpoint or to all that would receive it now: see `planReplay`. Rejects
   * with `ConflictError` if the stored event does not match its digest, or its data were deleted.
   */
  replayEvent(
    tenant: string,
    eventId: string,
    endpointId: string | null,
    now: number,
    audit?: AuditEntry | null,
  ): Promise<ReplayAnswer>;
  /** Accepts an event for one endpoint only, whatever it subscribes to; null, with nothing written, if there is none. */
  acceptFor(
    event: NewEvent,
    endpointId: string,
    now: number,
    audit?: AuditEntry | null,
  ): Promise<Receipt | null>;
  /**
   * Commits past events of another sender, with deliveries that have ended: cancelled, for the reason that they are imported, and
   * never attempted. An event whose id is there stays as it is; a delivery to an endpoint that is not there is left out.
   */
  importEvents(events: readonly ImportedEvent[], now: number, audit?: AuditEntry | null): Promise<Imported>;
  /**
   * Records a job that runs step by step, also after a restart. It takes deliveries that exist now, and no later ones. Rejects
   * with `ConflictError` if too many are running.
   */
  createRedrive(redrive: NewRedrive, audit?: AuditEntry | null): Promise<RedriveRecord>;
  /** Renames a job, or changes its rate. Refuses another rate for a job that has ended. */
  changeRedrive(
    id: string,
    change: { readonly name?: string | null; readonly ratePerS?: number | null },
    audit?: AuditEntry | null,
  ): Promise<RedriveRecord | 'not_found' | 'ended'>;
  /** Stops a job: no later step changes anything. Null if there is none. */
  stopRedrive(id: string, now: number, audit?: AuditEntry | null): Promise<RedriveRecord | null>;
  /**
   * Does up to `limit` more of a job in one transaction with its progress, and reads a bounded number of rows for it: a step may
   * do none and not be the last. It waits for the outcomes of the first ones, and stops the job if they all fail.
   */
  stepRedrive(id: string, limit: number, now: number): Promise<RedriveStep>;
}

export interface RedriveLookups {
  /** Reads a bounded part of what a job would find. */
  countRedrive(request: BulkRequest, from: RedriveCursor | null, limit: number): Promise<RedriveMatchPage>;
  redrive(id: string): Promise<RedriveRecord | null>;
  /** Lists jobs by id; by default the newest first. */
  redrives(query: RedriveQuery): Promise<readonly RedriveRecord[]>;
  runningRedrives(): Promise<readonly RedriveRecord[]>;
}

export interface RedriveListings {
  /** Counts the deliveries of these jobs by state. */
  redriveOutcomes(ids: readonly string[]): Promise<readonly RedriveOutcome[]>;
}
