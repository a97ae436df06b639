import { type Database, num, numOrNull, text } from '../database.ts';
import { means, type Vocabulary } from '../read/ingest.ts';
import type { Format } from '../result.ts';
import type { Spec } from '../read/spec.ts';
import type { LineFacts } from '../timeline/timeline.ts';
import { shownByReceipts } from './verdicts.ts';
import { thresholds } from '../thresholds.ts';

const { overdueMs, minLaterRows, minLaterShare } = thresholds.quality;

// Most home-made senders keep one row for each delivery, with its last state and the number of its attempts. Such a table shows
// how deliveries ended, and not what happened to those that did not end.

/** A table with one row for each delivery. */
export interface StateTable {
  readonly rows: number;
  /** The highest number of attempts of a failed row, or the stated limit. */
  readonly limit: number | null;
  /** Rows that wait for a retry that is overdue. */
  readonly suspicious: number;
  /** The states of these. */
  readonly words: readonly string[];
  readonly format: Format;
}

/** Recognizes a table of states: each id has one row, and rows count attempts that have none of their own. */
export async function findStateTable(
  database: Database,
  specs: readonly Spec[],
  vocabulary: Vocabulary,
): Promise<boolean> {
  if (specs.some(({ stateTable }) => stateTable === true)) return true;
  if (specs.some(({ format, unnest }) => format !== 'generic' || unnest !== undefined)) return false;
  const several = num(
    (
      await database.row(
        'select count(*) as n from (select key from line group by key having count(*) > 1 limit 1)',
      )
    ).n,
  );
  if (several > 0) return false;
  const row =
    await database.row(`select count(*) filter (attempt_no > (select min(attempt_no) from line where attempt_no >= 0)) as later,
      count(*) filter (coalesce(ok, false) and attempt_no is not null) as oks,
      count(*) filter (ok is distinct from true or attempt_no > 1) as troubled, count(attempt_no) as numbered, count(status_code) as codes,
      count(*) filter (${means(vocabulary, 'state', 'open', 'retry', 'accepted')}) as open, count(*) filter (${means(vocabulary, 'state', 'failure', 'final', 'success')}) as ended,
      count(*) filter (${means(vocabulary, 'state', 'failure', 'final')}) as failed, count(*) filter (${means(vocabulary, 'state', 'success')}) as succeeded
    from line`);
  if (num(row.numbered) > 0)
    return num(row.later) >= minLaterRows && num(row.later) >= num(row.troubled) * minLaterShare;
  if (num(row.codes) > 0) return false;
  // Without numbers and codes, a word is all that a row says: that of a delivery, because attempts would repeat an id.
  return (num(row.open) > 0 && num(row.ended) > 0) || (num(row.failed) > 0 && num(row.succeeded) > 0);
}

/** Gives the rows of a table of states their verdicts in `fate`; needs `story`. */
export async function classifyStates(
  database: Database,
  facts: LineFacts,
  vocabulary: Vocabulary,
  specs: readonly Spec[],
  lateAfterMs: number,
): Promise<StateTable> {
  const retryingMs = Math.max(overdueMs, ...specs.map(({ sender }) => sender?.horizonMs ?? 0));
  const waits = `(${means(vocabulary, 'state', 'retry', 'open', 'accepted', 'started')})`;
  const stated = numOrNull((await database.row('select max(max_attempts) as n from line')).n);
  const highest = numOrNull(
    (
      await database.row(
        `select max(attempt_no) as n from line where coalesce(ok, false) = false and not ${waits}`,
      )
    ).n,
  );
  const limit = stated ?? (highest !== null && highest > 1 ? highest : null);
  await database.run(`create table state_of as select key, any_value(state) as state_word, bool_or(${waits}) as waits, max(attempt_no) as number,
      max(coalesce(next_retry_at, 0)) as due from line semi join trouble using (key) group by key`);
  await database.run(`create table fate as select story.*,
      case ${shownByReceipts} when ok and ok_at - first_at > ${lateAfterMs} then 'late' when ok then 'delivered'
        when final_line or final_word then 'given_up'
        when waits then 'unresolved'
        when ${limit === null ? 'true' : `number is null or number >= ${limit}`} then 'given_up'
        else 'unresolved' end as verdict,
      greatest(owed_at, last_ended) as news_due_at, greatest(last_at, due) + ${retryingMs} as due_at
    from story left join state_of using (key)`);
  const overdue = `verdict = 'unresolved' and due_at < ${facts.to}`;
  const rows = await database.rows(
    `select coalesce(state_word, '') as word, count(*) as n from fate join state_of using (key) where ${overdue} group by 1 order by n desc`,
  );
  return {
    rows: num((await database.row('select count(*) as n from delivery')).n),
    limit,
    suspicious: rows.reduce((sum, row) => sum + num(row.n), 0),
    words: rows.map((row) => text(row.word)).filter((word) => word !== ''),
    format: specs[0]!.format,
  };
}
