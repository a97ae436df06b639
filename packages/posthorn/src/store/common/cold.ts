import { readToLimit } from '../search.ts';
import type { StoreListings, StoreLookups, StoreWrite } from '../store.ts';
import { accountingListings } from './accounting.ts';
import { alertLookups } from './alerts.ts';
import { auditLogListings, auditLogWrites } from './audit-log.ts';
import { breakerLookups, breakerWrites } from './breakers.ts';
import { blockingListings, blockingWrites } from './blocking.ts';
import { clockWrites } from './clock.ts';
import { commandWrites } from './commands.ts';
import { contactWrites } from './contacts.ts';
import { deadLetterListings } from './dead-letters.ts';
import { documentLookups, documentWrites } from './documents.ts';
import { endpointEvidenceListings } from './endpoint-evidence.ts';
import { endpointFigureListings } from './endpoint-figures.ts';
import { endpointLookups } from './endpoints.ts';
import { failureLookups, failureWrites } from './failures.ts';
import { keyedRequestWrites } from './idempotency.ts';
import { eventDataWrites } from './event-data.ts';
import { eventSearchListings } from './event-search.ts';
import { integrityListings } from './integrity.ts';
import { keyLookups, keyWrites } from './keys.ts';
import { markerLookups, markerWrites } from './markers.ts';
import { coldMethods } from './methods.ts';
import { objectiveListings } from './objective-readings.ts';
import { overviewListings } from './overview.ts';
import { deliveryListings } from './readings.ts';
import { pastListings } from './past.ts';
import { recentListings } from './recent.ts';
import { reconcilingListings } from './reconciling.ts';
import { redriveListings, redriveLookups, redriveWrites } from './redrives.ts';
import { searchListings } from './search.ts';
import { seriesListings } from './series.ts';
import { sessionLookups, sessionWrites } from './sessions.ts';
import { settingLookups, settingWrites } from './settings.ts';
import { snoozeLookups, snoozeWrites } from './snoozes.ts';
import type { CommonDatabase } from './steps.ts';
import { tamperingListings } from './tampering.ts';

// The methods of the port that are not hot, which are written once for every database: one object for each part of the port. An adapter
// implements what is not here, and the compiler says what neither has.

const coldWrites = {
  ...auditLogWrites,
  ...blockingWrites,
  ...breakerWrites,
  ...clockWrites,
  ...commandWrites,
  ...contactWrites,
  ...documentWrites,
  ...eventDataWrites,
  ...failureWrites,
  ...keyWrites,
  ...keyedRequestWrites,
  ...markerWrites,
  ...redriveWrites,
  ...sessionWrites,
  ...settingWrites,
  ...snoozeWrites,
};
const coldLookups = {
  ...alertLookups,
  ...breakerLookups,
  ...documentLookups,
  ...endpointLookups,
  ...failureLookups,
  ...keyLookups,
  ...markerLookups,
  ...redriveLookups,
  ...sessionLookups,
  ...settingLookups,
  ...snoozeLookups,
};
const coldListings = {
  ...accountingListings,
  ...auditLogListings,
  ...blockingListings,
  ...deadLetterListings,
  ...deliveryListings,
  ...endpointEvidenceListings,
  ...endpointFigureListings,
  ...eventSearchListings,
  ...integrityListings,
  ...objectiveListings,
  ...overviewListings,
  ...pastListings,
  ...recentListings,
  ...reconcilingListings,
  ...redriveListings,
  ...searchListings,
  ...seriesListings,
  ...tamperingListings,
};

/** What each adapter implements by itself. */
export interface HotStore {
  readonly write: Omit<StoreWrite, keyof typeof coldWrites>;
  readonly lookups: Omit<StoreLookups, keyof typeof coldLookups>;
}

/** The three parts of the port on one database. */
export interface StoreParts {
  readonly write: StoreWrite;
  readonly lookups: StoreLookups;
  readonly listings: StoreListings;
}

/** Completes an adapter with the methods that are written once: of the listings, all. */
export function withCold(db: CommonDatabase, { write, lookups }: HotStore): StoreParts {
  const listings = coldMethods<Omit<StoreListings, 'deliveries'>>(db, coldListings);
  return {
    write: { ...write, ...coldMethods<Pick<StoreWrite, keyof typeof coldWrites>>(db, coldWrites) },
    lookups: { ...lookups, ...coldMethods<Pick<StoreLookups, keyof typeof coldLookups>>(db, coldLookups) },
    // Step by step: nothing holds the store's reader for longer than a step (G8).
    listings: { ...listings, deliveries: (filter, page) => readToLimit(listings, filter, page) },
  };
}
