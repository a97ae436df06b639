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
 * Walks deliveries in the order of their numbers, a bounded batch at a time, so that nothing young is read and no
 * index by the time of settlement has to be kept. Rows that somebody else works on are left for the next round.
 */
export async function prune(db: Database, request: PruneRequest): Promise<PruneAnswer> {
  const { settledBefore, deadBefore, limit } = request;
  const youngest = Math.max(settledBefore, deadBefore);
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
