import type { Alert } from '../domain/alert.ts';
import type { ErrorClass } from '../domain/attempt.ts';
import type { AuditEntry } from '../domain/audit-entry.ts';
import type { Ages } from '../domain/clock-record.ts';
import type { Trigger } from '../domain/delivery.ts';
import type { DocumentKind, Documents, StoredDocument } from '../domain/documents.ts';
import type { EventRecord, NewEvent, Receipt } from '../domain/event.ts';
import type { Value } from '../domain/money.ts';
import type { Settlement } from '../domain/settlement.ts';
import type { Accounting, Money } from './accounting.ts';
import type { AuditLog } from './audit-log.ts';
import type { Clockwork } from './clockwork.ts';
import type { Config, Endpoints } from './config.ts';
import type { Blocking } from './blocking.ts';
import type { Breakers } from './breakers.ts';
import type { EndpointReadings } from './endpoint-readings.ts';
import type { Failures } from './failures.ts';
import type { IdempotencyKeys } from './idempotency.ts';
import type { RecentEvents, RecentEventsRequest } from './recent.ts';
import type { DeliveryFilter, ListPage } from './filters.ts';
import type { Keys } from './keys.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { Nodes } from './nodes.ts';
import type { AttemptRecord, DeliveryRecord } from './delivery-record.ts';
import type { ObjectiveReadings } from './objective-readings.ts';
import type { Operations } from './operations.ts';
import type { Reconciling } from './reconciling.ts';
import type { Overview } from './overview.ts';
import type { Past } from './past.ts';
import type { SealedSettings } from './sealed-settings.ts';
import type { Series } from './series.ts';
import type { EventSearching } from './event-search.ts';
import type { Searching } from './search.ts';
import type { Markers } from './markers.ts';
import type { Sessions } from './sessions.ts';
import type { WorthComparison } from './worth.ts';

export type { Settlement } from '../domain/settlement.ts';
export type * from './blocking.ts';
export type * from './config.ts';
export type * from './failures.ts';
export type * from './filters.ts';
export type * from './recent.ts';
export type * from './keys.ts';
export type * from './nodes.ts';
export type * from './delivery-record.ts';
export type * from './reconciling.ts';
export type * from './operations.ts';
export type * from './event-search.ts';
export type * from './search.ts';

/**
 * The store port: each method is one transition of the design, made durable before its promise resolves.
 * Times are milliseconds since the epoch and come from the caller's clock. Every argument and answer can
 * cross a thread boundary (structured clone): data only, no functions.
 *
 * Rejections: `UnavailableError` where nothing was written (disk full, database away), and what a method names; anything else
 * is a bug.
 */
export interface Store
  extends
    DeliveryPath,
    Endpoints,
    Config,
    Breakers,
    Blocking,
    Failures,
    Operations,
    Readings,
    DeadLetters,
    Searching,
    Reconciling,
    EventSearching,
    Accounting,
    EndpointReadings,
    Series,
    ObjectiveReadings,
    Overview,
    Past,
    Integrity,
    Nodes,
    Alerting,
    Clockwork,
    IdempotencyKeys,
    Keys,
    Sessions,
    Markers,
    AuditLog,
    SealedSettings {
  close(): Promise<void>;
}

// ---------------------------------------------------------------- the delivery path

export interface DeliveryPath {
  /**
   * Commits events, their deliveries and the counters in one transaction (G1, G4). Each group is all or
   * none: a conflict refuses its group and no other. Deliveries of endpoints that are not enabled are
   * `suppressed`. Where `room` allows, pending deliveries are created already claimed and handed back.
   *
   * Where a group has more deliveries than `maxDirect` leaves, its events are committed with who gets them, and
   * `stepFanOut` creates the deliveries.
   */
  accept(groups: readonly (readonly NewEvent[])[], options: AcceptOptions): Promise<AcceptAnswer>;

  /**
   * Claims due deliveries of one endpoint, of each shard the oldest due first: raises each claim number by one and moves
   * `due_at` to `now + leaseMs` (G2). A delivery behind an earlier one of its ordering key is not claimed
   * but deferred to that one's `due_at`; one behind a dead letter that blocks its key is deferred by `heldMs`. Claims nothing
   * where the endpoint is not enabled.
   */
  claim(request: ClaimRequest): Promise<ClaimAnswer>;

  /**
   * Records outcomes: attempt, next `due_at` or terminal state, and counters in one transaction (G4).
   * Where the claim number is no longer the delivery's own, or it is not pending, the attempt is kept as
   * `superseded` and nothing else changes (G3). Answers, in order, what became of each.
   */
  settle(settlements: readonly Settlement[]): Promise<readonly SettleAnswer[]>;

  /** Gives claims back unused: `due_at` becomes the given time, where the claim is still the delivery's own. */
  release(claims: readonly ReleasedClaim[]): Promise<void>;

  /**
   * Makes up to `limit` deliveries of an endpoint due now that wait for a later time and are not claimed: retries (all, or
   * those whose receiver asked for it: 429, 503), or what waits behind an earlier one of its key. Returns how many.
   */
  bringForward(request: BringForwardRequest): Promise<number>;

  /** At start: every claim of a former life of this node comes due now. Answers how many. */
  takeOver(node: string, now: number): Promise<number>;

  /** For each enabled endpoint with pending deliveries in these shards (null: in all), the earliest `due_at`. */
  nextDue(shards: readonly number[] | null): Promise<readonly DueHint[]>;

  /**
   * Looks at up to `limit` deliveries behind `after`, oldest first, and deletes those that are old and
   * finished, with events that have none left (G7). A dead letter that blocks its key is kept. A round ends where `next` is null.
   */
  prune(request: PruneRequest): Promise<PruneAnswer>;

  /**
   * Creates the next deliveries of the first fan-out of one tenant, the next one behind `after`, with their counters and
   * the progress in one transaction (G4). A tenant's fan-outs are done in their order, so that keys keep theirs.
   */
  stepFanOut(request: FanOutRequest): Promise<FanOutStep>;

  /** Cancels up to `limit` pending deliveries of deleted endpoints; answers how many. */
  cancelOrphans(limit: number, now: number): Promise<number>;
}

export interface AcceptOptions {
  readonly now: number;
  readonly node: string;
  /** Added to the endpoint's own time-out. */
  readonly leaseMs: number;
  /** How many fresh deliveries the dispatcher takes at once, for an endpoint not named in `room`. */
  readonly defaultRoom: number;
  readonly room: ReadonlyMap<string, number>;
  /** Deliveries that the call creates itself, over all its groups; by default 4,000. */
  readonly maxDirect?: number;
}

export interface FanOutRequest extends Omit<AcceptOptions, 'maxDirect'> {
  /** About how many deliveries to create. */
  readonly limit: number;
  /** The tenant of the step before, so that tenants take turns; null at the beginning. */
  readonly after: string | null;
}

export interface FanOutStep {
  /** Whose fan-out it was; null where none is left to do. */
  readonly tenant: string | null;
  /** 0 where another node is at it. */
  readonly made: number;
  /** Created already claimed, where `room` allows, as an accept does. */
  readonly claimed: readonly FannedDelivery[];
  readonly events: readonly FannedEvent[];
  /** Endpoints that got pending deliveries which were not claimed. */
  readonly waiting: readonly string[];
}

/** The event stands once for all of its deliveries in a step: `event` is its place in `events`. */
export interface FannedDelivery {
  readonly number: number;
  readonly endpointId: string;
  readonly leaseUntil: number;
  readonly event: number;
}

export interface FannedEvent {
  readonly id: string;
  readonly type: string;
  readonly acceptedAt: number;
  readonly occurredAt: number;
  readonly data: string;
}

export type GroupAnswer =
  | { readonly receipts: readonly Receipt[] }
  /** Index of the event in the group whose id was used before for another body. */
  | { readonly conflict: number };

export interface AcceptAnswer {
  readonly groups: readonly GroupAnswer[];
  readonly claimed: readonly FreshDelivery[];
  /** Endpoints that got pending deliveries which were not claimed. */
  readonly waiting: readonly string[];
  /** Fan-outs that `stepFanOut` is to go on with. */
  readonly fanOuts: number;
}

/** A delivery claimed as it was accepted; its payload is the caller's own event, named by position. */
export interface FreshDelivery {
  readonly number: number;
  readonly endpointId: string;
  readonly leaseUntil: number;
  readonly group: number;
  readonly event: number;
}

export interface ClaimRequest {
  readonly endpointId: string;
  /** The shards that this node owns; null for all. Ownership saves work, and correctness never needs it. */
  readonly shards: readonly number[] | null;
  readonly limit: number;
  /** Stops after the delivery whose payload passes this many characters in all. */
  readonly maxPayload: number;
  readonly now: number;
  readonly leaseMs: number;
  readonly node: string;
}

export interface ClaimAnswer {
  readonly deliveries: readonly ClaimedDelivery[];
  /** Earliest `due_at` of what stays unclaimed for this endpoint; null where nothing does. */
  readonly nextDueAt: number | null;
}

export interface ClaimedDelivery {
  readonly number: number;
  readonly endpointId: string;
  /** The fence: settling applies only under this number (G3). */
  readonly claim: number;
  /** When it was due before it was claimed: given back unused, it is due then again, and keeps its place. */
  readonly dueAt: number;
  readonly leaseUntil: number;
  /** Attempts recorded before this one. */
  readonly attemptsMade: number;
  readonly createdAt: number;
  readonly trigger: Trigger;
  readonly eventId: string;
  readonly eventType: string;
  readonly occurredAt: number;
  readonly data: string;
  /** False where the stored event does not match its digest: it is never sent. */
  readonly intact: boolean;
}

/**
 * `redriven`: applied, and due again at once, because a redrive came while the attempt was in flight. An outcome that is settled
 * again is `applied`, whatever it was before.
 */
export type SettleAnswer = 'applied' | 'superseded' | 'redriven';

export interface ReleasedClaim {
  readonly number: number;
  readonly claim: number;
  readonly dueAt: number;
}

export interface BringForwardRequest {
  readonly endpointId: string;
  readonly only: 'all' | 'throttled' | 'deferred';
  readonly now: number;
  readonly limit: number;
}

export interface DueHint {
  readonly endpointId: string;
  readonly dueAt: number;
}

export interface PruneRequest {
  /**
   * Times of rows are compared with these: a stamp alone does not say how old a row is. A shared store whose clock says
   * another time by now rejects with `FormerTimeError`, and deletes nothing.
   */
  readonly ages: Ages;
  /** Delivered, cancelled and suppressed deliveries settled before this may go. */
  readonly settledBefore: number;
  /** Dead letters settled before this may go: their own, longer retention. */
  readonly deadBefore: number;
  readonly limit: number;
  /** -1, or `next` of the answer before. */
  readonly after: number;
}

export interface PruneAnswer {
  readonly deleted: number;
  /** Where to go on; null where everything further is too young. */
  readonly next: number | null;
}

// ---------------------------------------------------------------- readings

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
  /** By number; by default the newest first. */
  deliveries(filter: DeliveryFilter, page: ListPage<number>): Promise<readonly DeliveryRecord[]>;
  delivery(number: number): Promise<DeliveryRecord | null>;
  attempts(number: number): Promise<readonly AttemptRecord[]>;
  /** A tenant's newest events with their data, within bounds. For trying things on them. */
  recentEvents(request: RecentEventsRequest): Promise<RecentEvents>;
  deadLetters(filter: DeadLetterFilter): Promise<readonly DeadLetterGroup[]>;
  /** Named settings that outlive a process (the hash of the admin key). */
  setting(name: string): Promise<string | null>;
  saveSetting(name: string, value: string): Promise<void>;
  /** Saves a setting where there is none, and answers the one that stands: of two nodes at once, one wins. */
  settleSetting(name: string, value: string): Promise<string>;
}

// ---------------------------------------------------------------- integrity (G6)

/** One endpoint's two sides of the equation: what the ledger says, and what the rows say. */
export interface ConservationRow {
  readonly endpointId: string;
  readonly tenant: string;
  readonly counters: StateCounts & { readonly accepted: number };
  readonly rows: StateCounts & { readonly pending: number };
  /** Pruned by retention, by the state they had; part of the counters. */
  readonly pruned: StateCounts;
}

export interface StateCounts {
  readonly delivered: number;
  readonly dead: number;
  readonly cancelled: number;
  readonly suppressed: number;
}

export interface Finding {
  /** A delivery's number, or null where the row itself is gone. */
  readonly number: number | null;
  readonly eventId: string | null;
  readonly endpointId: string | null;
  readonly problem: string;
}

/** An event with fewer deliveries than were made for it. */
export interface GoneEvent {
  readonly acceptedAt: number;
  readonly missing: number;
  readonly value: Value | null;
}

/** What of a window stands in no row any more. */
export interface Gone {
  /** Taken by retention, by the state they had: counted still, but their worth is not known any more. */
  readonly pruned: StateCounts;
  /** Oldest first. A delivery whose event is gone too is not among these. */
  readonly events: readonly GoneEvent[];
}

/** ms since the epoch: since ≤ t < until. */
export interface GoneWindow {
  readonly tenant: string | null;
  readonly since: number;
  readonly until: number;
}

/** One page of the check of every stored event against its digest. */
export interface DigestPage {
  /** Each delivery of an event that does not match, or the event alone where it has none left. */
  readonly findings: readonly Finding[];
  /** Events that were looked at, and those among them that were accepted before events carried a digest. */
  readonly events: number;
  readonly withoutDigest: number;
  /** Where to go on; null where this was the last page. */
  readonly next: DigestCursor | null;
}

/** Events of this shard up to this number are done, and so is every lower shard. */
export interface DigestCursor {
  readonly shard: number;
  readonly number: number;
}

/** Fan-outs: what was promised when events were accepted, and what became of it. */
export interface FanOuts {
  /** Deliveries that accepted events were to get in steps, and those that the steps have created, ever. */
  readonly planned: number;
  readonly made: number;
  /** Deliveries that are still to be created, by the rows that say so. */
  readonly remaining: number;
  /** By tenant, those first that have not moved for longest. */
  readonly underWay: readonly FanOutState[];
}

/** A tenant's fan-outs, which are done in their order: times are those of the first one. */
export interface FanOutState {
  readonly tenant: string;
  readonly acceptedAt: number;
  /** When its last step was. */
  readonly movedAt: number;
  /** Of all of them. */
  readonly remaining: number;
}

export interface Integrity {
  /** Both sides per endpoint, read in one snapshot, by queries that share no code with the writers. */
  conservation(): Promise<readonly ConservationRow[]>;
  /** The same for what dead letters and suppressed deliveries are worth. */
  worthComparisons(): Promise<readonly WorthComparison[]>;
  /**
   * Rejects with `StoreFaultError` where the store's files are not those that were opened, or were found damaged. With
   * `everyPage` each page is read for it, which takes as long as reading the whole store.
   */
  checkFiles(depth: { readonly everyPage: boolean }): Promise<void>;
  /** Rows that contradict their own attempt log, events that miss deliveries beyond what their fan-outs are to create: at most `limit`. */
  findTampered(limit: number): Promise<readonly Finding[]>;
  /** Both sides of the fan-outs' own equation, planned = made + remaining, in one snapshot, with up to `limit` tenants. */
  fanOuts(limit: number): Promise<FanOuts>;
  /** Compares up to `limit` events behind `after` with their digests. */
  checkDigests(after: DigestCursor | null, limit: number): Promise<DigestPage>;
  /** What is gone of what was accepted in since ≤ t < until (what was pruned: in the hours that it touches): at most `limit` events. */
  gone(window: GoneWindow, limit: number): Promise<Gone>;
}

// ---------------------------------------------------------------- alerts, and what people declare

/** One step of all alerts. */
export interface AlertsChange {
  /** The version that the step was worked out from. */
  readonly version: number;
  readonly changed: readonly Alert[];
  readonly forgotten: readonly string[];
  /** Events to be delivered to one endpoint each: who is told. */
  readonly notifications: readonly { readonly event: NewEvent; readonly endpointId: string }[];
  /** What of it an operator has asked for. */
  readonly audit?: readonly AuditEntry[];
  readonly now: number;
}

export interface Alerting {
  alerts(): Promise<{ readonly version: number; readonly alerts: readonly Alert[] }>;
  /**
   * Stores a step of the alerts and what is told of it in one transaction: nobody is told twice, and nothing is forgotten to
   * be told (G4). False, with nothing stored, where another node has taken a step since that version.
   */
  saveAlerts(change: AlertsChange): Promise<boolean>;
  /** By name. */
  documents<Kind extends DocumentKind>(kind: Kind): Promise<readonly StoredDocument<Kind>[]>;
  document<Kind extends DocumentKind>(kind: Kind, name: string): Promise<Documents[Kind] | null>;
  putDocument<Kind extends DocumentKind>(kind: Kind, name: string, document: Documents[Kind]): Promise<void>;
  deleteDocument(kind: DocumentKind, name: string): Promise<boolean>;
}
