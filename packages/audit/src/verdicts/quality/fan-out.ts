import { count } from 'posthorn/report';
import { type Database, num } from '../../database.ts';
import type { QualityProblem } from '../../result.ts';
import { thresholds } from '../../thresholds.ts';
import type { Counts, Gate } from './gate.ts';

/** SQL of the first attempts of an id. */
const isFirst = 'attempt_no = (select min(attempt_no) from attempt)';

/** Several receivers under one id, and no word of which. */
export async function fanOut(
  database: Database,
  { specs }: Gate,
  { events }: Counts,
): Promise<QualityProblem | null> {
  if (specs.some(({ fields, joinBy }) => fields.endpoint !== undefined || joinBy !== undefined)) return null;
  const row = await database.row(`select count(*) as several from (
      select key from attempt where rank is not null group by key
      having count(*) filter (ok) > 1
        -- Without the time of their start, first attempts of several receivers are one with several ends.
        or bool_or(ok and ends > 1 and ended_last - ended_first < ${thresholds.quality.fanOutMs})
        or count(*) filter (${isFirst}) > 1
          and max(started_at) filter (${isFirst}) - min(started_at) filter (${isFirst}) < ${thresholds.quality.fanOutMs})`);
  const share = num(row.several) / Math.max(1, events);
  if (num(row.several) < thresholds.quality.minHoles || share <= thresholds.quality.fanOutShare) return null;
  return {
    code: 'fan_out_without_endpoint',
    count: num(row.several),
    share,
    message: `${count(num(row.several))} of ${count(events)} ids have several first attempts, and the log does not say to which endpoint: a success at one hides a loss at another.`,
    next_step: 'Name the field of the receiver: --map endpoint=<name>, or log it.',
  };
}

/** Takes back the verdict of ids with more first attempts than successes: one receiver's success hides another's loss. Returns how many are hidden. */
export async function reopenFannedOut(database: Database): Promise<number> {
  await database.run(`create temp table hidden as
    select key, count(*) filter (${isFirst}) - count(*) filter (ok) as lost from attempt
    group by key having lost > 0 and not bool_or(final)`);
  const delivered = "verdict in ('delivered', 'late') and key in (select key from hidden)";
  const { n } = await database.row(
    `select coalesce(sum(lost), 0) as n from hidden join fate using (key) where verdict in ('delivered', 'late')`,
  );
  await database.run(`update fate set verdict = 'unresolved' where ${delivered}`);
  await database.run('drop table hidden');
  return num(n);
}
