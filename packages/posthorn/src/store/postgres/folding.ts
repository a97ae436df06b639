import { type Fold, folds, foldUntil, latencyHoursUntil } from '../folding.ts';
import type { Connection, Database } from './database.ts';

/** The shards of a table that have rows to fold: of those that have none, nothing is asked. */
async function shardsWith(
  connection: Connection,
  table: string,
  condition: string,
  until: number,
): Promise<number[]> {
  const rows = await connection.query(
    '',
    `SELECT DISTINCT t.shard FROM posthorn.${table} t WHERE ${condition} ORDER BY t.shard`,
    [until],
  );
  return rows.map(([shard]) => shard as number);
}

/** One day's rows of one table, of all nodes, the oldest that are to be folded, in each shard; false where there are none. */
async function foldDay(connection: Connection, fold: Fold, now: number): Promise<boolean> {
  const { table, time, unitMs, per, keys, sums } = fold;
  const dayLength = Math.max(per, (24 * 3_600_000) / unitMs);
  const open = (each: number): string => `(t.${time} % ${each} <> 0 OR t.writer <> 'folded')`;
  // The first condition is the partial index's own.
  const fine = `${open(time === 'minute' ? 1440 : 24)} AND ${open(per)}`;
  const until = foldUntil(fold, now);
  const shards = await shardsWith(connection, table, `${fine} AND t.${time} < $1::int`, until);
  for (const shard of shards)
    await connection.query(
      `fold_${table}_${per}`,
      `WITH oldest AS (SELECT min(t.${time}) AS first FROM posthorn.${table} t WHERE t.shard = $2::smallint AND ${fine} AND t.${time} < $1::int),
     gone AS (
       DELETE FROM posthorn.${table} t USING oldest o
       WHERE t.shard = $2::smallint AND ${fine} AND t.${time} >= o.first AND t.${time} < least($1::int, o.first - o.first % ${per} + ${dayLength}) RETURNING t.*),
     folded AS (
       INSERT INTO posthorn.${table} AS l (shard, ${time}, writer, ${[...keys, ...sums].join(', ')})
       SELECT $2::smallint, ${time} - ${time} % ${per}, 'folded', ${keys.join(', ')}, ${sums.map((name) => `sum(${name})`).join(', ')}
       FROM gone GROUP BY ${time} - ${time} % ${per}, ${keys.join(', ')}
       ON CONFLICT (shard, ${time}, writer, ${keys.join(', ')})
         DO UPDATE SET ${sums.map((name) => `${name} = l.${name} + excluded.${name}`).join(', ')})
     SELECT FROM oldest`,
      [until, shard],
    );
  return shards.length > 0;
}

/** The oldest hours of one day that are to be folded, added to that day's histogram; false where there is none. */
async function foldLatencies(connection: Connection, now: number): Promise<boolean> {
  const until = latencyHoursUntil(now);
  const shards = await shardsWith(connection, 'latency', 't.hour < $1::int', until);
  for (const shard of shards)
    await connection.query(
      'fold_latency',
      `WITH oldest AS (SELECT min(hour) / 24 AS day FROM posthorn.latency WHERE shard = $2::smallint AND hour < $1::int),
     gone AS (
       DELETE FROM posthorn.latency l USING oldest o WHERE l.shard = $2::smallint AND l.hour >= o.day * 24 AND l.hour < least($1::int, (o.day + 1) * 24) RETURNING l.*),
     folded AS (
       INSERT INTO posthorn.latency_days (shard, endpoint, day, type, counts)
       SELECT $2::smallint, endpoint, (SELECT day FROM oldest), type, json_object_agg(bucket, count) FROM (
         SELECT endpoint, type, bucket, sum(count) AS count FROM (
           SELECT endpoint, type, bucket::int, count FROM gone
           UNION ALL
           SELECT d.endpoint, d.type, j.key::int, j.value::bigint FROM posthorn.latency_days d
             JOIN oldest o ON o.day = d.day CROSS JOIN json_each_text(d.counts) j WHERE d.shard = $2::smallint) u
         GROUP BY endpoint, type, bucket) s
       GROUP BY endpoint, type
       ON CONFLICT (shard, endpoint, day, type) DO UPDATE SET counts = excluded.counts)
     SELECT FROM oldest`,
      [until, shard],
    );
  return shards.length > 0;
}

/**
 * Counters of SQL publishers are in a row for each backend; once an hour is over for good, one row is enough.
 * `before` is an hour since the epoch.
 */
async function foldPublishers(connection: Connection, before: number): Promise<void> {
  for (const { table, time, keys, sums } of folds.filter(({ per }) => per !== 60)) {
    const over = `t.writer LIKE 'sql:%' AND t.${time} < $1::int * ${time === 'minute' ? 60 : 1}`;
    for (const shard of await shardsWith(connection, table, over, before))
      await connection.query(
        `fold_sql_${table}`,
        `WITH gone AS (DELETE FROM posthorn.${table} t WHERE t.shard = $2::smallint AND ${over} RETURNING t.*)
       INSERT INTO posthorn.${table} AS l (shard, ${time}, writer, ${[...keys, ...sums].join(', ')})
       SELECT $2::smallint, ${time}, 'sql', ${keys.join(', ')}, ${sums.map((name) => `sum(${name})`).join(', ')} FROM gone
       GROUP BY ${time}, ${keys.join(', ')}
       ON CONFLICT (shard, ${time}, writer, ${keys.join(', ')})
         DO UPDATE SET ${sums.map((name) => `${name} = l.${name} + excluded.${name}`).join(', ')}`,
        [before, shard],
      );
  }
}

/** Makes old counters coarse, a day of each table in one transaction; true where more is left to do. */
export async function fold(db: Database, now: number): Promise<boolean> {
  return await db.transaction(async (connection) => {
    // If two nodes do it at once, one waits: else each would fold what the other has.
    await connection.query('fold_lock', "SELECT pg_advisory_xact_lock(hashtext('posthorn.fold'))");
    let more = false;
    await foldPublishers(connection, Math.floor(now / 3_600_000) - 1);
    for (const one of folds) more = (await foldDay(connection, one, now)) || more;
    more = (await foldLatencies(connection, now)) || more;
    return more;
  });
}
