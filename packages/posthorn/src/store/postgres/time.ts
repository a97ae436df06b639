import type { Ages } from '../../domain/clock-record.ts';
import { refuseFormer } from '../leap.ts';
import type { Connection } from './database.ts';

/** The clock that counts where nodes share a database: as it is now, not when the transaction began. */
export const databaseNow = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint';

/** The last statement of a transaction that deletes by age: it ends in nothing if the clock has jumped meanwhile (G7). */
export async function refuseFormerTime(connection: Connection, ages: Ages): Promise<void> {
  if (ages.shared !== true) return;
  const [row] = await connection.query('clock_now', `SELECT ${databaseNow}`);
  refuseFormer(ages, row![0] as number);
}
