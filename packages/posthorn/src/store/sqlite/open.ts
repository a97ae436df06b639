import type { Store } from '../store.ts';
import { openHere, type OpenOptions } from './open-here.ts';
import { openInThread } from './thread.ts';

/** Opens a data directory, creating and migrating it as needed. Rejects with `DataDirectoryLockedError`. */
export async function openSqliteStore(options: OpenOptions): Promise<Store> {
  if (options.thread !== true) return openHere(options);
  const damaged = new SharedArrayBuffer(4);
  const writer = await openInThread({ ...options, damaged });
  try {
    return withReader(writer, await openInThread({ dataDir: options.dataDir, readOnly: true, damaged }));
  } catch (error) {
    await writer.close();
    throw error;
  }
}

/** Lists, accounting, the reconciler's count of every row. */
const longReadings: ReadonlySet<string> = new Set<keyof Store>([
  'event',
  'recentEvents',
  'deliveries',
  'deliveriesWithin',
  'searchDeliveries',
  'foundDeliveries',
  'deliveryDetails',
  'eventsWithin',
  'searchEvents',
  'foundEvents',
  'eventsById',
  'attemptsOf',
  'findEndpoints',
  'findEventTypes',
  'delivery',
  'attempts',
  'deadLetters',
  'redriveOutcomes',
  'droppedGroups',
  'blockedKeys',
  'deadKeyCounts',
  'accounting',
  'accountingBy',
  'tallies',
  'countSeries',
  'worth',
  'pastStep',
  'pendingWorth',
  'unmatchedTypes',
  'failureSeries',
  'latencySeries',
  'tallySteps',
  'failureDays',
  'missedWorth',
  'overdue',
  'endpointFigures',
  'atRisk',
  'endpointEvidence',
  'conservation',
  'worthComparisons',
  'findTampered',
  'checkDigests',
  'fanOuts',
  'gone',
  'auditLog',
  'auditChain',
  'sentDeliveries',
  'sentEvents',
  'eventHeadings',
]);

/**
 * Long readings run on a connection and a thread of their own: a reader never waits for a writer in WAL mode, and never
 * holds one up.
 */
function withReader(writer: Store, reader: Store): Store {
  const closeBoth = async (): Promise<void> => {
    await reader.close();
    await writer.close();
  };
  return new Proxy(writer, {
    get: (target, name: keyof Store) => {
      if (name === 'close') return closeBoth;
      return longReadings.has(name) ? reader[name] : target[name];
    },
  });
}
