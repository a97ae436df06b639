import { AuditError } from '../errors.ts';
import { type Database, num, numOrNull } from '../database.ts';
import { means, type Vocabulary } from '../read/ingest.ts';
import type { Spec } from '../read/spec.ts';
import type { Meaning } from '../read/words.ts';

/** Counts of unusable lines, and the bounds of the usable ones. */
export interface LineFacts {
  readonly lines: number;
  readonly malformed: number;
  readonly withoutId: number;
  readonly absurdTimes: number;
  readonly outcomeless: number;
  /** ms since the epoch. */
  readonly from: number;
  readonly to: number;
  /** The times of the log have a resolution of a second. */
  readonly secondsOnly: boolean;
}

/** What the stages after reading work with. */
export interface Timeline {
  readonly facts: LineFacts;
  /** The facts of the log without a window. */
  readonly whole: LineFacts;
  readonly vocabulary: Vocabulary;
}

/** SQL of the time at which a line was written; it orders the lines. */
const lineTime = 'coalesce(ended_at, logged_at, started_at, accepted_at)';

/**
 * Makes the view `line` over `raw`: one event of one endpoint has one `key`; `kind` is the kind of the line (`accept`,
 * `start`, `end` of an attempt, `state` of the delivery); `ok` says whether an attempt succeeded, `final` that the sender
 * recorded giving up, and `owed` that it promised another attempt.
 */
export async function makeLines(
  database: Database,
  vocabulary: Vocabulary,
  specs: readonly Spec[],
): Promise<LineFacts> {
  const joinByDelivery = specs.some(({ joinBy }) => joinBy === 'delivery_id');
  await fillEndpoints(database, joinByDelivery);
  const any = (...meanings: Meaning[]): string =>
    `(${(['phase', 'outcome', 'state'] as const).map((column) => means(vocabulary, column, ...meanings)).join(' or ')})`;
  const own = (...meanings: Meaning[]): string =>
    `(${(['phase', 'outcome'] as const).map((column) => means(vocabulary, column, ...meanings)).join(' or ')})`;
  const id = joinByDelivery ? 'coalesce(delivery_id, event_id)' : 'coalesce(event_id, delivery_id)';
  const endpoint = joinByDelivery ? "''" : "coalesce(endpoint, '')";
  const tenant = joinByDelivery ? "''" : "coalesce(tenant, '')";
  const answered = 'status_code is not null or error is not null';
  await database.run(`create view line as select *,
      hash(${tenant}, ${id}, ${endpoint}) as key,
      coalesce(event_id, delivery_id) as id,
      ${lineTime} as t,
      case
        when ${means(vocabulary, 'phase', 'accepted')} then 'accept'
        when ${means(vocabulary, 'phase', 'started')} and not (${answered}) then 'start'
        when ${means(vocabulary, 'phase', 'retry', 'final', 'open')} and not (${answered}) then 'state'
        when ${answered} or ${own('success', 'failure', 'retry', 'final')} then 'end'
        when ${means(vocabulary, 'outcome', 'open', 'started')} then 'start'
        when ${means(vocabulary, 'state', 'success', 'failure')} then '${joinByDelivery ? 'state' : 'end'}'
        when ${means(vocabulary, 'state', 'retry', 'final')} then case when attempt_no is null and duration is null then 'state' else 'end' end
        when ${means(vocabulary, 'state', 'started')} or (${means(vocabulary, 'state', 'open')} and attempt_no is not null) then 'start'
        else 'accept'
      end as kind,
      case
        when status_code between 200 and 299 then true
        when status_code is not null then false
        when ${means(vocabulary, 'outcome', 'success')} then true
        when ${means(vocabulary, 'outcome', 'failure', 'retry', 'final')} then false
        when ${means(vocabulary, 'phase', 'success')} then true
        when ${means(vocabulary, 'phase', 'failure', 'retry')} then false
        when error is not null then false
        when ${own('final')} then false
        when ${means(vocabulary, 'state', 'success')} then true
        when ${means(vocabulary, 'state', 'failure', 'retry', 'final')} then false
      end as ok,
      (${any('final')} and not coalesce(status_code between 200 and 299, false)) as final,
      (${any('retry')} or next_retry_at is not null) as owed
    from usable`);
  return await lineFacts(database, vocabulary);
}

/** Counts the lines; throws if none says what became of an attempt. */
async function lineFacts(database: Database, vocabulary: Vocabulary): Promise<LineFacts> {
  const facts = await database.row(`select count(*) as lines, count(malformed) as malformed,
      count(*) filter (malformed is null and event_id is null and delivery_id is null and not marker) as without_id,
      count(*) filter (malformed is null and (event_id is not null or delivery_id is not null) and not marker and not in_span) as absurd,
      min(t) filter (in_span) as first, max(greatest(t, coalesce(started_at, t))) filter (in_span) as last,
      coalesce(bool_and(t % 1000 = 0) filter (in_span), false) as seconds
    from screened`);
  const outcomes = await database.row(
    "select count(*) filter (kind in ('end', 'state')) as outcomes, count(*) as n from line",
  );
  if (num(outcomes.n) === 0)
    throw nothingUsable(num(facts.lines), num(facts.malformed), num(facts.without_id), num(facts.absurd));
  if (num(outcomes.outcomes) === 0)
    throw new AuditError(
      `none of ${num(outcomes.n)} lines says how an attempt ended: no status code, no error, and no known word (${[...vocabulary.state.keys(), ...vocabulary.outcome.keys(), ...vocabulary.phase.keys()].slice(0, 12).join(', ') || 'none'}). Map the field with --map status_code=… or --map outcome=…`,
    );
  return {
    lines: num(facts.lines),
    malformed: num(facts.malformed),
    withoutId: num(facts.without_id),
    absurdTimes: num(facts.absurd),
    outcomeless: num(outcomes.n) - num(outcomes.outcomes),
    from: num(facts.first),
    to: num(facts.last),
    secondsOnly: facts.seconds === true,
  };
}

function nothingUsable(lines: number, malformed: number, withoutId: number, absurd: number): AuditError {
  return new AuditError(
    `none of ${lines} lines can be used: ${malformed} cannot be read, ${withoutId} have no event id, ${absurd} have no plausible time. ${
      absurd > lines / 2
        ? 'Say how times are written with --time-format and --timezone, or which field has them with --map at=…'
        : 'Use --format or --map to say how to read them'
    }`,
  );
}

/** Makes the views `screened` (raw lines, with the columns `marker` and `in_span`) and `usable`. */
export async function screenLines(database: Database, vocabulary: Vocabulary): Promise<void> {
  // One stray year must not stretch the log: times far outside the span of nearly all lines are implausible.
  const bounds =
    await database.row(`select approx_quantile(${lineTime}, 0.01) as low, approx_quantile(${lineTime}, 0.99) as high
    from raw where malformed is null`);
  const low = numOrNull(bounds.low);
  const high = numOrNull(bounds.high);
  const slack = low === null || high === null ? 0 : Math.max(30 * 86_400_000, 3 * (high - low));
  await database.run(`create view screened as select *, ${lineTime} as t,
      (${means(vocabulary, 'phase', 'marker')} or (event_id is null and delivery_id is null and ${means(vocabulary, 'state', 'marker')})) as marker,
      coalesce(${lineTime} between ${(low ?? 0) - slack} and ${(high ?? 0) + slack}, false) as in_span
    from raw`);
  await database.run(`create view usable as select * exclude (t) from screened
    where malformed is null and in_span and not marker and (event_id is not null or delivery_id is not null)`);
}

/**
 * Lines without an endpoint (for example the acceptance of an event) belong to the one endpoint that other lines of the
 * event name. If the event has several, a line without an endpoint says nothing about any of them and is left out,
 * unless all lines of the event lack it.
 */
async function fillEndpoints(database: Database, joinByDelivery: boolean): Promise<void> {
  if (joinByDelivery) return;
  const counts = await database.row(
    'select count(*) as n, count(endpoint) as endpoints, count(tenant) as tenants from usable',
  );
  const partly = (some: unknown): boolean => num(some) > 0 && num(some) < num(counts.n);
  if (!partly(counts.endpoints) && !partly(counts.tenants)) return;
  await database.run(`create table named as
    select coalesce(event_id, delivery_id) as named_id, min(endpoint) as one_endpoint, count(distinct endpoint) as endpoints,
      min(tenant) as one_tenant, count(distinct tenant) as tenants
    from usable group by 1`);
  await database.run(`create table filled as
    select usable.* replace (
      case when endpoint is null and endpoints = 1 then one_endpoint else endpoint end as endpoint,
      case when tenant is null and tenants = 1 then one_tenant else tenant end as tenant)
    from usable join named on coalesce(event_id, delivery_id) = named_id
    where not (endpoint is null and endpoints > 1)`);
  await database.run('drop table named');
  await database.run('create or replace view usable as select * from filled');
}

/** The precision of the log's times. */
interface Tolerance {
  /** Times closer than this are equal: 5 ms, or a second if that is the resolution of the log. */
  readonly slackMs: number;
}

/**
 * Makes `delivery` (one row per key; `simple` if its only attempt delivered it), `trouble` (the keys of the
 * others), `seen` (all lines of these) and `attempt` (one row per attempt of these, start and end joined, with the attempts around it).
 */
export async function makeTimeline(database: Database, { slackMs }: Tolerance): Promise<void> {
  // Ten million rows have to fit: this table has only what is needed for all of them, and `seen` has the rest.
  await database.run(`create table delivery as
    select key, ends = 1 and oks = 1 and starts <= 1 as simple, ok_at is not null as ok, ok_at, first_at from (
      select key, count(*) filter (kind = 'end') as ends, count(*) filter (kind = 'end' and ok) as oks, count(*) filter (kind = 'start') as starts,
        min(t) filter (ok) as ok_at, min(least(coalesce(accepted_at, t), coalesce(started_at, t), t)) as first_at
      from line group by key)`);
  // The rest was delivered at the first attempt: 97% of a usual log, which need no further details.
  await database.run('create table trouble as select key from delivery where not simple');
  await database.run('create table seen as select line.* from line semi join trouble using (key)');
  await database.run(`create table attempt as
    with numbered as (
      select *, case
          when kind = 'start' then row_number() over (partition by key, attempt_no, kind order by t)
          when started_at is not null and not exists_start then 0
          when attempt_no is not null then greatest(1, count(*) filter (kind = 'start') over (partition by key, attempt_no order by t, kind desc rows unbounded preceding))
          else row_number() over (partition by key, attempt_no, kind order by t)
        end as turn
      from (select *, bool_or(kind = 'start') over (partition by key) as exists_start from seen where kind in ('start', 'end'))),
    merged as (
      select key, attempt_no, turn,
        coalesce(min(started_at), min(t)) as started_at,
        min(t) filter (kind = 'end') as ended_first, max(t) filter (kind = 'end') as ended_last,
        count(distinct t) filter (kind = 'end') as ends,
        bool_or(coalesce(ok, false)) as ok,
        arg_min(ok, t) filter (kind = 'end') as ok_first,
        arg_max(status_code, t) filter (kind = 'end') as status_code,
        min(status_code) as status_first,
        arg_max(error, t) filter (kind = 'end') as error,
        arg_min(error, t) filter (kind = 'end') as error_first,
        arg_max(coalesce(state, outcome, phase), t) as state,
        min(next_retry_at) as next_first, max(next_retry_at) as next_last,
        arg_max(next_retry_at is not null, t) filter (kind = 'end') as next_at_end,
        bool_or(final) as final, bool_or(owed) as owed, max(retry_after) as retry_after,
        max(worker) as worker, count(distinct worker) as workers, max(max_attempts) as max_attempts,
        count(*) as lines, min(place) as place
      from numbered group by key, attempt_no, turn, case when turn = 0 then started_at end)
    select *,
      row_number() over w as rank,
      lead(started_at) over w as next_started,
      lag(attempt_no) over w as previous_no,
      coalesce(started_at < max(ended_last) over (partition by key order by started_at, attempt_no, place rows between unbounded preceding and 1 preceding) - ${slackMs}, false) as overlapping,
      ends > 1 and ended_last > ended_first + ${slackMs} as settled_twice,
      coalesce(not ok_first and greatest(ended_last, max(ended_last) over (w rows between unbounded preceding and current row)) > ended_first + ${slackMs}
        and coalesce(max(ended_last) over (w rows between unbounded preceding and current row) < lead(started_at) over w, true), false) as stale_write,
      coalesce(attempt_no < lag(attempt_no) over w, false) as counts_back
    from merged window w as (partition by key order by started_at, attempt_no, place)`);
}
