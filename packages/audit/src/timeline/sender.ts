import { binomialTail, hourMs } from 'posthorn/domain';
import { AuditError } from '../errors.ts';
import { type Database, num, numOrNull, quote, type Row, text } from '../database.ts';
import type { Vocabulary } from '../read/ingest.ts';
import type { LineFacts } from './timeline.ts';
import type { AuditOptions, AuditResult } from '../result.ts';
import type { Spec } from '../read/spec.ts';
import { thresholds } from '../thresholds.ts';

const {
  longestGuessMs,
  defaultHorizonMs,
  defaultLateAfterMs,
  longestRequestMs,
  oddWait,
  minFirstWaitMs,
  limitDoubt,
  minLater,
  minDoubtful,
  minGraceMs,
  usualGrowth,
  maxGrowth,
  numbersBeyond,
} = thresholds.timeline;

/** How the sender retries, as its log shows. */
export type Sender = AuditResult['sender'];

/** What verdicts need in addition: the waits after each attempt, and how late retries come. */
export interface Habits {
  readonly sender: Sender;
  /** The time after the attempt of this number (from 1), in ms, by which another one would have come. */
  readonly waits: readonly { readonly after: number; readonly usualMs: number; readonly longestMs: number }[];
  /** The time within which an accepted event would have had its first attempt. */
  readonly firstWaitMs: number;
  /** How much later than its promised time a retry and its line may come. */
  readonly graceMs: number;
  /** A number of attempts after which the sender may give up, if its limit is not known: events with so many are open. */
  readonly perhapsLimit: number | null;
  /** State words that are final: the log shows that no attempt follows them. */
  readonly finalWords: readonly string[];
  readonly assumptions: readonly string[];
}

/** Learns from `attempt` how the sender retries: waits, limit, timeout, and the meanings of its words. */
export async function learnSender(
  database: Database,
  facts: LineFacts,
  vocabulary: Vocabulary,
  specs: readonly Spec[],
  options: AuditOptions,
  /** The log is a table of states: its rows are not attempts. */
  isStates = false,
): Promise<Habits> {
  const assumptions: string[] = [];
  const finalWords = await learnFinalWords(database, vocabulary);
  if (finalWords.length > 0)
    assumptions.push(
      `${finalWords.map((word) => `"${word}"`).join(', ')} is final: no attempt follows it, but attempts follow the other words of this sender`,
    );
  const declared = specs.find(({ sender }) => sender !== undefined)?.sender;
  const graceMs = await learnGrace(database);
  const gaps = await readWaits(database, graceMs);
  if (gaps.length === 0 && declared?.retries !== false && !isStates) await demandJoined(database, specs);
  const waits = toWaits(gaps);
  const { horizonMs, horizonFrom } = findHorizon(
    options,
    waits.slice(0, gaps.length),
    graceMs,
    declared,
    facts,
    assumptions,
  );
  // A sender that never retries does not have a limit either: its repeated attempts were requested manually.
  const limit =
    declared?.retries === false
      ? { maxAttempts: null, perhaps: null }
      : await learnLimit(database, facts.to - horizonMs);
  const maxAttempts =
    declared?.retries === false ? null : (limit.maxAttempts ?? (await documented(database, declared)));
  if (maxAttempts !== null)
    assumptions.push(
      `the sender makes at most ${maxAttempts} attempts: an event that fails the last one is given up, not dropped`,
    );
  const failures = await database.row(`select
      (select count(*) from line where kind = 'end' and ok = false) as failed, (select count(*) from line where kind = 'end') as ends`);
  return {
    sender: {
      horizon_ms: Math.round(horizonMs),
      horizon_from: horizonFrom,
      max_attempts: maxAttempts,
      timeout_ms: declared?.timeoutMs ?? (await learnTimeout(database)),
      retry_after_ms: gaps
        .filter((row) => num(row.n) >= 5 || num(row.after) === 1)
        .slice(0, 20)
        .map((row) => Math.round(num(row.middle))),
      late_after_ms: options.lateAfterMs ?? defaultLateAfterMs,
      failure_rate: num(failures.ends) === 0 ? 0 : num(failures.failed) / num(failures.ends),
    },
    waits,
    firstWaitMs: await firstWait(database, options, horizonMs, declared),
    graceMs,
    perhapsLimit: maxAttempts === null ? limit.perhaps : null,
    finalWords,
    assumptions,
  };
}

/** How much later than promised a retry may come, with the time that a request may still be in flight. */
async function learnGrace(database: Database): Promise<number> {
  const late =
    await database.row(`select count(*) as n, quantile_cont(next_started - next_first, 0.9) as usual,
      quantile_cont(next_started - next_first, 0.995) as high, max(next_started - next_first) as longest
    from attempt where next_first is not null and next_started >= next_first - 1000`);
  const lateMs = Math.max(
    minGraceMs,
    Math.min(
      (num(late.n) >= 200 ? num(late.high) : num(late.longest)) * 1.5,
      Math.max(hourMs, 3 * num(late.usual)),
    ),
  );
  // In a log that is written when requests end, a request in flight at the end of the log is still missing.
  const { took } = await database.row('select max(ended_first - started_at) as took from attempt');
  return lateMs + Math.min(longestRequestMs, Math.max(0, num(took)));
}

/** The waits after each attempt, by its number. */
async function readWaits(database: Database, graceMs: number): Promise<Row[]> {
  // A manual resend, days after a final state or a broken promise, is not a wait of the schedule.
  return await database.rows(`select rank as after, count(*) as n,
      quantile_cont(wait, 0.5) as middle, quantile_cont(wait, 0.995) as high, max(wait) as longest
    from (select *, greatest(0, next_started - coalesce(ended_first, started_at)) as wait from attempt)
    where next_started is not null and not coalesce(ok, false) and not coalesce(final, false)
      and (next_first is null or next_started <= next_first + ${Math.round(graceMs)}) group by 1 order by 1 limit 50`);
}

function toWaits(gaps: readonly Row[]): Habits['waits'] {
  return lengthen(
    gaps.map((row) => ({
      after: num(row.after),
      middle: num(row.middle),
      // Among many, a single odd wait (a manual resend days later) does not count; among few, the longest says little.
      longestMs: Math.min(
        num(row.n) >= 200
          ? num(row.high) * 1.5
          : num(row.n) >= 20
            ? num(row.longest) * 1.2
            : num(row.longest) * 2,
        Math.max(hourMs, oddWait * num(row.middle)),
      ),
    })),
  );
}

/** Throws if no id repeats although attempts fail: the ids may belong to requests, and then events cannot be classified. */
async function demandJoined(database: Database, specs: readonly Spec[]): Promise<void> {
  const seen =
    await database.row(`select count(*) filter (where kind = 'end' and not ok) as failed, (select count(*) from attempt where rank > 1) as again,
    count(*) filter (where kind = 'end' and not ok and attempt_no = least) as failed_first, count(*) filter (where attempt_no = least + 1) as second
    from line cross join (select min(attempt_no) as least from line)`);
  if (num(seen.failed) === 0 || num(seen.again) > 0) return;
  if (specs.some(({ idOfRequest }) => idOfRequest === true))
    throw new AuditError(
      'no id comes twice in this log: it is the request’s own, a new one for each attempt, so attempts of one event cannot be joined and nothing can be said of what became of it. Log the webhook-id header (or name it with --map event_id=…)',
    );
  // A log of attempts has about as many second attempts as failed first ones; a log of deliveries does not.
  const [first, second] = [num(seen.failed_first), num(seen.second)];
  if (second > first / 2 && second <= first)
    throw new AuditError(
      'no id comes twice in this log, although attempts have numbers: the id is that of an attempt. Name the id of the event with --map event_id=…',
    );
}

/** How long an event may wait for its first attempt, or for its only line if a delivery has one line at its end. */
async function firstWait(
  database: Database,
  options: AuditOptions,
  horizonMs: number,
  declared: Spec['sender'],
): Promise<number> {
  if (options.horizonMs !== undefined || declared?.failureIsFinal === true) return horizonMs;
  const seen = await database.row(`select quantile_cont(started_at - first_at, 0.995) as high
    from attempt join delivery using (key) where rank = 1 and started_at > first_at`);
  return Math.max(minFirstWaitMs, 3 * num(seen.high));
}

/** Extrapolates the waits: after attempts that none ever followed in this log, waits grow as before. */
function lengthen(
  seen: readonly { readonly after: number; readonly middle: number; readonly longestMs: number }[],
): Habits['waits'] {
  const last = seen.at(-1);
  if (last === undefined) return [];
  const ratios = seen
    .slice(1)
    .flatMap((one, index) =>
      seen[index]!.middle > 0 && one.after === seen[index]!.after + 1
        ? [one.middle / seen[index]!.middle]
        : [],
    );
  const growth = Math.min(
    maxGrowth,
    Math.max(1, ratios.length === 0 ? usualGrowth : Math.max(...ratios.slice(-2))),
  );
  const beyond = Array.from({ length: numbersBeyond }, (_, index) => ({
    after: last.after + index + 1,
    usualMs: last.middle,
    longestMs: Math.min(last.longestMs * growth ** (index + 1), Math.max(last.longestMs, longestGuessMs)),
  }));
  return [...seen.map(({ after, middle, longestMs }) => ({ after, usualMs: middle, longestMs })), ...beyond];
}

function findHorizon(
  options: AuditOptions,
  waits: Habits['waits'],
  graceMs: number,
  declared: Spec['sender'],
  facts: LineFacts,
  assumptions: string[],
): { horizonMs: number; horizonFrom: Sender['horizon_from'] } {
  if (options.horizonMs !== undefined) return { horizonMs: options.horizonMs, horizonFrom: 'option' };
  const longest = Math.max(0, ...waits.map(({ longestMs }) => longestMs));
  if (declared?.retries === false) return { horizonMs: declared.horizonMs ?? 0, horizonFrom: 'format' };
  if (longest > 0) return { horizonMs: longest + graceMs, horizonFrom: 'log' };
  if (declared?.horizonMs !== undefined) return { horizonMs: declared.horizonMs, horizonFrom: 'format' };
  const horizonMs = Math.min(defaultHorizonMs, (facts.to - facts.from) / 10);
  assumptions.push(
    'the log shows no retry at all, so how long the sender waits for one is not known: an hour is assumed (a tenth of a shorter log); --horizon says better',
  );
  return { horizonMs, horizonFrom: 'default' };
}

/** SQL of the time between the end of an attempt and the next one. */
const waited = 'next_started - coalesce(ended_last, started_at)';

/**
 * "failed" may refer to an attempt or to a delivery. It refers to the delivery if other words also mark failed attempts,
 * attempts follow those, and (nearly) none follows this one. The other words have to refer to the delivery too
 * ("retrying"), or at least to mark failures of the same kind: otherwise they only name different failures.
 */
async function learnFinalWords(database: Database, vocabulary: Vocabulary): Promise<string[]> {
  const words = (
    await database.rows(`select state as word, count(*) as n, count(next_started) as followed,
      max(${waited}) as longest, array_to_string(list(distinct coalesce(cast(status_code as varchar), left(error, 60), '')), chr(1)) as kinds
    from attempt where not ok and state is not null group by 1`)
  ).map((row) => {
    const word = text(row.word);
    // The word of an attempt is its state or else its outcome or the kind of its line.
    const meaning =
      vocabulary.state.get(word) ?? vocabulary.outcome.get(word) ?? vocabulary.phase.get(word) ?? null;
    return {
      word,
      meaning,
      n: num(row.n),
      followed: num(row.followed),
      longestMs: num(row.longest),
      kinds: text(row.kinds).split('\u0001'),
    };
  });
  const others = words.filter(
    ({ meaning, n, followed }) => meaning !== 'failure' && followed >= 3 && followed > n / 4,
  );
  const promises = others.some(({ meaning }) => meaning === 'retry' || meaning === 'open');
  const kinds = new Set(others.flatMap((other) => other.kinds));
  // What follows much later than any retry was sent by hand.
  const longestMs = oddWait * Math.max(0, ...others.map((other) => other.longestMs));
  const soon = new Map(
    (
      await database.rows(
        `select state as word, count(*) as n from attempt where not ok and ${waited} <= ${longestMs} group by 1`,
      )
    ).map(({ word, n }) => [text(word), num(n)] as const),
  );
  return words
    .filter(
      (one) =>
        one.meaning === 'failure' &&
        others.length > 0 &&
        (soon.get(one.word) ?? 0) <= one.n * 0.02 &&
        (promises || one.kinds.some((kind) => kinds.has(kind))),
    )
    .map(({ word }) => word);
}

/** SQL of the number of an attempt, from 1. */
const numberOf =
  'coalesce(case when attempt_no > 0 then attempt_no + (select case when min(attempt_no) = 0 then 1 else 0 end from attempt) end, rank)';

interface Limit {
  readonly maxAttempts: number | null;
  /** The highest number of attempts that any event has, if it may be the limit although too few events show it. */
  readonly perhaps: number | null;
}

/**
 * Finds the number of attempts after which this sender stops: the highest number of any delivery, if so many failed there
 * that they would not all have ended at the rate at which deliveries end at lower numbers.
 */
async function learnLimit(database: Database, mature: number): Promise<Limit> {
  const unknown = { maxAttempts: null, perhaps: null };
  const most = await database.row(
    `select max(max_attempts) as stated, max(${numberOf}) as number, coalesce(bool_or(final or owed), false) as says from attempt`,
  );
  if (numOrNull(most.stated) !== null) return { ...unknown, maxAttempts: num(most.stated) };
  const rows =
    await database.rows(`select number, count(*) as failed, count(*) filter (next_started is null) as ended from (
      select key, ${numberOf} as number,
        next_started, coalesce(ended_last, started_at) as ended, next_last, final
      from attempt where not ok and not final)
    where ended < ${mature} group by 1 order by 1`);
  const top = rows.at(-1);
  // Attempts beyond it, younger ones too, say that it is not the last.
  if (top === undefined || num(top.number) < 2 || num(top.number) < num(most.number)) return unknown;
  if (num(top.ended) === 0 || num(top.ended) < num(top.failed)) return unknown;
  // Defects that lose events at their first failure say little about what happens after several.
  const later = rows.slice(0, -1).filter((row) => num(row.number) > 1);
  const below = later.reduce((sum, row) => sum + num(row.failed), 0) >= minLater ? later : rows.slice(0, -1);
  const failed = below.reduce((sum, row) => sum + num(row.failed), 0);
  const ended = below.reduce((sum, row) => sum + num(row.ended), 0);
  if (failed === 0) return unknown;
  const owed = await database.row(`select count(*) as n, count(*) filter (owed) as promised from attempt
    where not ok and coalesce(attempt_no, rank) = ${num(top.number)}`);
  // A promised retry does not end the schedule.
  if (num(owed.promised) > num(owed.n) / 2) return unknown;
  const share = Math.max(ended / failed, 0.5 / failed);
  const isSure = binomialTail(num(top.ended), num(top.failed), Math.min(0.999, share)) < limitDoubt;
  if (isSure) return { ...unknown, maxAttempts: num(top.number) };
  // A sender that writes whether it will try again has not given up silently.
  return most.says === true || num(top.number) < minDoubtful
    ? unknown
    : { ...unknown, perhaps: num(top.number) };
}

/** Returns the documented limit of the format, unless the log shows a higher one. */
async function documented(database: Database, declared: Spec['sender']): Promise<number | null> {
  if (declared?.maxAttempts === undefined) return null;
  const { most } = await database.row('select max(rank) as most from attempt');
  return num(most) > declared.maxAttempts ? null : declared.maxAttempts;
}

/** Returns the client's timeout: the duration at which failures without an answer pile up; null if there is none. */
async function learnTimeout(database: Database): Promise<number | null> {
  const [top] = await database.rows(`with unanswered as (
      select duration from line where kind = 'end' and ok = false and status_code is null and duration > 100),
    top as (select round(duration / 50) * 50 as about, count(*) as n from unanswered group by 1 order by n desc, 1 limit 1)
    select about, count(*) filter (duration between about * 0.98 - 25 and about * 1.02 + 25) as piled, count(*) as around, (select count(*) from unanswered) as n
    from unanswered cross join top where duration between about * 0.8 and about * 1.2 group by about`);
  if (top === undefined || num(top.piled) < 5 || num(top.piled) < num(top.n) * 0.2) return null;
  // Within 0.8 to 1.2 of it, a tenth would be this close by chance.
  const share = (0.04 * num(top.about) + 50) / (0.4 * num(top.about));
  return binomialTail(num(top.piled), num(top.around), Math.min(0.9, share)) < 0.01 ? num(top.about) : null;
}

/** SQL: true for a final state. */
export function finalState(habits: Habits): string {
  return habits.finalWords.length === 0
    ? 'false'
    : `coalesce(state in (${habits.finalWords.map(quote).join(', ')}), false)`;
}
