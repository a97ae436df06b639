import type { Outage } from './evidence.ts';
import { type Database, num, text } from '../database.ts';
import { denseRuns } from './statistics.ts';
import type { LineFacts } from '../timeline/timeline.ts';
import { thresholds } from '../thresholds.ts';

const { failingDown, minUsual, maxUsual, doubt } = thresholds.outages;

const attemptsPerBin = 20;
const maxRows = 500_000;

/**
 * Finds the periods in which one endpoint failed nearly all events. Each event counts once, by how its first attempt ended,
 * so a single failing event is not an outage, however often it is retried. For each endpoint, these are the runs in which
 * failures are so dense that "down" is significantly likelier than "as usual" (`denseRuns`). 410 is not a failure: it says that the endpoint was removed.
 */
export async function findOutages(database: Database, facts: LineFacts): Promise<Outage[]> {
  const counts = await database.row(
    "select count(*) as n, count(distinct endpoint) as endpoints from line where kind = 'end'",
  );
  const perEndpoint = num(counts.n) / Math.max(1, num(counts.endpoints));
  const span = Math.max(1, facts.to - facts.from);
  const binMs = Math.max(
    10_000,
    Math.min(43_200_000, Math.round((span * attemptsPerBin) / Math.max(1, perEndpoint))),
  );
  // A run needs several failed events of an endpoint within a short time.
  await database.run(`create temp table failing as
    select coalesce(fate.endpoint, '') as endpoint, coalesce(ended_first, started_at) as t
    from attempt join fate using (key) where rank = 1 and not coalesce(ok_first, attempt.ok) and attempt.status_code is distinct from 410`);
  await database.run(`create temp table suspect as
    select distinct endpoint, bin + unnest([-1, 0, 1]) as bin
    from (select endpoint, t // ${binMs} as bin from failing group by 1, 2 having count(*) >= 2)`);
  // Neighboring bins belong together; between groups of them there were only successes.
  await database.run(`create temp table island as
    select *, bin - row_number() over (partition by endpoint order by bin) as island from suspect`);
  const rows =
    await database.rows(`select failing.endpoint, island, t, true as failed from failing join island on failing.endpoint = island.endpoint and t // ${binMs} = bin
    union all select island.endpoint, island, t, false from line join island on coalesce(line.endpoint, '') = island.endpoint and t // ${binMs} = bin
      where kind = 'end' and ok
    order by 1, 2, 3 limit ${maxRows}`);
  const usual = new Map(
    (
      await database.rows(`select endpoint, count(*) as failed, any_value(n) as n from failing
        join (select coalesce(endpoint, '') as endpoint, count(*) as n from line where kind = 'end' and ok group by 1) using (endpoint) group by 1`)
    ).map((row) => [text(row.endpoint), num(row.failed) / (num(row.failed) + num(row.n))] as const),
  );
  await database.run('drop table failing');
  await database.run('drop table suspect');
  await database.run('drop table island');
  return [...Map.groupBy(rows, (row) => `${text(row.endpoint)} ${num(row.island)}`).values()]
    .flatMap((own) => {
      const endpoint = text(own[0]!.endpoint);
      return denseRuns(
        own.map((row) => row.failed === true),
        Math.min(maxUsual, Math.max(minUsual, usual.get(endpoint) ?? maxUsual)),
        failingDown,
        Math.log(Math.max(1, num(counts.n)) / doubt),
      ).map(([first, last]) => ({ endpoint, from: num(own[first]!.t), to: num(own[last]!.t) }));
    })
    .sort((a, b) => a.from - b.from);
}
