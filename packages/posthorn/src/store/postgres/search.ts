import { disorderSetting, disorderToKeep } from '../search.ts';
import type { Connection } from './database.ts';

/** A migration: the way to what ended undelivered, whatever endpoint it was for. What is pending or delivered is not in it. */
export const searchMigration =
  'CREATE INDEX deliveries_ended_listed ON posthorn.deliveries (state, number) WHERE state >= 2;';

/** A migration: the way to deliveries of an endpoint that needed more than one attempt; those of a first attempt are not in it. */
export const retriedIndex =
  'CREATE INDEX deliveries_retried ON posthorn.deliveries (endpoint, number) WHERE state = 1 AND attempts > 1;';

/** Remembers, within the transaction that creates them, deliveries whose event was accepted long before. */
export async function noteDisorder(connection: Connection, lateMs: number): Promise<void> {
  const kept = disorderToKeep(lateMs);
  if (kept === null) return;
  await connection.query(
    'disorder_note',
    `INSERT INTO posthorn.settings AS s (name, value) VALUES ($1, $2)
     ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE s.value::bigint < excluded.value::bigint`,
    [disorderSetting, String(kept)],
  );
}
