import { count } from 'posthorn/report';
import { type Database, num, numOrNull, text } from '../../database.ts';
import type { QualityProblem } from '../../result.ts';
import { thresholds } from '../../thresholds.ts';
import type { Counts, Gate } from './gate.ts';

// Attempts whose number is missing although later ones are there: the file of a node was not collected.

/** Holes in the numbers of attempts, and the time in which they are. */
export interface Holes {
  readonly events: number;
  readonly missing: number;
  /** Attempts that the events of this time made. */
  readonly expected: number;
  /** 0 without holes. */
  readonly from: number;
  readonly to: number;
  readonly silentWorkers: readonly string[];
}

/** Counts attempts whose number is missing between others, or before the first one although the log had begun; null without numbers. */
export async function findHoles(
  database: Database,
  { facts, habits, specs, states }: Gate,
): Promise<Holes | null> {
  const least = numOrNull(
    (await database.row("select min(attempt_no) as least from line where kind = 'end' and attempt_no >= 0"))
      .least,
  );
  if (least === null || least > 1 || states !== null) return null;
  if (specs.some(({ sender, unnest }) => sender?.retries === false || unnest !== undefined)) return null;
  const begun = facts.from + habits.sender.horizon_ms;
  await database.run(`create temp table holed as
    with numbered as (
      select key, attempt_no, min(started_at) as begun_at from attempt where attempt_no is not null group by 1, 2
      union all select key, attempt_no, t from line anti join trouble using (key) where kind = 'end' and attempt_no > ${least}),
    spans as (select key, min(attempt_no) as low, max(attempt_no) as high, count(*) as n, min(begun_at) as first_seen, max(begun_at) as last_seen from numbered group by key)
    select *, high - case when first_seen < ${begun} then low else ${least} end + 1 - n as missing from spans
    where high > ${least} and not exists (select 1 from gap where begins < last_seen and ends > first_seen)`);
  const row =
    await database.row(`select count(*) filter (missing > 0) as events, coalesce(sum(missing) filter (missing > 0), 0) as missing,
      min(first_seen) filter (missing > 0) as since, max(last_seen) filter (missing > 0) as until from holed`);
  const { expected } = await database.row(
    `select sum(n + greatest(missing, 0)) as expected from holed where last_seen >= ${num(row.since)} and first_seen <= ${num(row.until)}`,
  );
  const silentWorkers = num(row.missing) === 0 ? [] : await workersSilent(database);
  await database.run('drop table holed');
  return {
    events: num(row.events),
    missing: num(row.missing),
    expected: num(expected),
    from: num(row.since),
    to: num(row.until),
    silentWorkers,
  };
}

/** Workers without a line in the hours in which numbers are missing, and with lines in others. */
async function workersSilent(database: Database): Promise<string[]> {
  const rows =
    await database.rows(`with hours as (select distinct first_seen // 3600000 as hour from holed where missing > 0),
      written as (select worker, t // 3600000 as hour, count(*) as n from line where worker is not null group by 1, 2)
    select worker from written group by worker
    having count(*) filter (hour in (select hour from hours)) < 0.2 * (select count(*) from hours) and (select count(*) from hours) > 0
    order by 1 limit 5`);
  return rows.map((row) => text(row.worker));
}

/** Whether missing lines explain suspected drops. If these are few of all, only they are not called dropped. */
export async function holesProblem(
  database: Database,
  { habits }: Gate,
  holes: Holes | null,
  { suspected }: Counts,
): Promise<QualityProblem | null> {
  if (holes === null || holes.missing < thresholds.quality.minHoles) return null;
  // A file is missing for some hours: the rate at which lines are missing is that of the time of the holes.
  const inside = `last_at >= ${holes.from} - ${habits.sender.horizon_ms} and last_at <= ${holes.to}`;
  const row = await database.row(
    `select count(*) filter (fails > 0) as failed, count(*) filter (verdict = 'silently_dropped') as suspected from fate where ${inside}`,
  );
  const rate = (holes.missing + 1) / Math.max(1, holes.expected);
  // If lines are missing at this rate, so many events would look lost because their last line is.
  const isExplained = rate * num(row.failed) >= num(row.suspected) * thresholds.quality.explainedByHoles;
  if (!isExplained || (suspected === 0 && rate < thresholds.quality.holeRate)) return null;
  if (suspected > 0 && num(row.suspected) <= suspected * thresholds.quality.explainedByHoles) {
    await database.run(
      `update fate set verdict = 'unresolved' where verdict = 'silently_dropped' and ${inside}`,
    );
    return null;
  }
  const time = (at: number): string => `${new Date(at).toISOString().slice(0, 13)}:00Z`;
  return {
    code: 'attempt_numbers_have_holes',
    count: holes.missing,
    share: holes.missing / Math.max(1, holes.expected),
    message: `${count(holes.missing)} attempts of ${count(holes.events)} events are not in the log although later ones are, between ${time(holes.from)} and ${time(holes.to)}: a file of a worker seems to be missing${holes.silentWorkers.length === 0 ? '' : ` (no lines in these hours from ${holes.silentWorkers.join(', ')})`}. A last attempt can be missing as well.`,
    next_step: 'Add the files of all workers for this time, and audit them together.',
  };
}
