import { type Database, num, quote, text } from './database.ts';
import { inferRestarts, type Marker } from './markers.ts';
import type { Habits } from './sender.ts';
import type { LineFacts } from './timeline.ts';

/** Around a deploy or restart, in ms: what was last heard of so shortly before it may have been lost to it. */
const aroundMs = 30_000;

/** What `makeSigns` found on the way. */
export interface SignFacts {
  readonly markers: readonly Marker[];
  readonly outages: readonly { readonly endpoint: string; readonly from: number; readonly to: number }[];
}

/** Makes `signs`: a row for every event that failed or was lost, with what it shows of each cause. */
export async function makeSigns(
  database: Database,
  facts: LineFacts,
  habits: Habits,
  given: readonly Marker[],
): Promise<SignFacts> {
  const outages = await findOutages(database, facts);
  await database.run('create table outage (endpoint varchar, begins bigint, ends bigint)');
  if (outages.length > 0)
    await database.run(
      `insert into outage values ${outages.map(({ endpoint, from, to }) => `(${quote(endpoint)}, ${from}, ${to})`).join(', ')}`,
    );
  const markers = given.length > 0 ? given : await inferRestarts(database, facts, habits);
  await database.run('create table marker (at_ms bigint)');
  if (markers.length > 0)
    await database.run(
      `insert into marker values ${markers.map(({ atMs }) => `(${Math.round(atMs)})`).join(', ')}`,
    );
  const timeout = habits.sender.timeout_ms;
  const atLimit =
    timeout === null
      ? 'false'
      : `(status_code is null and last_ended - last_started between ${timeout * 0.98 - 25} and ${timeout * 1.02 + 25})`;
  // What waited when the sender stopped: for an answer, for its retry, or for its first attempt.
  const due = `greatest(last_at + ${aroundMs}, coalesce(case when last_has_next then last_owed_at end, 0), case when tried > 0 and not coalesce(last_open, false) then last_ended + coalesce(${waitSql(habits)}, 0) else 0 end)`;
  await database.run(`create table signs as
    with near as (
      select key, exists(select 1 from marker where at_ms between last_at - 2000 and ${due}) as at_marker from fate
      where verdict in ('silently_dropped', 'given_up')),
    passed as (
      select key, true as passed_marker from attempt
      where exists(select 1 from marker where at_ms between coalesce(ended_first, started_at) and coalesce(next_started, 0)) group by key),
    broken as (
      select distinct fate.key from attempt join fate on attempt.key = fate.key
        join outage on coalesce(fate.endpoint, '') = outage.endpoint and coalesce(ended_last, started_at) between outage.begins and outage.ends
      where not attempt.ok),
    same as (
      select key, count(*) as failures, count(distinct coalesce(cast(status_code as varchar), error)) = 1 as one_failure,
        bool_and(status_code between 400 and 599) as answered from attempt where not ok group by key)
    select fate.*,
      coalesce(overlapping or settled_twice, false) as s_retry_race,
      coalesce(stale_write, false) as s_stale_write,
      coalesce(counts_back, false) as s_counter_reset,
      coalesce(at_marker, passed_marker, false) as s_restart_loss,
      coalesce(error_class = 'oversize', false) as s_oversize,
      coalesce(error_class = 'rate_limited', false) as s_rate_limited,
      coalesce(error_class = 'dns', false) as s_dns,
      coalesce(error_class = 'tls', false) as s_tls,
      broken.key is not null as s_endpoint_outage,
      coalesce(failures >= 2 and one_failure and answered and error_class in ('client_error', 'server_error') and broken.key is null
        or error_class = 'client_error' and status_code in (400, 415, 422), false) as s_poison,
      coalesce(error_class = 'timeout' or ${atLimit}, false) as s_client_timeout,
      coalesce(owed, false) as promised
    from fate left join near using (key) left join passed using (key) left join broken using (key) left join same using (key)`);
  return { markers, outages };
}

function waitSql({ waits, graceMs }: Habits): string {
  return waits.length === 0
    ? '0'
    : `case ${waits.map(({ after, longestMs }) => `when attempts = ${after} then ${Math.round(longestMs + graceMs)}`).join(' ')} end`;
}

/**
 * Times at which one endpoint failed at most of what it was sent: bins of about twenty attempts with five failures or
 * more, of four events or more, half of it, and ten times what is usual; neighbours joined, and a bin more at both ends.
 */
async function findOutages(database: Database, facts: LineFacts): Promise<SignFacts['outages']> {
  const counts = await database.row(
    "select count(*) as n, count(distinct endpoint) as endpoints, count(*) filter (not ok) as failed from line where kind = 'end'",
  );
  const perEndpoint = num(counts.n) / Math.max(1, num(counts.endpoints));
  const span = Math.max(1, facts.to - facts.from);
  const binMs = Math.max(10_000, Math.min(3_600_000, Math.round((span * 20) / Math.max(1, perEndpoint))));
  const rows = await database.rows(`with bins as (
      select coalesce(endpoint, '') as endpoint, t // ${binMs} as bin, count(*) as n, count(*) filter (not ok) as failed,
        min(t) filter (not ok) as first, max(t) filter (not ok) as last
      from line where kind = 'end' group by 1, 2),
    usual as (select endpoint, sum(failed) / sum(n) as rate, quantile_cont(failed / n, 0.5) as middle from bins group by 1),
    bad as (select * from bins join usual using (endpoint)
      where failed >= 5 and failed >= n * 0.5 and (failed / n >= 10 * middle or middle > 0.5)),
    -- One event that fails to its end is no outage, however often it is tried.
    several as (select endpoint, bin from bad
      join (select key, coalesce(endpoint, '') as endpoint, t // ${binMs} as bin from line where kind = 'end' and not ok) using (endpoint, bin)
      group by 1, 2 having count(distinct key) >= 4)
    select endpoint, min(first) - ${binMs} as "from", max(last) + ${binMs} as "to" from (
      select *, bin - row_number() over (partition by endpoint order by bin) as island from bad semi join several using (endpoint, bin))
    group by endpoint, island order by 2 limit 500`);
  return rows.map((row) => ({ endpoint: text(row.endpoint), from: num(row.from), to: num(row.to) }));
}
