import { hourMs, minuteMs } from '../../domain/time.ts';
import {
  type EndpointFigureReadings,
  type EndpointFigures,
  type EndpointFiguresRequest,
  risksOf,
} from '../endpoint-figures.ts';
import { countersFrom } from '../rows.ts';
import { counterShards, ofEndpoints, sum, counterSums } from './counters.ts';
import { sumHistograms } from './histograms.ts';
import { type Cold, snapshot } from './methods.ts';
import { deliveriesOfEach, inOrder, isAnyOf, limit, rowsFrom, sameShard, table } from './pieces.ts';
import { per, raw, type Row, type Sql, sql } from './sql.ts';
import { rows, type Steps } from './steps.ts';

/** Beyond every hour that is stored. */
const maxHour = 2 ** 30;

/** Adds its number to each endpoint; those that the store does not know are left out. */
function* numbered<Of extends { readonly endpointId: string }>(
  endpoints: readonly Of[],
): Steps<(Of & { readonly num: number })[]> {
  const ids = endpoints.map(({ endpointId }) => endpointId);
  const found = yield* rows(
    sql`SELECT id, num FROM ${table('endpoints')} WHERE ${isAnyOf('id', ids, 'text')}`,
  );
  const nums = new Map(found.map(([id, num]) => [id as string, num as number]));
  return endpoints.flatMap((of) => {
    const num = nums.get(of.endpointId);
    return num === undefined ? [] : { ...of, num };
  });
}

type Numbered = EndpointFiguresRequest['endpoints'][number] & { readonly num: number };

/** Rows of a statement, by the number of an endpoint that they begin with. */
function* grouped(statement: Sql): Steps<(num: number) => readonly Row[]> {
  const groups = Map.groupBy(yield* rows(statement), ([num]) => num as number);
  return (num) => groups.get(num) ?? [];
}

const totals = (nums: readonly number[]): Sql =>
  sql`SELECT l.endpoint, ${sum('l.accepted')}, ${sum('l.accepted - l.delivered - l.dead - l.cancelled - l.suppressed')},
      ${sum('l.dead - l.pruned_dead')}, ${sum('l.suppressed - l.pruned_suppressed')}
    FROM ${table('ledger')} l WHERE ${ofEndpoints(nums)} GROUP BY l.endpoint`;

const hoursFrom = (nums: readonly number[], since: number): Sql =>
  sql`SELECT l.endpoint, l.hour, ${counterSums} FROM ${table('ledger')} l
    WHERE ${ofEndpoints(nums)} AND l.hour >= ${Math.floor(since / hourMs)} GROUP BY l.endpoint, l.hour ORDER BY l.endpoint, l.hour`;

const hourOfDue = (known: readonly Numbered[]): Sql =>
  sql`WITH r AS MATERIALIZED (SELECT * FROM ${rowsFrom('r', {
    num: { type: 'int', values: known.map(({ num }) => num) },
    since: { type: 'int', values: known.map(({ dueUntil }) => Math.floor(dueUntil / hourMs) * 60) },
    until: { type: 'int', values: known.map(({ dueUntil }) => Math.floor(dueUntil / minuteMs)) },
  })})
    SELECT r.num, ${counterSums} FROM r ${inOrder} ${table('counters')} l
      ON ${counterShards('l')} AND l.endpoint = r.num AND l.minute >= r.since AND l.minute < r.until GROUP BY r.num`;

/** Histograms since a time, by the number of an endpoint. */
function* latenciesFrom(
  nums: readonly number[],
  since: number,
): Steps<(num: number) => EndpointFigures['latency']> {
  const found = yield* sumHistograms({
    members: nums.map((num) => [num, num]),
    since: Math.floor(since / hourMs),
    until: maxHour,
    step: maxHour,
    eventTypes: null,
  });
  const groups = Map.groupBy(found, ({ place }) => place);
  return (num) => (groups.get(num) ?? []).map(({ bucket, count }) => ({ bucket, count }));
}

/** Where tables are distributed each shard is asked where it lies: a subquery may depend on a row of the same shard alone. */
const nextDue = (nums: readonly number[]): Sql => {
  const ofOne = (place: Sql): Sql =>
    sql`(SELECT min(d.due_at) FROM ${table('deliveries')} d WHERE ${place}d.state = 0 AND d.endpoint = p.num)`;
  const known = sql`${table('endpoints')} p WHERE ${isAnyOf('p.num', nums, 'int')}`;
  return per(({ isDistributed }) =>
    isDistributed
      ? sql`SELECT p.num, min(${ofOne(sql`d.shard = s.shard AND `)}) FROM ${table('shards')} s CROSS JOIN ${known} GROUP BY p.num`
      : sql`SELECT p.num, ${ofOne(raw(''))} FROM ${known}`,
  );
};

/**
 * The newest rows of each endpoint `r`, of one kind of risk each; what is late knows since when. `state >= 2` is the condition of
 * the index: without it SQLite reads every row, which took 16 s of 10,000,000.
 */
const riskRows = (maxRows: number): readonly Sql[] => [
  deliveriesOfEach(sql`d.state = 0 AND d.endpoint = r.num AND d.created_at < r.late`, limit(maxRows)),
  ...[2, 4].map((state) =>
    deliveriesOfEach(
      sql`d.state >= 2 AND d.state = ${raw(String(state))} AND d.endpoint = r.num`,
      sql`ORDER BY d.number DESC ${limit(maxRows)}`,
    ),
  ),
];

export const endpointFigureListings: Cold<EndpointFigureReadings> = {
  endpointFigures: snapshot(function* ({ endpoints, since, latencySince }) {
    const known = yield* numbered(endpoints);
    const nums = known.map(({ num }) => num);
    const of = {
      totals: yield* grouped(totals(nums)),
      hours: yield* grouped(hoursFrom(nums, since)),
      partial: yield* grouped(hourOfDue(known)),
      latency: yield* latenciesFrom(nums, latencySince),
      due: yield* grouped(nextDue(nums)),
    };
    return known.map(({ endpointId, num }) => {
      const [, accepted = 0, pending = 0, dead = 0, suppressed = 0] = (of.totals(num)[0] ?? []) as number[];
      return {
        endpointId,
        accepted,
        pending,
        dead,
        suppressed,
        hours: of.hours(num).map((one) => ({ at: (one[1] as number) * hourMs, ...countersFrom(one, 2) })),
        partial: countersFrom(of.partial(num)[0] ?? [], 1),
        latency: of.latency(num),
        nextDueAt: (of.due(num)[0]?.[1] ?? null) as number | null,
      };
    });
  }),

  atRisk: snapshot(function* ({ endpoints, maxRows }) {
    const known = yield* numbered(endpoints);
    const of = rowsFrom('r', {
      id: { type: 'text', values: known.map(({ endpointId }) => endpointId) },
      num: { type: 'int', values: known.map(({ num }) => num) },
      late: { type: 'bigint', values: known.map(({ lateBefore }) => lateBefore) },
    });
    const found: Row[] = [];
    const read = new Map<string, number>();
    for (const [kind, newest] of riskRows(maxRows).entries()) {
      const groups = yield* rows(
        sql`WITH r AS MATERIALIZED (SELECT * FROM ${of})
          SELECT r.id, e.type, e.currency, CAST(sum(e.amount_minor) AS text), count(*) FROM r ${newest}
          ${inOrder} ${table('events')} e ON ${sameShard('e', 'd')}e.number = d.event_number GROUP BY r.id, e.type, e.currency`,
      );
      for (const [id, type, ...worth] of groups) {
        const key = `${id} ${kind}`;
        read.set(key, (read.get(key) ?? 0) + (worth[2] as number));
        found.push([id!, type!, kind, ...worth]);
      }
    }
    return { risks: risksOf(found), complete: [...read.values()].every((count) => count < maxRows) };
  }),
};
