import { hourMs } from 'posthorn/domain';
import { count } from 'posthorn/report';
import { type Database, num, quote, text } from '../../database.ts';
import { type Silence, silences } from '../../timeline/gaps.ts';
import type { QualityProblem } from '../../result.ts';
import { thresholds } from '../../thresholds.ts';
import type { Counts, Gate } from './gate.ts';

// A worker that is silent for hours while no other does its work has lines that are not here: a file was not collected. A worker that
// was scaled down is silent too, but then the others do its work.

interface WorkerSilence extends Silence {
  readonly worker: string;
}

/** Bins of the log; a silence is as exact as one of them. */
const maxBins = 1000;

/** Lines around the silence of a worker. */
interface Around {
  /** Those of the other workers in the silence, and how many they usually write at that time of the day. */
  readonly others: number;
  readonly usual: number;
  /** Those that the worker would have written, by its share at other times: traffic varies within a day. */
  readonly expected: number;
}

async function linesAround(
  database: Database,
  { facts }: Gate,
  { from, to, worker }: WorkerSilence,
): Promise<Around> {
  const day = 24 * hourMs;
  // The same hours of other days, if the log has some.
  const isDaily = facts.to - facts.from > 3 * day && to - from < day;
  const hours = isDaily ? ` and ((t - ${from}) % ${day} + ${day}) % ${day} < ${to - from}` : '';
  const outside = `(t < ${from} or t >= ${to})`;
  const periods = (facts.to - facts.from) / (isDaily ? day : to - from) - 1;
  const other = `worker <> ${quote(worker)}`;
  const row = await database.row(`select count(*) filter (${other} and t >= ${from} and t < ${to}) as others,
      count(*) filter (${other} and ${outside}${hours}) as usual,
      count(*) filter (${other} and ${outside}) as others_outside, count(*) filter (not ${other}) as own
    from line where worker is not null`);
  const share = num(row.own) / Math.max(1, num(row.others_outside));
  return {
    others: num(row.others),
    usual: num(row.usual) / Math.max(1, periods),
    expected: share * num(row.others),
  };
}

/** Silences of workers whose lines no other wrote. */
async function missingSilences(database: Database, gate: Gate): Promise<WorkerSilence[]> {
  const { from, to } = gate.facts;
  const binMs = Math.max(60_000, Math.round((to - from) / maxBins));
  const { n } = await database.row('select count(distinct worker) as n from line');
  if (num(n) < 2 || num(n) > thresholds.quality.maxWorkers) return [];
  const rows = await database.rows(
    `select worker, t // ${binMs} as bin, count(*) as n from line where worker is not null group by 1, 2 order by 1, 2`,
  );
  const found: WorkerSilence[] = [];
  for (const [worker, own] of Map.groupBy(rows, (row) => text(row.worker)))
    for (const silence of silences(
      own.map((row) => ({ bin: num(row.bin), n: num(row.n) })),
      binMs,
    )) {
      const one = { ...silence, worker };
      const { others, usual, expected } = await linesAround(database, gate, one);
      if (
        expected >= thresholds.quality.minSilentLines &&
        others - usual < expected * thresholds.quality.takenOver
      )
        found.push({ ...one, lines: Math.round(expected) });
    }
  return found;
}

/** Suspected drops whose retry was due while a worker's lines are missing: if they are few, only they are not called dropped. */
export async function silentWorkers(
  database: Database,
  gate: Gate,
  { suspected }: Counts,
): Promise<QualityProblem | null> {
  if (suspected === 0 || gate.states !== null) return null;
  const found = await missingSilences(database, gate);
  if (found.length === 0) return null;
  const during = found
    .map(
      ({ from, to }) =>
        `(last_at < ${to} and greatest(coalesce(news_due_at, last_at), last_at) + ${Math.round(gate.habits.graceMs)} >= ${from})`,
    )
    .join(' or ');
  const { n } = await database.row(
    `select count(*) as n from fate where verdict = 'silently_dropped' and (${during})`,
  );
  if (num(n) <= suspected * thresholds.quality.explainedByHoles) {
    await database.run(
      `update fate set verdict = 'unresolved' where verdict = 'silently_dropped' and (${during})`,
    );
    return null;
  }
  const lines = found.reduce((sum, one) => sum + one.lines, 0);
  const time = (at: number): string => `${new Date(at).toISOString().slice(0, 16)}Z`;
  const shown = found
    .slice(0, 3)
    .map(({ worker, from, to }) => `${worker} from ${time(from)} to ${time(to)}`)
    .join(', ');
  return {
    code: 'worker_lines_missing',
    count: num(n),
    share: num(n) / suspected,
    message: `No lines from ${shown}${found.length > 3 ? ' and others' : ''}, about ${count(lines)} by its share of the lines at other times, and no other worker took over: a file seems to be missing. ${count(num(n))} of ${count(suspected)} suspected drops have a retry that was due then.`,
    next_step: 'Add the files of all workers for this time, and audit them together.',
  };
}
