import { minutesKeptMs } from '../plan.ts';
import type { PruneAnswer, PruneRequest } from '../store.ts';
import { endStates, writeLedger } from './ledger.ts';
import type { Database, Connection } from './database.ts';
import { eventShard } from '../../domain/ids.ts';

const dead = 2;

/** Only those that have no delivery still: a replay may have given them one meanwhile. */
async function deleteEvents(connection: Connection, numbers: readonly number[]): Promise<void> {
  if (numbers.length === 0) return;
  const gone = (await connection.query(
    'prune_events',
    `DELETE FROM posthorn.events e USING unnest($1::bigint[]) AS n (number)
     WHERE e.shard = (n.number & 63)::smallint AND e.number = n.number AND e.deliveries = 0 RETURNING e.tenant, e.id`,
    [numbers],
  )) as string[][];
  await connection.query(
    'prune_receipts',
    `DELETE FROM posthorn.receipts r USING unnest($1::smallint[], $2::text[], $3::text[]) AS g (shard, tenant, id)
     WHERE r.shard = g.shard AND r.tenant = g.tenant AND r.id = g.id`,
    [
      gone.map(([tenant, id]) => eventShard(tenant!, id!)),
      gone.map(([tenant]) => tenant!),
      gone.map(([, id]) => id!),
    ],
  );
}

/**
 * Counters of SQL publishers stand in a row for each backend; once an hour is over for good, one row is enough.
 * `before` is an hour since the epoch.
 */
async function foldLedgers(db: Database, before: number): Promise<void> {
  await db.query(
    'fold_ledger',
    `WITH gone AS (DELETE FROM posthorn.ledger WHERE writer LIKE 'sql:%' AND hour < $1 RETURNING *)
     INSERT INTO posthorn.ledger AS l (shard, endpoint, hour, writer, accepted, suppressed)
     SELECT shard, endpoint, hour, 'folded', sum(accepted), sum(suppressed) FROM gone GROUP BY 1, 2, 3
     ON CONFLICT (shard, endpoint, hour, writer)
       DO UPDATE SET accepted = l.accepted + excluded.accepted, suppressed = l.suppressed + excluded.suppressed`,
    [before],
  );
  await db.query(
    'fold_sql_tallies',
    `WITH gone AS (DELETE FROM posthorn.tallies WHERE writer LIKE 'sql:%' AND minute < $1::int * 60 RETURNING *)
     INSERT INTO posthorn.tallies AS l (shard, endpoint, minute, type, writer, accepted, suppressed)
     SELECT shard, endpoint, minute, type, 'folded', sum(accepted), sum(suppressed) FROM gone GROUP BY 1, 2, 3, 4
     ON CONFLICT (shard, endpoint, minute, type, writer)
       DO UPDATE SET accepted = l.accepted + excluded.accepted, suppressed = l.suppressed + excluded.suppressed`,
    [before],
  );
  await db.query(
    'fold_event_ledger',
    `WITH gone AS (DELETE FROM posthorn.event_ledger WHERE writer LIKE 'sql:%' AND hour < $1 RETURNING *)
     INSERT INTO posthorn.event_ledger AS l (shard, tenant, hour, type, writer, events, unmatched)
     SELECT shard, tenant, hour, type, 'folded', sum(events), sum(unmatched) FROM gone GROUP BY 1, 2, 3, 4
     ON CONFLICT (shard, tenant, hour, type, writer)
       DO UPDATE SET events = l.events + excluded.events, unmatched = l.unmatched + excluded.unmatched`,
    [before],
  );
}

const tallyNames = [
  'accepted',
  'delivered',
  'dead',
  'cancelled',
  'suppressed',
  'late',
  'superseded',
  'first_attempts',
  'first_delivered',
  'recovered',
];

/**
 * Makes one row by the hour of those by the minute before `before` (minutes since the epoch), whoever wrote them. A day's worth
 * at most in one statement.
 */
async function foldTallies(db: Database, before: number): Promise<void> {
  await db.query(
    'fold_tallies',
    `WITH oldest AS (SELECT min(minute) AS minute FROM posthorn.tallies WHERE minute < $1 AND minute % 60 <> 0),
     gone AS (
       DELETE FROM posthorn.tallies t USING oldest o
       WHERE t.minute >= o.minute AND t.minute < least($1, o.minute - o.minute % 60 + 1440) AND t.minute % 60 <> 0 RETURNING t.*)
     INSERT INTO posthorn.tallies AS l (shard, endpoint, minute, type, writer, ${tallyNames.join(', ')})
     SELECT shard, endpoint, minute - minute % 60, type, 'folded', ${tallyNames.map((name) => `sum(${name})`).join(', ')}
     FROM gone GROUP BY 1, 2, 3, 4
     ON CONFLICT (shard, endpoint, minute, type, writer)
       DO UPDATE SET ${tallyNames.map((name) => `${name} = l.${name} + excluded.${name}`).join(', ')}`,
    [before],
  );
}

/**
 * Walks deliveries in the order of their numbers, a bounded batch at a time, so that nothing young is read and no
 * index by the time of settlement has to be kept. Rows that somebody else works on are left for the next round.
 */
export async function prune(db: Database, request: PruneRequest): Promise<PruneAnswer> {
  const { settledBefore, deadBefore, limit } = request;
  const youngest = Math.max(settledBefore, deadBefore);
  if (request.after < 0) {
    await foldLedgers(db, Math.floor(request.now / 3_600_000) - 1);
    await foldTallies(db, Math.floor((request.now - minutesKeptMs) / 3_600_000) * 60);
  }
  return await db.transaction(async (connection) => {
    // Keys stand by shard, and numbers run on over all shards: each shard gives its oldest.
    const rows = (await connection.query(
      'prune_read',
      `SELECT d.number, d.event_number, d.endpoint, d.state, d.created_at, d.settled_at FROM generate_series(0, 63) AS s (shard)
       CROSS JOIN LATERAL (SELECT * FROM posthorn.deliveries d WHERE d.shard = s.shard AND d.number > $1 ORDER BY d.number LIMIT $2) d
       ORDER BY d.number LIMIT $2`,
      [request.after, limit],
    )) as number[][];
    const old = rows.filter(([, , , , createdAt]) => createdAt! < youngest);
    const doomed = old.filter(
      ([, , , state, , settledAt]) =>
        state !== 0 && settledAt! < (state === dead ? deadBefore : settledBefore),
    );
    let next = rows.length === limit && old.length === rows.length ? old.at(-1)![0]! : null;
    let deleted = 0;
    if (doomed.length > 0) {
      // Only what is still as it was read: a redrive may have made it pending meanwhile (G7).
      const gone = (await connection.query(
        'prune_deliveries',
        `DELETE FROM posthorn.deliveries d USING unnest($1::bigint[], $2::smallint[], $3::bigint[]) AS n (number, state, settled_at)
         WHERE d.shard = (n.number & 63)::smallint AND d.number = n.number AND d.state = n.state AND d.settled_at = n.settled_at
         RETURNING d.number, d.event_number, d.endpoint, d.state, d.created_at`,
        [
          doomed.map(([number]) => number!),
          doomed.map(([, , , state]) => state!),
          doomed.map((row) => row[5]!),
        ],
      )) as number[][];
      const numbers = gone.map(([number]) => number!);
      await connection.query(
        'prune_attempts',
        `DELETE FROM posthorn.attempts a USING unnest($1::bigint[]) AS n (number) WHERE a.shard = (n.number & 63)::smallint AND a.delivery = n.number`,
        [numbers],
      );
      const bare = await connection.query(
        'prune_event_counts',
        `UPDATE posthorn.events e SET deliveries = e.deliveries - n.count
         FROM (SELECT number, count(*)::int AS count FROM unnest($1::bigint[]) AS u (number) GROUP BY number) n
         WHERE e.shard = (n.number & 63)::smallint AND e.number = n.number RETURNING e.number, e.deliveries`,
        [gone.map(([, event]) => event!)],
      );
      await deleteEvents(
        connection,
        bare.filter(([, left]) => left === 0).map(([number]) => number as number),
      );
      await writeLedger(
        connection,
        'pruned_',
        gone.map(([, , endpoint, state, createdAt]) => ({
          endpoint: endpoint!,
          createdAt: createdAt!,
          [endStates[state!]!]: 1,
        })),
      );
      deleted = gone.length;
    }
    const unwanted = await connection.query(
      'prune_unwanted',
      'SELECT number FROM posthorn.events WHERE deliveries = 0 AND accepted_at < $1 ORDER BY accepted_at LIMIT $2',
      [settledBefore, limit],
    );
    await deleteEvents(
      connection,
      unwanted.map(([number]) => number as number),
    );
    if (next === null && unwanted.length === limit) next = request.after;
    return { deleted: deleted + unwanted.length, next };
  });
}
