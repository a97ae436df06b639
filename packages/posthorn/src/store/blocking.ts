import type { ErrorClass } from '../domain/attempt.ts';
import type { TenantFilter } from './filters.ts';

// The part of the store port for ordering keys that dead letters block (`blocksKeys` in domain/ordering.ts).

/** Keys of an endpoint, and deliveries of a key, are counted up to this. */
export const maxCountedBlocked = 1000;

/** A key of an endpoint, and the first dead letter that blocks it. */
export interface BlockedKey {
  readonly endpointId: string;
  readonly tenant: string;
  readonly orderingKey: string;
  /** The dead letter's number. */
  readonly blockedBy: number;
  readonly eventId: string;
  readonly eventType: string;
  readonly errorClass: ErrorClass | null;
  readonly reason: string;
  /** When the dead letter ended. */
  readonly since: number;
  /** Deliveries that it holds, up to `maxCountedBlocked`. */
  readonly waiting: number;
}

/** A position in the list of blocked keys, which goes by endpoint id and by number. */
export interface BlockedKeyCursor {
  readonly endpointId: string;
  readonly number: number;
}

export interface BlockedKeyQuery extends TenantFilter {
  readonly endpointIds?: readonly string[];
  readonly after: BlockedKeyCursor | null;
  readonly limit: number;
}

export interface DeadKeyCount {
  readonly endpointId: string;
  /** Up to `maxCountedBlocked`. */
  readonly keys: number;
}

export interface FreeKeysRequest {
  readonly endpointId: string;
  readonly now: number;
  /** Where this step continues among the dead letters: -1, or `next` of the answer before. */
  readonly after: number;
  readonly limit: number;
}

export interface BlockingWrites {
  /**
   * Makes the first pending delivery of each key due now that has one of the next `limit` dead letters: after a change from
   * `block` to `skip`. Returns where to go on, null at the end.
   */
  freeKeys(request: FreeKeysRequest): Promise<number | null>;
}

export interface BlockingListings {
  /** Lists blocked keys by endpoint and by the number of the dead letter that blocks them. */
  blockedKeys(query: BlockedKeyQuery): Promise<readonly BlockedKey[]>;
  /** Counts the ordering keys of these endpoints' dead letters, whether they block them or not. */
  deadKeyCounts(endpointIds: readonly string[]): Promise<readonly DeadKeyCount[]>;
}
