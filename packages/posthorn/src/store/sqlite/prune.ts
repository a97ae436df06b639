import { eventShard, shardOfNumber } from '../../domain/ids.ts';
import { blocksKeys } from '../../domain/ordering.ts';
import { retentionOf } from '../retention.ts';
import type { PruneAnswer, PruneRequest } from '../store.ts';
import type { Database } from './database.ts';
import type { EndpointTable } from './endpoints.ts';
import { type LedgerCounter, LedgerChanges } from './ledger.ts';
import { atRiskStates } from '../worth.ts';

const prunedCounter: readonly (LedgerCounter | null)[] = [
  null,
  'pruned_delivered',
  'pruned_dead',
  'pruned_cancelled',
  'pruned_suppressed',
];
const dead = 2;

/** The setting that holds the highest number of a table's pruned rows. */
export function highestPruned(table: 'events' | 'deliveries'): string {
  return `highest_pruned_${table}`;
}

/** Numbers are never used again, also after a restart with an emptied table. */
function keepHighest(db: Database, table: 'events' | 'deliveries', number: number): void {
  db.run(
    `INSERT INTO settings (name, value) VALUES (?, ?)
     ON CONFLICT DO UPDATE SET value = excluded.value WHERE CAST(value AS INTEGER) < CAST(excluded.value AS INTEGER)`,
    highestPruned(table),
    String(number),
  );
}

function deleteEvent(db: Database, number: number): void {
  const row = db.get('DELETE FROM events WHERE number = ? RETURNING tenant, id', number);
  const [tenant, id] = row as [string, string];
  const home = eventShard(tenant, id);
  if (home !== shardOfNumber(number))
    db.run('DELETE FROM receipts WHERE shard = ? AND tenant = ? AND id = ?', home, tenant, id);
}

/**
 * Walks deliveries in the order in which they were made, so that nothing young is ever read and no index by
 * time has to be kept. What goes is added to the pruned counters in the same transaction, so the ledger stays
 * balanced (G4, G6).
 */
export function prune(db: Database, endpoints: EndpointTable, request: PruneRequest): PruneAnswer {
  const { limit } = request;
  const retention = retentionOf(request);
  const ledger = new LedgerChanges();
  let deleted = 0;
  let next: number | null = null;
  let lastDelivery = -1;
  let lastEvent = -1;
  const isBlocking = (num: number): boolean => {
    const known = endpoints.index.byNum(num);
    return known !== undefined && blocksKeys(known.endpoint);
  };
  const removeEvent = (number: number): void => {
    deleteEvent(db, number);
    lastEvent = Math.max(lastEvent, number);
  };
  // Settled no earlier than made: from the first young one on everything is too young, and nothing further is read.
  // A stamp of a wrong clock ends nothing: what was made after it may be old.
  const rows = db.allWhile(
    'SELECT number, event_number, endpoint, state, created_at, settled_at, order_key IS NOT NULL FROM deliveries WHERE number > ? ORDER BY number LIMIT +?',
    ([number, , , , createdAt]) => !retention.endsAt(number as number, createdAt as number),
    request.after,
    limit,
  ) as number[][];
  const unwanted = new Set<number>();
  for (const { from, before } of retention.stampsOfUnwanted)
    for (const [number, acceptedAt] of db.all(
      'SELECT number, accepted_at FROM events WHERE deliveries = 0 AND accepted_at >= ? AND accepted_at < ? ORDER BY accepted_at LIMIT +?',
      from,
      before,
      limit,
    ) as [number, number][])
      if (retention.isUnwantedOver(number, acceptedAt)) unwanted.add(number);
  if (rows.length === 0 && unwanted.size === 0) return { deleted, next };
  db.transaction(() => {
    for (const [number, event, endpoint, state, createdAt, settledAt, isKeyed] of rows) {
      next = number!;
      if (state === 0 || !retention.isOver(number!, settledAt!, state === dead)) continue;
      // What holds others is not forgotten while it does (G7).
      if (state === dead && isKeyed === 1 && isBlocking(endpoint!)) continue;
      const atRisk = atRiskStates[state!]!;
      if (atRisk !== null)
        ledger.addWorth(db, number!, { endpoint: endpoint!, acceptedAt: createdAt! }, atRisk, -1);
      db.run('DELETE FROM attempts WHERE delivery = ?', number!);
      db.run('DELETE FROM deliveries WHERE number = ?', number!);
      const left = db.get(
        'UPDATE events SET deliveries = deliveries - 1 WHERE number = ? RETURNING deliveries',
        event!,
      );
      if (left?.[0] === 0) removeEvent(event!);
      ledger.addToLedger(endpoint!, createdAt!, prunedCounter[state!]!);
      deleted++;
      lastDelivery = number!;
    }
    if (rows.length < limit) next = null;
    for (const number of unwanted) removeEvent(number);
    deleted += unwanted.size;
    if (next === null && unwanted.size >= limit) next = request.after;
    if (lastDelivery >= 0) keepHighest(db, 'deliveries', lastDelivery);
    if (lastEvent >= 0) keepHighest(db, 'events', lastEvent);
    ledger.write(db);
  });
  return { deleted, next };
}
