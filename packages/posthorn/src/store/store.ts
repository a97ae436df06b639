import type { Accounting, CounterWrites, PendingLookups } from './accounting.ts';
import type { AlertLookups, AlertWrites, DocumentLookups, DocumentWrites } from './alerting.ts';
import type { AuditLogListings, AuditLogWrites } from './audit-log.ts';
import type { BlockingListings, BlockingWrites } from './blocking.ts';
import type { BreakerLookups, BreakerWrites } from './breakers.ts';
import type { ClockLookups, ClockWrites } from './clockwork.ts';
import type { ConfigLookups, ConfigWrites, EndpointLookups, EndpointWrites } from './config.ts';
import type { DeadLetterListings, SnoozeLookups, SnoozeWrites } from './dead-letters.ts';
import type { DeliveryPath, DueLookups } from './delivery-path.ts';
import type { EndpointReadings } from './endpoint-readings.ts';
import type { EventSearching } from './event-search.ts';
import type { FailureLookups, FailureWrites } from './failures.ts';
import type { KeyedRequestWrites } from './idempotency.ts';
import type { FileLookups, Integrity } from './integrity.ts';
import type { KeyLookups, KeyWrites } from './keys.ts';
import type { MarkerLookups, MarkerWrites } from './markers.ts';
import type { NodeLookups, NodeWrites } from './nodes.ts';
import type { ObjectiveReadings } from './objective-readings.ts';
import type { OperationWrites, RedriveListings, RedriveLookups } from './operations.ts';
import type { Overview } from './overview.ts';
import type { Past } from './past.ts';
import type { Readings } from './readings.ts';
import type { Reconciling } from './reconciling.ts';
import type { Searching } from './search.ts';
import type { Series } from './series.ts';
import type { SessionLookups, SessionWrites } from './sessions.ts';
import type { SettingLookups, SettingWrites } from './settings.ts';

export type { Settlement } from '../domain/settlement.ts';
export type * from './alerting.ts';
export type * from './blocking.ts';
export type * from './config.ts';
export type * from './delivery-path.ts';
export type * from './delivery-record.ts';
export type * from './event-search.ts';
export type * from './failures.ts';
export type * from './filters.ts';
export type * from './integrity.ts';
export type * from './keys.ts';
export type * from './nodes.ts';
export type * from './operations.ts';
export type * from './readings.ts';
export type * from './recent.ts';
export type * from './reconciling.ts';
export type * from './search.ts';

/**
 * The store port, in two halves. Each method is one transition or one reading of the design; a transition is durable before
 * its promise resolves. Times are milliseconds since the epoch and come from the caller's clock. Every argument and answer can
 * cross a thread boundary (structured clone): data only, no functions.
 *
 * Rejections: `UnavailableError` if nothing was written (disk full, database away), and what a method names; anything else
 * is a bug.
 */
export interface Store {
  readonly write: StoreWrite;
  readonly read: StoreRead;
  close(): Promise<void>;
}

/** What a caller takes of both halves: it names the methods that it calls. */
export interface StorePart<Writes extends keyof StoreWrite, Reads extends keyof StoreRead> {
  readonly write: Pick<StoreWrite, Writes>;
  readonly read: Pick<StoreRead, Reads>;
}

/** Everything that changes the store: the delivery path, operations, configuration, housekeeping. */
export interface StoreWrite
  extends
    DeliveryPath,
    OperationWrites,
    EndpointWrites,
    ConfigWrites,
    DocumentWrites,
    BlockingWrites,
    BreakerWrites,
    FailureWrites,
    SnoozeWrites,
    AlertWrites,
    CounterWrites,
    ClockWrites,
    NodeWrites,
    KeyWrites,
    SessionWrites,
    KeyedRequestWrites,
    MarkerWrites,
    AuditLogWrites,
    SettingWrites {}

/** Everything that changes nothing. */
export interface StoreRead extends StoreLookups, StoreListings {}

/** Readings of a few rows, or of what is held in memory: they see every commit that this process knows of. */
export interface StoreLookups
  extends
    DueLookups,
    EndpointLookups,
    ConfigLookups,
    DocumentLookups,
    BreakerLookups,
    FailureLookups,
    RedriveLookups,
    SnoozeLookups,
    AlertLookups,
    PendingLookups,
    ClockLookups,
    NodeLookups,
    KeyLookups,
    SessionLookups,
    MarkerLookups,
    SettingLookups,
    FileLookups {}

/** Lists, searches, accounting and integrity: readings that may take long, and that must not hold up the delivery path. */
export interface StoreListings
  extends
    Readings,
    Searching,
    EventSearching,
    Reconciling,
    BlockingListings,
    DeadLetterListings,
    RedriveListings,
    Accounting,
    EndpointReadings,
    Series,
    ObjectiveReadings,
    Overview,
    Past,
    Integrity,
    AuditLogListings {}
