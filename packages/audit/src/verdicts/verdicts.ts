import { type Database, num } from '../database.ts';
import { finalState, type Habits } from '../timeline/sender.ts';
import type { LineFacts } from '../timeline/timeline.ts';
import type { Spec } from '../read/spec.ts';
import { verdicts } from '../names.ts';
import type { Verdict } from '../result.ts';

/**
 * Makes `story`: one row for each event that was not simply delivered, with what its attempts have in common, and what the receiver
 * knows of it.
 */
export async function makeStory(database: Database, habits: Habits): Promise<void> {
  await database.run(`create table story as
    with last as (
      select key, count(*) as attempts, count(*) filter (not ok) as fails,
        bool_or(overlapping) as overlapping, bool_or(settled_twice) as settled_twice, bool_or(stale_write) as stale_write, bool_or(counts_back) as counts_back,
        bool_or(final) as final_attempt, bool_or(not ok and (${finalState(habits)})) as final_word,
        bool_or(ends = 0) as open_attempt, arg_max(ends = 0, rank) as last_open,
        max(next_last) as owed_at, arg_max(next_last, rank) as last_owed_at,
        arg_max(next_at_end, rank) as last_has_next,
        max(attempt_no) + (select case when min(attempt_no) = 0 then 1 else 0 end from attempt) as last_no,
        arg_max(attempt_no, rank) as latest_no,
        max(started_at) as last_started, max(coalesce(ended_last, started_at)) as last_ended, min(coalesce(ended_first, started_at)) as first_ended,
        arg_max(status_code, rank) as status_code, arg_max(error, rank) as error,
        arg_max(ok, coalesce(ended_last, started_at)) as ok_in_the_end,
        max(retry_after) as retry_after,
        bool_or(coalesce(retry_after, 0) > 0 and next_started < ended_last + retry_after - 1000) as ignored_retry_after
      from attempt group by key),
    states as (select key, min(place) as place, count(*) as lines, max(t) as last_at, bool_or(final) as final_line, bool_or(owed) as owed, max(bytes) as bytes,
        max(event_type) as event_type, max(endpoint) as endpoint, max(tenant) as tenant, max(id) as id from seen group by key)
    select delivery.key, delivery.ok, ok_at, first_at, states.* exclude (key), last.* exclude (key, status_code, error),
      status_code, error, coalesce(attempts, 0) as tried, coalesce(processed, false) as processed, coalesce(unprocessed, false) as unprocessed, covered_to
    from delivery join states using (key) left join last using (key) left join receipt using (key)`);
}

/** What the receiver knows comes before what the sender wrote. */
export const shownByReceipts =
  "when unprocessed then 'acknowledged_unprocessed' when processed and not ok then 'delivered'";

/**
 * Makes `fate`: one row for each event that was not simply delivered, with its verdict and the facts about its cause.
 * An event is silently dropped if it was neither delivered nor recorded as given up, and its retry never came although the
 * log goes on for longer than such a retry ever took.
 */
export async function classify(
  database: Database,
  facts: LineFacts,
  habits: Habits,
  specs: readonly Spec[],
): Promise<void> {
  const { sender, waits, graceMs, firstWaitMs, perhapsLimit } = habits;
  const noRetries = specs.every((spec) => spec.sender?.retries === false);
  // How long to wait for the next attempt after each one: as observed, and the longest wait beyond that.
  const wait = noRetries
    ? '0'
    : sender.horizon_from === 'option' || waits.length === 0
      ? `case when coalesce(attempts, 0) = 0 then ${Math.round(firstWaitMs)} else ${sender.horizon_ms} end`
      : `case when coalesce(attempts, 0) = 0 then ${Math.round(firstWaitMs)} ${waits.map(({ after, longestMs }) => `when attempts = ${after} then ${Math.round(longestMs + graceMs)}`).join(' ')} else ${sender.horizon_ms} end`;
  const limit =
    sender.max_attempts === null
      ? 'false'
      : `coalesce(greatest(last_no, attempts), 0) >= ${sender.max_attempts}`;
  const promise = `last_has_next and last_owed_at is not null`;
  // A promise says when the retry is due; without one, the usual wait does.
  const due = `greatest(coalesce(case when last_has_next then last_owed_at end + ${Math.round(graceMs)}, 0),
    case when ${sender.horizon_from === 'option' ? 'false' : promise} then 0 else last_at + ${wait} end)`;
  await database.run(`create table fate as select *,
      case
        ${shownByReceipts}
        when ok and ok_at - first_at > ${sender.late_after_ms} then 'late'
        when ok then 'delivered'
        when final_line or final_word then 'given_up'
        -- 410 Gone says that the receiver does not want it, which ends a delivery.
        when status_code = 410 and not coalesce(last_has_next, false) then 'given_up'
        when ${limit} and not coalesce(owed_at > last_ended and last_has_next, false) then 'given_up'
        when ${perhapsLimit === null ? 'false' : `coalesce(greatest(last_no, attempts), 0) >= ${perhapsLimit} and not coalesce(overlapping or counts_back, false)`} then 'unresolved'
        when ${facts.to} < ${due} then 'unresolved'
        -- The retry may have been made while the log was silent.
        when exists(select 1 from gap where begins < ${due} and ends > last_at) then 'unresolved'
        else 'silently_dropped'
      end as verdict,
      greatest(owed_at, last_ended) as news_due_at, ${due} as due_at
    from story`);
}

/** Counts the verdicts, also on events that are not in the log. */
export async function countVerdicts(
  database: Database,
  lateAfterMs: number,
): Promise<Record<Verdict, number>> {
  const counts = Object.fromEntries(verdicts.map((verdict) => [verdict, 0])) as Record<Verdict, number>;
  const troubled = await database.rows('select verdict, count(*) as n from fate group by 1');
  for (const { verdict, n } of troubled) counts[verdict as Verdict] += num(n);
  // An event delivered at the first attempt can be late only if it was accepted long before.
  const simple =
    await database.row(`select count(*) as n, count(*) filter (coalesce(unprocessed, false)) as unprocessed,
      count(*) filter (not coalesce(unprocessed, false) and ok_at - first_at > ${lateAfterMs}) as late
    from delivery left join receipt using (key) where simple`);
  counts.acknowledged_unprocessed += num(simple.unprocessed);
  counts.late += num(simple.late);
  counts.delivered += num(simple.n) - num(simple.unprocessed) - num(simple.late);
  const unsent = await database.rows(
    "select verdict, count(*) as n from unsent where verdict <> 'not_covered' group by 1",
  );
  for (const { verdict, n } of unsent) counts[verdict as Verdict] += num(n);
  return counts;
}
