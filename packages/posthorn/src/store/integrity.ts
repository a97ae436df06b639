import type { Value } from '../domain/money.ts';
import type { WorthComparison } from './worth.ts';

// The part of the port that checks what the writers have written (G6).

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
  /** A delivery's number, or null if the row itself is missing. */
  readonly number: number | null;
  readonly eventId: string | null;
  readonly endpointId: string | null;
  readonly problem: string;
}

/** An event with fewer deliveries than were made for it. */
export interface MissingEvent {
  readonly acceptedAt: number;
  readonly missing: number;
  readonly value: Value | null;
}

/** What of a window is in no row any more. */
export interface Missing {
  /** Taken by retention, by the state they had: counted still, but their worth is not known any more. */
  readonly pruned: StateCounts;
  /** Oldest first. A delivery whose event is missing too is not among these. */
  readonly events: readonly MissingEvent[];
}

/** ms since the epoch: since ≤ t < until. */
export interface MissingWindow {
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
  /** Those whose data were deleted: what is left of them says nothing of a change. */
  readonly dataDeleted: number;
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
  /** Deliveries that all of them are still to create. */
  readonly remaining: number;
}

export interface FileLookups {
  /**
   * Rejects with `StoreFaultError` if the store's files are not those that were opened, or were found damaged. With
   * `everyPage` it reads each page, which takes as long as reading the whole store.
   */
  checkFiles(depth: { readonly everyPage: boolean }): Promise<void>;
}

export interface Integrity {
  /** Returns both sides per endpoint, read in one snapshot, by queries that share no code with the writers. */
  conservation(): Promise<readonly ConservationRow[]>;
  /** The same for what dead letters and suppressed deliveries are worth. */
  worthComparisons(): Promise<readonly WorthComparison[]>;
  /** Finds rows that contradict their own attempt log, and events that miss deliveries beyond what their fan-outs are to create. */
  findTampered(limit: number): Promise<readonly Finding[]>;
  /** Returns both sides of the fan-outs' own equation, planned = made + remaining, in one snapshot, with up to `limit` tenants. */
  fanOuts(limit: number): Promise<FanOuts>;
  /** Compares up to `limit` events behind `after` with their digests. */
  checkDigests(after: DigestCursor | null, limit: number): Promise<DigestPage>;
  /**
   * Returns what is missing of what was accepted in since ≤ t < until (what was pruned: in the hours that it touches): at most
   * `limit` events.
   */
  missing(window: MissingWindow, limit: number): Promise<Missing>;
}
