import { type Fold, folds, foldUntil, latencyHoursUntil } from '../folding.ts';
import type { Database } from './database.ts';

/** One day's rows of one table, the oldest that are to be folded; false where there are none. */
function foldDay(db: Database, fold: Fold, now: number): boolean {
  const { table, time, per, keys, sums } = fold;
  // The first condition is the partial index's own.
  const fine = `${time} % ${time === 'minute' ? 1440 : 24} <> 0 AND ${time} % ${per} <> 0`;
  const until = foldUntil(fold, now);
  const oldest = db.get(`SELECT min(${time}) FROM ${table} WHERE ${fine} AND ${time} < ?`, until)?.[0];
  if (oldest === null || oldest === undefined) return false;
  const day = (oldest as number) - ((oldest as number) % per);
  const to = Math.min(until, day + Math.max(per, (24 * 3_600_000) / fold.unitMs));
  const names = [...keys, ...sums].join(', ');
  db.run(
    `INSERT INTO ${table} (shard, ${time}, ${names})
     SELECT 0, ${time} - ${time} % ${per}, ${keys.join(', ')}, ${sums.map((name) => `sum(${name})`).join(', ')}
     FROM ${table} WHERE ${fine} AND ${time} >= ? AND ${time} < ? GROUP BY ${time} - ${time} % ${per}, ${keys.join(', ')}
     ON CONFLICT DO UPDATE SET ${sums.map((name) => `${name} = ${name} + excluded.${name}`).join(', ')}`,
    oldest as number,
    to,
  );
  db.run(`DELETE FROM ${table} WHERE ${fine} AND ${time} >= ? AND ${time} < ?`, oldest as number, to);
  return true;
}

/** The oldest hours of one day that are to be folded, added to that day's histogram; false where there is none. */
function foldLatencies(db: Database, now: number): boolean {
  const until = latencyHoursUntil(now);
  const oldest = db.get('SELECT min(hour) FROM latency WHERE hour < ?', until)?.[0];
  if (oldest === null || oldest === undefined) return false;
  const day = Math.floor((oldest as number) / 24);
  const to = Math.min(until, (day + 1) * 24);
  db.run(
    `INSERT INTO latency_days (endpoint, day, type, counts)
     SELECT endpoint, ?1, type, json_group_object(bucket, count) FROM (
       SELECT endpoint, type, bucket, sum(count) AS count FROM (
         SELECT endpoint, type, bucket, count FROM latency WHERE hour >= ?1 * 24 AND hour < ?2
         UNION ALL
         SELECT d.endpoint, d.type, CAST(j.key AS INTEGER), j.value FROM latency_days d, json_each(d.counts) j WHERE d.day = ?1)
       GROUP BY endpoint, type, bucket)
     WHERE true GROUP BY endpoint, type
     ON CONFLICT DO UPDATE SET counts = excluded.counts`,
    day,
    to,
  );
  db.run('DELETE FROM latency WHERE hour >= ? AND hour < ?', day * 24, to);
  return true;
}

/** Makes old counters coarse, a day of each table in one transaction; true where more is left to do. */
export function fold(db: Database, now: number): boolean {
  return db.transaction(() => {
    const done = [...folds.map((one) => foldDay(db, one, now)), foldLatencies(db, now)];
    return done.includes(true);
  });
}
