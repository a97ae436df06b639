import { describe } from 'vitest';
import type { Store } from '../../packages/posthorn/src/store/store.ts';
import { describeAccepting } from './store/accepting.ts';
import { describeBalance } from './store/balance.ts';
import { describeBlocking } from './store/blocking.ts';
import { describeBulkJobs } from './store/bulk-jobs.ts';
import { describeClaiming } from './store/claiming.ts';
import { describeClockwork } from './store/clockwork.ts';
import { describeConfiguring } from './store/configuring.ts';
import { describeDeletingData } from './store/deleting-data.ts';
import { describeDropped } from './store/dropped.ts';
import { describeEndpointFigures } from './store/endpoint-figures.ts';
import { describeFailing } from './store/failing.ts';
import { describeIdempotency } from './store/idempotency.ts';
import { describeImporting } from './store/importing.ts';
import { describeInFlight } from './store/in-flight.ts';
import { describeKeeping } from './store/keeping.ts';
import { describeListing } from './store/listing.ts';
import { describeAuditing } from './store/auditing.ts';
import { describeKeys } from './store/keys.ts';
import { describeObjectiveReadings } from './store/objective-readings.ts';
import { describeOperations } from './store/operations.ts';
import { describeRecent } from './store/recent.ts';
import { describeReconciling } from './store/reconciling.ts';
import { describeRedriving } from './store/redriving.ts';
import { describeReplaying } from './store/replaying.ts';
import { describePruning } from './store/pruning.ts';
import { describeEventSearching } from './store/event-searching.ts';
import { describeSearching } from './store/searching.ts';
import { describeMarkers } from './store/markers.ts';
import { describePast } from './store/past.ts';
import { describeSessions } from './store/sessions.ts';
import { describeSettling } from './store/settling.ts';
import { describeTenants } from './store/tenants.ts';
import { subjectOf } from './store/subject.ts';

/** What every adapter of the store port must do; `propertyRuns` is how many sequences of steps the balance is tried with. */
export function describeStore(name: string, open: () => Promise<Store>, propertyRuns = 40): void {
  describeDeliveryStore(name, open, propertyRuns);
  describe(name, () => {
    const subject = subjectOf(open);
    describeConfiguring(subject);
    describeSessions(subject);
    describeMarkers(subject);
    describeIdempotency(subject);
    describeKeys(subject);
  });
}

/** The part that reads or writes rows of deliveries, events or their counters. */
export function describeDeliveryStore(name: string, open: () => Promise<Store>, propertyRuns: number): void {
  describe(name, () => {
    const subject = subjectOf(open);
    describeAccepting(subject);
    describeClaiming(subject);
    describeBlocking(subject);
    describeSettling(subject);
    describeOperations(subject);
    describeObjectiveReadings(subject);
    describeAuditing(subject);
    describeInFlight(subject);
    describeRedriving(subject);
    describeBulkJobs(subject);
    describeDropped(subject);
    describeDeletingData(subject);
    describeReplaying(subject);
    describeImporting(subject);
    describePruning(subject);
    describeListing(subject);
    describeSearching(subject);
    describeEventSearching(subject);
    describeRecent(subject);
    describeReconciling(subject);
    describeTenants(subject);
    describePast(subject);
    describeKeeping(subject);
    describeClockwork(subject);
    describeFailing(subject);
    describeEndpointFigures(subject);
    describeBalance(subject, propertyRuns);
  });
}
