import { type Database, num } from '../database.ts';
import type { AuditOptions } from '../result.ts';
import type { LineFacts } from './timeline.ts';

/** Limits the log to the events first seen in [from, until), with all of their later lines. */
export async function keepWindow(
  database: Database,
  window: NonNullable<AuditOptions['window']>,
): Promise<Pick<LineFacts, 'from' | 'to'>> {
  const from = window.from === undefined ? '-9223372036854775807' : String(Date.parse(window.from));
  const until = window.until === undefined ? '9223372036854775807' : String(Date.parse(window.until));
  await database.run(`create table in_window as select key from line group by key
    having min(least(coalesce(accepted_at, t), coalesce(started_at, t), t)) >= ${from}
       and min(least(coalesce(accepted_at, t), coalesce(started_at, t), t)) < ${until}`);
  await database.run('alter view line rename to line_of_all');
  await database.run(
    'create view line as select line_of_all.* from line_of_all semi join in_window using (key)',
  );
  const { first, last } = await database.row(
    'select min(t) as first, max(greatest(t, coalesce(started_at, t))) as last from line',
  );
  return {
    from: Math.max(num(first), Number(from)),
    // Retries continue after the window; new events do not count.
    to: Math.min(num(last), Number(until)),
  };
}
