import type { Ages } from '../domain/clock-record.ts';
import type { Trigger } from '../domain/delivery.ts';
import type { NewEvent, Receipt } from '../domain/event.ts';
import type { Settlement } from '../domain/settlement.ts';

// The part of the port that carries deliveries from acceptance to their end.

export interface DeliveryPath {
  /**
   * Commits events, their deliveries and the counters in one transaction (G1, G4). Each group is all or
   * none: a conflict refuses its group and no other. Deliveries of endpoints that are not enabled are
   * `suppressed`. As far as `room` allows, pending deliveries are created already claimed and returned.
   *
   * If a group has more deliveries than `maxDirect` leaves, its events are committed with their recipients, and
   * `stepFanOut` creates the deliveries.
   */
  accept(groups: readonly (readonly NewEvent[])[], options: AcceptOptions): Promise<AcceptAnswer>;

  /**
   * Claims due deliveries of one endpoint, of each shard the oldest due first: raises each claim number by one and moves
   * `due_at` to `now + leaseMs` (G2). A delivery behind an earlier one of its ordering key is not claimed
   * but deferred to that one's `due_at`; one behind a dead letter that blocks its key is deferred by `heldMs`. Claims nothing
   * if the endpoint is not enabled.
   */
  claim(request: ClaimRequest): Promise<ClaimAnswer>;

  /**
   * Records outcomes: attempt, next `due_at` or terminal state, and counters in one transaction (G4).
   * If the claim number is no longer the delivery's own, or it is not pending, the attempt is kept as
   * `superseded` and nothing else changes (G3). Returns, in order, what became of each.
   */
  settle(settlements: readonly Settlement[]): Promise<readonly SettleAnswer[]>;

  /** Gives claims back unused: `due_at` becomes the given time, if the claim is still the delivery's own. */
  release(claims: readonly ReleasedClaim[]): Promise<void>;

  /**
   * Makes up to `limit` deliveries of an endpoint due now that wait for a later time and are not claimed: retries (all, or
   * those whose receiver asked for it: 429, 503), or what waits behind an earlier one of its key. Returns how many.
   */
  bringForward(request: BringForwardRequest): Promise<number>;

  /** At start: makes every claim of a previous run of this node due now. Returns how many. */
  takeOver(node: string, now: number): Promise<number>;

  /**
   * Examines up to `limit` deliveries behind `after`, oldest first, and deletes those that are old and
   * finished, with events that have none left (G7). Keeps a dead letter that blocks its key. A round ends when `next` is null.
   */
  prune(request: PruneRequest): Promise<PruneAnswer>;

  /**
   * Creates the next deliveries of the first fan-out of one tenant, the next one behind `after`, with their counters and
   * the progress in one transaction (G4). A tenant's fan-outs are done in their order, so that keys keep theirs.
   */
  stepFanOut(request: FanOutRequest): Promise<FanOutStep>;

  /** Cancels up to `limit` pending deliveries of deleted endpoints; returns how many. */
  cancelOrphans(limit: number, now: number): Promise<number>;
}

export interface DueLookups {
  /** Returns for each enabled endpoint with pending deliveries in these shards (null: in all) the earliest `due_at`. */
  nextDue(shards: readonly number[] | null): Promise<readonly DueHint[]>;
}

export interface AcceptOptions {
  readonly now: number;
  readonly node: string;
  /** Added to the endpoint's own timeout. */
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
  /** The tenant of the fan-out; null if none is left to do. */
  readonly tenant: string | null;
  /** 0 if another node is working on it. */
  readonly made: number;
  /** Created already claimed as far as `room` allows, as by `accept`. */
  readonly claimed: readonly FannedDelivery[];
  readonly events: readonly FannedEvent[];
  /** Endpoints that got pending deliveries which were not claimed. */
  readonly waiting: readonly string[];
}

/** All deliveries of an event in a step share one entry: `event` is its place in `events`. */
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
  /** Fan-outs that `stepFanOut` is to continue. */
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
  /** Earliest `due_at` of what stays unclaimed for this endpoint; null if nothing does. */
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
  /** False if the stored event does not match its digest: it is never sent. */
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
  /** Where to go on; null if everything further is too young. */
  readonly next: number | null;
}
