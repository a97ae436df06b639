import type { Random } from 'posthorn/runtime';
import { errorClass } from './error-class.ts';
import type { Outage } from './evidence.ts';
import { rules } from './rules.ts';
import { type Database, quote } from '../database.ts';
import { inferRestarts, type Marker } from './markers.ts';
import { findOutages } from './outages.ts';
import type { Habits } from '../timeline/sender.ts';
import type { LineFacts } from '../timeline/timeline.ts';

/** Facts that `makeSigns` found. */
export interface SignFacts {
  readonly markers: readonly Marker[];
  readonly outages: readonly Outage[];
}

/** Makes `signs`: one row for each event that was not simply delivered, with the sign of each cause (`s_…`). */
export async function makeSigns(
  database: Database,
  facts: LineFacts,
  habits: Habits,
  given: readonly Marker[],
  random: Random,
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
  const look = { database, facts, habits, markers, outages, random };
  const shown = [];
  for (const { sign, shows } of rules) shown.push(`coalesce(${await shows(look)}, false) as s_${sign}`);
  await database.run(`create table signs as
    with passed as (
      select distinct key from attempt
      where exists(select 1 from marker where at_ms between coalesce(ended_first, started_at) and coalesce(next_started, 0))),
    broken as (
      select distinct fate.key from attempt join fate on attempt.key = fate.key
        join outage on coalesce(fate.endpoint, '') = outage.endpoint and coalesce(ended_last, started_at) between outage.begins and outage.ends
      where not attempt.ok),
    same as (
      select key, count(*) as failures, count(distinct coalesce(cast(status_code as varchar), error)) = 1 as one_failure,
        bool_and(status_code between 400 and 599) as answered,
        -- Of what arrived in the end too, how it failed before: else it could show no sign, and there were nothing to compare.
        arg_max(struct_pack(code := status_code, error := error, took := coalesce(ended_first, started_at) - started_at), rank) as failed
      from attempt where not ok group by key),
    failure as (select * exclude (failed), failed.code as failed_code, failed.error as failed_error, failed.took as failed_took from same),
    clue as (
      select fate.*, passed.key is not null as passed_marker, broken.key is not null as in_outage, failure.* exclude (key),
        ${errorClass} as error_class, coalesce(owed, false) as promised
      from fate left join passed using (key) left join broken using (key) left join failure using (key))
    select *, ${shown.join(', ')} from clue`);
  return { markers, outages };
}
