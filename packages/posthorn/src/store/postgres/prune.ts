import type { PruneAnswer, PruneRequest } from '../store.ts';
import { type Retention, retentionOf } from '../retention.ts';
import { blockingAmong } from './blocking.ts';
import { endStates, writeLedger } from './ledger.ts';
import type { Connection, Database } from './database.ts';
import { inShards } from './in-shards.ts';
import { atRiskStates } from '../worth.ts';
import { refuseFormerTime } from './time.ts';
import { writeWorth } from './worth.ts';
import { eventShard, shardOfNumber } from '../../domain/ids.ts';

const dead = 2;

/** The oldest deliveries behind a number: keys stand by shard and numbers run on over all, so each shard gives its oldest. */
async function readOldest(connection: Connection, after: number, limit: number): Promise<number[][]> {
  return (await connection.query(
    'prune_read',
    `SELECT d.number, d.event_number, d.endpoint, d.state, d.created_at, d.settled_at, (d.order_key IS NOT NULL)::int
     FROM posthorn.shards s
     CROSS JOIN LATERAL (SELECT * FROM posthorn.deliveries d WHERE d.shard = s.shard AND d.number > $1 ORDER BY d.number LIMIT $2) d
     ORDER BY d.number LIMIT $2`,
    [after, limit],
  )) as number[][];
}

/** Only those that have no delivery still: a replay may have given them one meanwhile. */
async function deleteEvents(connection: Connection, numbers: readonly number[]): Promise<void> {
  const gone = await inShards(connection, numbers, shardOfNumber, (of, shard) =>
    connection.query(
      `prune_events${shard.suffix}`,
      `DELETE FROM posthorn.events e USING unnest($1::bigint[]) AS n (number)
       WHERE e.shard = ${shard.at('$2::smallint', '(n.number & 63)::smallint')} AND e.number = n.number AND e.deliveries = 0
       RETURNING e.tenant, e.id`,
      [of, ...shard.values],
    ),
  );
  const ids = gone.map(([tenant, id]) => ({
    tenant: tenant as string,
    id: id as string,
    home: eventShard(tenant as string, id as string),
  }));
  await inShards(
    connection,
    ids,
    ({ home }) => home,
    (of, shard) =>
      connection.query(
        `prune_receipts${shard.suffix}`,
        `DELETE FROM posthorn.receipts r USING unnest($1::smallint[], $2::text[], $3::text[]) AS g (shard, tenant, id)
         WHERE r.shard = ${shard.at('$4::smallint', 'g.shard')} AND r.tenant = g.tenant AND r.id = g.id`,
        [of.map(({ home }) => home), of.map(({ tenant }) => tenant), of.map(({ id }) => id), ...shard.values],
      ),
  );
}

/** Returns the rows that hold nothing: what holds others is not forgotten while it does (G7). */
async function withoutBlocking(
  connection: Connection,
  over: readonly (readonly number[])[],
): Promise<readonly (readonly number[])[]> {
  const mayBlock = over.filter(([, , , state, , , isKeyed]) => state === dead && isKeyed === 1);
  const blocking = await blockingAmong(connection, [...new Set(mayBlock.map(([, , endpoint]) => endpoint!))]);
  return over.filter(
    ([, , endpoint, state, , , isKeyed]) => state !== dead || isKeyed === 0 || !blocking.has(endpoint!),
  );
}

/** Deletes deliveries that are still as they were read: a redrive may have made one pending meanwhile (G7). */
async function deleteDeliveries(
  connection: Connection,
  doomed: readonly (readonly number[])[],
): Promise<number[][]> {
  const gone = (await inShards(
    connection,
    doomed,
    ([number]) => shardOfNumber(number!),
    (of, shard) =>
      connection.query(
        `prune_deliveries${shard.suffix}`,
        `DELETE FROM posthorn.deliveries d USING unnest($1::bigint[], $2::smallint[], $3::bigint[]) AS n (number, state, settled_at)
         WHERE d.shard = ${shard.at('$4::smallint', '(n.number & 63)::smallint')} AND d.number = n.number AND d.state = n.state
           AND d.settled_at = n.settled_at
         RETURNING d.number, d.event_number, d.endpoint, d.state, d.created_at`,
        [
          of.map(([number]) => number!),
          of.map(([, , , state]) => state!),
          of.map((row) => row[5]!),
          ...shard.values,
        ],
      ),
  )) as number[][];
  const numbers = gone.map(([number]) => number!);
  await inShards(connection, numbers, shardOfNumber, (of, shard) =>
    connection.query(
      `prune_attempts${shard.suffix}`,
      `DELETE FROM posthorn.attempts a USING unnest($1::bigint[]) AS n (number)
       WHERE a.shard = ${shard.at('$2::smallint', '(n.number & 63)::smallint')} AND a.delivery = n.number`,
      [of, ...shard.values],
    ),
  );
  return gone;
}

/** Takes one off each event's count of deliveries, and deletes the events that have none left. */
async function releaseEvents(connection: Connection, events: readonly number[]): Promise<void> {
  const counted = await inShards(connection, events, shardOfNumber, (of, shard) =>
    connection.query(
      `prune_event_counts${shard.suffix}`,
      `UPDATE posthorn.events e SET deliveries = e.deliveries - n.count
       FROM (SELECT number, count(*)::int AS count FROM unnest($1::bigint[]) AS u (number) GROUP BY number) n
       WHERE e.shard = ${shard.at('$2::smallint', '(n.number & 63)::smallint')} AND e.number = n.number
       RETURNING e.number, e.deliveries`,
      [of, ...shard.values],
    ),
  );
  await deleteEvents(
    connection,
    counted.filter(([, left]) => left === 0).map(([number]) => number as number),
  );
}

/** Deletes deliveries with their attempts and the events that only they had, and counts them. Returns how many there were. */
async function pruneDeliveries(
  connection: Connection,
  doomed: readonly (readonly number[])[],
): Promise<number> {
  if (doomed.length === 0) return 0;
  const gone = await deleteDeliveries(connection, doomed);
  // While their events are still there.
  await writeWorth(
    connection,
    gone.flatMap(([, event, endpoint, before, createdAt]) => {
      const state = atRiskStates[before!]!;
      return state === null
        ? []
        : [{ event: event!, endpoint: endpoint!, createdAt: createdAt!, state, by: -1 }];
    }),
  );
  await releaseEvents(
    connection,
    gone.map(([, event]) => event!),
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
  return gone.length;
}

/** Deletes events that no endpoint wanted. Returns how many there were. */
async function pruneUnwanted(connection: Connection, retention: Retention, limit: number): Promise<number> {
  const unwanted = new Set<number>();
  for (const { from, before } of retention.stampsOfUnwanted) {
    const found = await connection.query(
      'prune_unwanted',
      `SELECT number, accepted_at FROM posthorn.events WHERE deliveries = 0 AND accepted_at >= $1 AND accepted_at < $2
       ORDER BY accepted_at LIMIT $3`,
      [from, before, limit],
    );
    for (const [number, acceptedAt] of found as [number, number][])
      if (retention.isUnwantedOver(number, acceptedAt)) unwanted.add(number);
  }
  await deleteEvents(connection, [...unwanted]);
  return unwanted.size;
}

/**
 * Walks deliveries in the order of their numbers, a bounded batch at a time, so that nothing young is read and no
 * index by the time of settlement has to be kept. Rows that another transaction works on are left for the next round.
 */
export async function prune(db: Database, request: PruneRequest): Promise<PruneAnswer> {
  const { limit, after } = request;
  const retention = retentionOf(request);
  return await db.transaction(async (connection) => {
    const rows = await readOldest(connection, after, limit);
    // A stamp of a wrong clock ends nothing: what was made after it may be old.
    const old = rows.filter(([number, , , , createdAt]) => !retention.endsAt(number!, createdAt!));
    const over = old.filter(
      ([number, , , state, , settledAt]) =>
        state !== 0 && retention.isOver(number!, settledAt!, state === dead),
    );
    const deleted = await pruneDeliveries(connection, await withoutBlocking(connection, over));
    const unwanted = await pruneUnwanted(connection, retention, limit);
    await refuseFormerTime(connection, request.ages);
    const next = rows.length === limit && old.length === rows.length ? old.at(-1)![0]! : null;
    return { deleted: deleted + unwanted, next: next ?? (unwanted >= limit ? after : null) };
  });
}
