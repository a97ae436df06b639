import type { AttemptLine } from 'posthorn/logs';
import { type Database, num, numOrNull, withDatabase } from './database.ts';
import { readVocabulary } from './read/ingest.ts';
import { load } from './read/load.ts';
import type { AuditOptions } from './result.ts';
import { screenLines, type LineFacts, makeLines } from './timeline/timeline.ts';
import { keepWindow } from './timeline/window.ts';
import { minuteMs } from 'posthorn/domain';

// Further readings of a log: the counts per minute that alert rules would have seen, and a sample of its attempts to
// calibrate a simulation. All formats of the audit are supported.

/** Ten years; a longer log has been misread. */
const maxMinutes = 5_300_000;

/** Counts per minute, starting with the minute `from` (ms since the epoch). */
export interface LogMinutes {
  readonly from: number;
  /** The end of the log. */
  readonly until: number;
  /** Events whose deadline passed in that minute, and how many of these were not delivered. */
  readonly due: Float64Array;
  readonly bad: Float64Array;
  /** Retries that were overdue by more than the grace and had not been made. */
  readonly overdue: Float64Array;
}

async function withLines<T>(
  options: AuditOptions,
  work: (database: Database, facts: LineFacts) => Promise<T>,
): Promise<T> {
  const { memoryMb = 1100, timezone = 'UTC', threads, signal } = options;
  return await withDatabase({ memoryMb, timezone, threads, signal }, async (database) => {
    const { specs } = await load(database, options);
    const vocabulary = await readVocabulary(database);
    await screenLines(database, vocabulary);
    const facts = await makeLines(database, vocabulary, specs);
    const { window } = options;
    return await work(
      database,
      window === undefined ? facts : { ...facts, ...(await keepWindow(database, window)) },
    );
  });
}

/** Reads the counts that rules about deadlines use: each event is due `withinMs` after it was accepted. */
export async function readMinutes(
  options: AuditOptions,
  { withinMs, graceMs }: { readonly withinMs: number; readonly graceMs: number },
): Promise<LogMinutes> {
  return await withLines(options, async (database, { from: first, to: until }) => {
    const from = Math.floor(first / minuteMs) * minuteMs;
    const length = Math.floor((until - from) / minuteMs) + 1;
    if (length > maxMinutes)
      throw new Error(`the log covers ${length} minutes: check how its times are read`);
    await database.run(`create table outcome as select key,
        min(least(coalesce(accepted_at, t), coalesce(started_at, t), t)) as first_at, min(t) filter (ok) as ok_at
      from line group by key`);
    const due = new Float64Array(length);
    const bad = new Float64Array(length);
    for (const row of await database.rows(`select (first_at + ${withinMs} - ${from}) // ${minuteMs} as minute,
        count(*) as due, count(*) filter (ok_at is null or ok_at > first_at + ${withinMs}) as bad
      from outcome where first_at + ${withinMs} <= ${until} group by 1`)) {
      due[num(row['minute'])] = num(row['due']);
      bad[num(row['minute'])] = num(row['bad']);
    }
    // Rounding can make a retry come a moment early. A retry that was made, or is no longer needed, is not overdue.
    const changes = new Float64Array(length + 1);
    for (const row of await database.rows(`with owed as (
          select distinct key, next_retry_at as owed from line where next_retry_at is not null and not coalesce(ok, false)),
        made as (
          select o.key, o.owed, min(l.started_at) as made
          from owed o left join line l on l.key = o.key and coalesce(l.started_at, l.t) >= o.owed - 1000 group by all)
      select owed + ${graceMs} as since, least(coalesce(made, ${Number.MAX_SAFE_INTEGER}), coalesce(ok_at, ${Number.MAX_SAFE_INTEGER})) as until
      from made join outcome using (key)
      where owed + ${graceMs} < least(coalesce(made, ${Number.MAX_SAFE_INTEGER}), coalesce(ok_at, ${Number.MAX_SAFE_INTEGER}))
        and owed + ${graceMs} between ${from} and ${until}`)) {
      changes[Math.floor((num(row['since']) - from) / minuteMs)]!++;
      if (num(row['until']) <= until) changes[Math.floor((num(row['until']) - from) / minuteMs)]!--;
    }
    const overdue = new Float64Array(length);
    for (let minute = 0, sum = 0; minute < length; minute++) overdue[minute] = sum += changes[minute]!;
    return { from, until, due, bad, overdue };
  });
}

/** Returns the attempts of whole events, about `most` lines at most: a sample of the events if the log has more. */
export async function sampleAttempts(options: AuditOptions, most: number): Promise<AttemptLine[]> {
  return await withLines(options, async (database) => {
    const { n } = await database.row("select count(*) as n from line where kind = 'end'");
    const one = Math.ceil(num(n) / most);
    const rows =
      await database.rows(`select cast(key as varchar) as key, attempt_no, coalesce(started_at, t) as started_at,
        coalesce(ended_at - started_at, 0) as duration, started_at is null as timeless,
        coalesce(status_code, case when ok then 200 end) as status_code, error, amount, currency, next_retry_at
      from line where kind = 'end' and key % ${one} = 0 order by started_at`);
    return rows.map((row) => ({
      event_id: textOrNull(row['key'])!,
      ...(row['attempt_no'] === null ? {} : { attempt: num(row['attempt_no']) }),
      started_at: num(row['started_at']),
      durationMs: row['timeless'] === true ? null : num(row['duration']),
      status_code: numOrNull(row['status_code']),
      error: textOrNull(row['error']),
      amount_minor: toAmount(row['amount']),
      currency: textOrNull(row['currency']),
      next_retry_at: numOrNull(row['next_retry_at']),
    }));
  });
}

/** Only whole numbers are certainly minor units; a calibration does not need the others. */
function toAmount(value: unknown): number | null {
  const text = textOrNull(value);
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);
