import type { AuditEntry } from '../../domain/audit-entry.ts';
import { shardOfNumber } from '../../domain/ids.ts';
import { importedReason } from '../../domain/imported.ts';
import { importEntry } from '../audit-log.ts';
import { keyOf } from '../plan.ts';
import { stateNumbers } from '../rows.ts';
import type { Imported, ImportedEvent } from '../store.ts';
import { findStored, insertPlanned, numbersOf } from './accept.ts';
import { writeAudit } from './audit-log.ts';
import { Columns, parameter } from './columns.ts';
import { StaleCopyError, withCurrentEndpoints } from './current-endpoints.ts';
import { type Connection, type Database, uniqueViolation } from './database.ts';
import type { EndpointCopy, EndpointTable } from './endpoints.ts';
import { inShards } from './in-shards.ts';
import { writeLedger } from './ledger.ts';
import { deliveryNumbers } from './replayed.ts';
import type { ShardName } from './shards.ts';

interface Ended {
  readonly eventNumber: number;
  readonly endpoint: number;
  readonly type: string;
  readonly reason: string;
}

const columns = new Columns<Ended & { readonly number: number }>(1, {
  number: ['bigint', ({ number }) => number],
  event_number: ['bigint', ({ eventNumber }) => eventNumber],
  endpoint: ['int', ({ endpoint }) => endpoint],
  reason: ['text', ({ reason }) => reason],
});
const createdAt = parameter(columns.next, 'bigint');
/** Only in a statement that names one shard. */
const ownShard = parameter(columns.next + 1, 'smallint');

const insertSql = (at: ShardName['at']): string =>
  `INSERT INTO posthorn.deliveries (shard, number, event_number, endpoint, state, created_at, settled_at, reason)
   SELECT ${at(ownShard, '(number & 63)::smallint')}, number, event_number, endpoint, ${stateNumbers.cancelled}, ${createdAt}, ${createdAt}, reason
   FROM ${columns.rows} AS u (${columns.names})`;

async function insertEnded(connection: Connection, ended: readonly Ended[], now: number): Promise<void> {
  const numbers = await deliveryNumbers(connection, ended);
  const made = ended.map((one, at) => ({ ...one, number: numbers[at]! }));
  await inShards(
    connection,
    made,
    ({ eventNumber }) => shardOfNumber(eventNumber),
    (of, { suffix, at, values }) =>
      connection.query(`import${suffix}`, insertSql(at), [...columns.values(of, undefined), now, ...values]),
  );
  await writeLedger(
    connection,
    '',
    ended.map(({ endpoint, type }) => ({ endpoint, createdAt: now, type, accepted: 1, cancelled: 1 })),
  );
}

/** In the caller's transaction. */
async function insertNew(
  connection: Connection,
  { version, index: endpoints }: EndpointCopy,
  events: readonly ImportedEvent[],
  now: number,
): Promise<Imported> {
  const before = await findStored(connection, [events.map(({ event }) => event)]);
  const fresh = new Map<string, ImportedEvent>();
  for (const one of events) {
    const key = keyOf(one.event);
    if (!before.has(key) && !fresh.has(key)) fresh.set(key, one);
  }
  if (fresh.size === 0) return { events: 0, deliveries: 0 };
  const known = [...fresh.values()].map(({ event, deliveries }) => ({
    event,
    deliveries: deliveries.filter(({ endpointId }) => endpoints.get(endpointId) !== undefined),
  }));
  const planned = known.map(({ event, deliveries }, index) => ({
    event,
    group: 0,
    index,
    deliveries: [],
    count: deliveries.length,
    suppressed: 0,
    filtered: 0,
  }));
  const stored = await insertPlanned(connection, version, planned, { now, node: 'operations' });
  if (stored === null) throw new StaleCopyError();
  const numbers = await numbersOf(
    connection,
    known.map(({ event }) => event),
  );
  const ended = known.flatMap(({ event, deliveries }) =>
    deliveries.map(({ endpointId, state }) => ({
      eventNumber: numbers.get(keyOf(event))!,
      endpoint: endpoints.get(endpointId)!.num,
      type: event.type,
      reason: importedReason(state),
    })),
  );
  if (ended.length > 0) await insertEnded(connection, ended, now);
  return { events: known.length, deliveries: ended.length };
}

export async function importEvents(
  db: Database,
  endpoints: EndpointTable,
  events: readonly ImportedEvent[],
  now: number,
  audit: AuditEntry | null,
): Promise<Imported> {
  return await withCurrentEndpoints(endpoints, async (copy) => {
    try {
      return await db.transaction(async (connection) => {
        const imported = await insertNew(connection, copy, events, now);
        await writeAudit(connection, [importEntry(audit, imported)]);
        return imported;
      });
    } catch (error) {
      // One of these ids was accepted a moment ago: now its receipt is there to be found (G1).
      if (!uniqueViolation(error)) throw error;
      throw new StaleCopyError();
    }
  });
}
