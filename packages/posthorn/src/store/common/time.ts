import type { Ages } from '../../domain/clock-record.ts';
import { refuseFormer } from '../leap.ts';
import { per, raw, sql } from './sql.ts';
import { row, type Steps } from './steps.ts';

/** The clock that counts where nodes share a database: as it is now, not when the transaction began. */
export const postgresNow = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint';

const databaseNow = per(({ name }) =>
  raw(name === 'sqlite' ? "CAST(unixepoch('subsec') * 1000 AS INTEGER)" : postgresNow),
);

/** The last statement of a transaction that deletes by age: it ends in nothing if the clock has jumped meanwhile (G7). */
export function* refuseFormerTime(ages: Ages): Steps<void> {
  if (ages.shared !== true) return;
  const [now] = (yield* row(sql`SELECT ${databaseNow}`))!;
  refuseFormer(ages, now as number);
}
