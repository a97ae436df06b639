import { binomialTail, hourMs } from 'posthorn/domain';
import { AuditError } from './errors.ts';
import { type Database, num, numOrNull, quote, text } from './database.ts';
import type { Vocabulary } from './ingest.ts';
import type { LineFacts } from './timeline.ts';
import type { AuditOptions, AuditResult } from './result.ts';
import type { Spec } from './spec.ts';

/** A wait that was not seen is not taken for longer than this. */
const longestGuessMs = hourMs;
const defaultHorizonMs = hourMs;
const defaultLateAfterMs = 300_000;
/** Nobody waits longer for an answer. */
const longestRequestMs = 120_000;
/** A wait so many times the usual one is not the schedule's. */
const oddWait = 10;
/** Queues run late by minutes without anything being wrong. */
const minFirstWaitMs = 300_000;
/** Nearly every sender has a limit, so that this much chance of deliveries ending there by another reason is borne. */
const limitDoubt = 0.1;
/** Before a retry counts as missing, it may be late by what this log's retries are late, and by this much more. */
const minGraceMs = 1000;

/** How the sender retries, as its log shows. */
export type Sender = AuditResult['sender'];

/** What verdicts need besides: the waits after each attempt, and how late retries come. */
export interface Habits {
  readonly sender: Sender;
  /** After the attempt of this number (1 first), in ms, another one would have come by then. */
  readonly waits: readonly { readonly after: number; readonly usualMs: number; readonly longestMs: number }[];
  /** After so long, what was accepted would have been attempted for the first time. */
  readonly firstWaitMs: number;
  /** How much later than its promised time a retry may come, and have its line. */
  readonly graceMs: number;
  /** Words of the state that are the sender's last ones, learnt from what never follows them. */
  readonly finalWords: readonly string[];
  readonly assumptions: readonly string[];
}

/** Learns from `attempt` how the sender retries: waits, limit, time-out, and what its words mean. */
export async function learnSender(
  database: Database,
  facts: LineFacts,
  vocabulary: Vocabulary,
  specs: readonly Spec[],
  options: AuditOptions,
): Promise<Habits> {
  const assumptions: string[] = [];
  const finalWords = await learnFinalWords(database, vocabulary);
  if (finalWords.length > 0)
    assumptions.push(
      `${finalWords.map((word) => `"${word}"`).join(', ')} is the sender's last word on a delivery: no attempt follows it, but attempts follow its other words`,
    );
  const declared = specs.find(({ sender }) => sender !== undefined)?.sender;
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
  // A request that is under way when the log ends has no line yet, in a log that is written when requests end.
  const { took } = await database.row('select max(ended_first - started_at) as took from attempt');
  const graceMs = lateMs + Math.min(longestRequestMs, Math.max(0, num(took)));
  // What people send again, days after the sender's last word or its broken promise, is no wait of its schedule.
  const gaps = await database.rows(`select rank as after, count(*) as n,
      quantile_cont(wait, 0.5) as middle, quantile_cont(wait, 0.995) as high, max(wait) as longest
    from (select *, greatest(0, next_started - coalesce(ended_first, started_at)) as wait from attempt)
    where next_started is not null and not coalesce(ok, false) and not coalesce(final, false)
      and (next_first is null or next_started <= next_first + ${Math.round(graceMs)}) group by 1 order by 1 limit 50`);
  if (gaps.length === 0 && declared?.retries !== false) await demandJoined(database, specs);
  const waits = lengthen(
    gaps.map((row) => ({
      after: num(row.after),
      middle: num(row.middle),
      // Where there are many, one odd one (a manual resend days later) is no habit; of a few, the longest says little.
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
  const { horizonMs, horizonFrom } = findHorizon(
    options,
    waits.slice(0, gaps.length),
    graceMs,
    declared,
    facts,
    assumptions,
  );
  // A sender that never retries has no limit either: what is tried again was asked for by somebody.
  const maxAttempts =
    declared?.retries === false
      ? null
      : ((await learnLimit(database, facts.to - horizonMs)) ?? (await documented(database, declared)));
  if (maxAttempts !== null)
    assumptions.push(
      `the sender makes at most ${maxAttempts} attempts: failures at the last one are given up, not dropped`,
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
    finalWords,
    assumptions,
  };
}

/** Where no id comes twice although attempts fail, the id may be the request's own: then nothing can be said of events. */
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
  // A line for each attempt has about as many second attempts as first ones that failed; a line for each delivery has not.
  const [first, second] = [num(seen.failed_first), num(seen.second)];
  if (second > first / 2 && second <= first)
    throw new AuditError(
      'no id comes twice in this log, although attempts have numbers: the id is that of an attempt. Name the id of the event with --map event_id=…',
    );
}

/** How long an event may wait for its first attempt; where a delivery has its one line at the end, for that. */
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

/** Waits grow; after attempts that nothing ever followed in this log the next one is as much longer as those before. */
const numbersBeyond = 3;
const usualGrowth = 4;
const maxGrowth = 10;

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

/**
 * "failed" may be an attempt's end or a delivery's. It is the delivery's where other words also stand at failed attempts,
 * attempts do follow those, and (nearly) none ever follows this one. The other words have to speak of the delivery too
 * ("retrying"), or at least to stand at failures of the same kind: else they are only names of different failures.
 */
async function learnFinalWords(database: Database, vocabulary: Vocabulary): Promise<string[]> {
  const words = (
    await database.rows(`select state as word, count(*) as n, count(next_started) as followed,
      array_to_string(list(distinct coalesce(cast(status_code as varchar), left(error, 60), '')), chr(1)) as kinds
    from attempt where not ok and state is not null group by 1`)
  ).map((row) => {
    const word = text(row.word);
    // An attempt's word is its state, or where there is none its outcome, or the kind of its line.
    const meaning =
      vocabulary.state.get(word) ?? vocabulary.outcome.get(word) ?? vocabulary.phase.get(word) ?? null;
    return {
      word,
      meaning,
      n: num(row.n),
      followed: num(row.followed),
      kinds: text(row.kinds).split('\u0001'),
    };
  });
  const others = words.filter(
    ({ meaning, n, followed }) => meaning !== 'failure' && followed >= 3 && followed > n / 4,
  );
  const promises = others.some(({ meaning }) => meaning === 'retry' || meaning === 'open');
  const kinds = new Set(others.flatMap((other) => other.kinds));
  return words
    .filter(
      (one) =>
        one.meaning === 'failure' &&
        others.length > 0 &&
        one.followed <= one.n * 0.02 &&
        (promises || one.kinds.some((kind) => kinds.has(kind))),
    )
    .map(({ word }) => word);
}

/**
 * The number of attempts after which this sender stops: the highest that any delivery reached, if so many failed there
 * that they would not all have ended by the rate at which deliveries end at lower numbers.
 */
async function learnLimit(database: Database, mature: number): Promise<number | null> {
  const stated = await database.row('select max(max_attempts) as most from attempt');
  if (numOrNull(stated.most) !== null) return num(stated.most);
  const rows =
    await database.rows(`select number, count(*) as failed, count(*) filter (next_started is null) as ended from (
      select key, coalesce(case when attempt_no > 0 then attempt_no + (select case when min(attempt_no) = 0 then 1 else 0 end from attempt) end, rank) as number,
        next_started, coalesce(ended_last, started_at) as ended, next_last, final
      from attempt where not ok and not final)
    where ended < ${mature} group by 1 order by 1`);
  const top = rows.at(-1);
  if (top === undefined || num(top.number) < 2 || num(top.ended) === 0 || num(top.ended) < num(top.failed))
    return null;
  const below = rows.slice(0, -1);
  const failed = below.reduce((sum, row) => sum + num(row.failed), 0);
  const ended = below.reduce((sum, row) => sum + num(row.ended), 0);
  if (failed === 0) return null;
  const owed = await database.row(`select count(*) as n, count(*) filter (owed) as promised from attempt
    where not ok and coalesce(attempt_no, rank) = ${num(top.number)}`);
  // A promised retry is no end of the schedule.
  if (num(owed.promised) > num(owed.n) / 2) return null;
  const share = Math.max(ended / failed, 0.5 / failed);
  return binomialTail(num(top.ended), num(top.failed), Math.min(0.999, share)) < limitDoubt
    ? num(top.number)
    : null;
}

/** The limit that the format documents, unless somebody has set a higher one. */
async function documented(database: Database, declared: Spec['sender']): Promise<number | null> {
  if (declared?.maxAttempts === undefined) return null;
  const { most } = await database.row('select max(rank) as most from attempt');
  return num(most) > declared.maxAttempts ? null : declared.maxAttempts;
}

/** The client's limit: the duration at which failures without an answer pile up; null where there is no such pile. */
async function learnTimeout(database: Database): Promise<number | null> {
  const [top] = await database.rows(`with unanswered as (
      select duration from line where kind = 'end' and ok = false and status_code is null and duration > 100),
    top as (select round(duration / 50) * 50 as about, count(*) as n from unanswered group by 1 order by n desc, 1 limit 1)
    select about, count(*) filter (duration between about * 0.98 - 25 and about * 1.02 + 25) as piled, count(*) as around, (select count(*) from unanswered) as n
    from unanswered cross join top where duration between about * 0.8 and about * 1.2 group by about`);
  if (top === undefined || num(top.piled) < 5 || num(top.piled) < num(top.n) * 0.2) return null;
  // Between 0.8 and 1.2 of it, a tenth would be as near by chance.
  const share = (0.04 * num(top.about) + 50) / (0.4 * num(top.about));
  return binomialTail(num(top.piled), num(top.around), Math.min(0.9, share)) < 0.01 ? num(top.about) : null;
}

/** SQL: a state that is the sender's last word. */
export function finalState(habits: Habits): string {
  return habits.finalWords.length === 0
    ? 'false'
    : `coalesce(state in (${habits.finalWords.map(quote).join(', ')}), false)`;
}
