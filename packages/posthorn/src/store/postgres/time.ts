import type { Ages } from '../../domain/clock-record.ts';
import { refuseFormerTime as refuse } from '../common/time.ts';
import { perform } from './common.ts';
import type { Connection } from './database.ts';

/** The last statement of a transaction that deletes by age: it ends in nothing if the clock has jumped meanwhile (G7). */
export async function refuseFormerTime(connection: Connection, ages: Ages): Promise<void> {
  await perform(connection, refuse(ages));
}
