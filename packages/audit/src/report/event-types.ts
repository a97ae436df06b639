import { type Database, num } from '../database.ts';
import type { AuditResult } from '../result.ts';

/** Events that are counted; a larger log is sampled. */
const maxCounted = 500_000;
const maxTypes = 50;

/** Returns how often each type of event occurs, which a comparison of two logs needs. */
export async function readEventTypes(database: Database): Promise<AuditResult['event_types']> {
  const { n } = await database.row('select count(*) as n from delivery');
  const one = Math.max(1, Math.ceil(num(n) / maxCounted));
  const rows = await database.rows(`select event_type, count(distinct key) as n from line
    where event_type is not null and key % ${one} = 0 group by 1 order by n desc, event_type limit ${maxTypes}`);
  return rows.map((row) => ({ event_type: row['event_type'] as string, events: num(row['n']) * one }));
}
