import type { ErrorClass } from '../domain/attempt.ts';
import type { AuditActor, AuditEntry } from '../domain/audit-entry.ts';
import type { DeliveryState } from '../domain/delivery.ts';
import type { Money } from './accounting.ts';
import type { DeliveryFilter } from './filters.ts';

// The part of the store port for people who sort out what did not arrive: groups of it, bounded, and which of them may wait.

export type DroppedState = Extract<DeliveryState, 'dead' | 'suppressed'>;

export interface DroppedQuery extends Pick<
  DeliveryFilter,
  'tenants' | 'exceptTenant' | 'endpointIds' | 'since' | 'until'
> {
  readonly owners?: readonly string[];
  readonly states: readonly DroppedState[];
}

/** Rows that one reading takes, over all endpoints; measured on the embedded store: 4 µs each, with their worth. */
const maxDroppedRows = 40_000;
/** An endpoint with few has all of them counted, however many others have. */
const minDroppedRows = 500;
/** How many of the newest are read for their messages. */
const maxMessages = 1000;
const maxMessagesInAll = 3000;
export const maxDroppedEndpoints = 1000;

/** How much is read of each of so many endpoints. */
export function droppedShares(endpoints: number): { readonly rows: number; readonly messages: number } {
  const share = (all: number): number => Math.floor(all / Math.max(1, endpoints));
  return {
    rows: Math.max(minDroppedRows, share(maxDroppedRows)),
    messages: Math.max(20, Math.min(maxMessages, share(maxMessagesInAll))),
  };
}

/** Deliveries of one endpoint that ended in one way. */
export interface DroppedGroup {
  readonly state: DroppedState;
  readonly endpoint: DroppedEndpoint;
  readonly errorClass: ErrorClass | null;
  readonly statusCode: number | null;
  readonly count: number;
  /** The endpoint has more than are read: these are the newest. */
  readonly isPartial: boolean;
  /** When the oldest and the newest of them ended. */
  readonly oldestAt: number;
  readonly newestAt: number;
  /** The oldest of those that retention takes: the ones that block no key. Null if there are none. */
  readonly oldestPrunableAt: number | null;
  /** Ordering keys that they block. */
  readonly blockedKeys: number;
  /** The number of the newest. */
  readonly sample: number;
  /** For the newest: why the last attempt failed, and what the receiver answered then. */
  readonly messages: readonly DroppedMessage[];
  readonly value: readonly Money[];
  /** Deliveries of the endpoint that were accepted after the newest of these, and delivered. */
  readonly deliveredSince: number;
}

export interface DroppedEndpoint {
  readonly id: string;
  readonly tenant: string;
  readonly name: string | null;
  readonly owner: string | null;
  readonly url: string;
  readonly enabled: boolean;
  readonly isDeleted: boolean;
}

export interface DroppedMessage {
  readonly message: string | null;
  readonly excerpt: string | null;
  readonly count: number;
}

/** A group that may wait. */
export interface Snooze {
  readonly groupId: string;
  readonly until: number;
  /** It ends sooner if the group has so many; null: it does not. */
  readonly untilCount: number | null;
  readonly reason: string;
  readonly by: AuditActor;
  readonly at: number;
}

/** Those that end last are kept. */
export const maxSnoozes = 1000;

export interface SnoozeWrites {
  /** Replaces the group's former snooze. */
  saveSnooze(snooze: Snooze, audit?: AuditEntry | null): Promise<void>;
  /** False, with nothing written, if there is none. */
  deleteSnooze(groupId: string, audit?: AuditEntry | null): Promise<boolean>;
}

export interface SnoozeLookups {
  /** Lists those that still run at `now`. */
  snoozes(now: number): Promise<readonly Snooze[]>;
}

export interface DeadLetterListings {
  /** Groups by state, endpoint, class and status code, of a bounded number of endpoints and deliveries. */
  droppedGroups(query: DroppedQuery): Promise<{
    readonly groups: readonly DroppedGroup[];
    readonly rowsRead: number;
    /** There are more endpoints with such deliveries. */
    readonly hasMore: boolean;
  }>;
}
