import { hourMs, minuteMs } from '../../domain/time.ts';
import {
  type Accounting,
  type AccountingQuery,
  type CountsQuery,
  maxHeldCounted,
  type CounterRange,
  type TypeCounters,
  usualValueRows,
} from '../accounting.ts';
import { addLatencies, hoursOf } from '../folding.ts';
import { type HeldCount, withHeld } from '../held.ts';
import {
  failureOf,
  groupCounters,
  overdueGraceMs,
  counterColumns,
  countersFrom,
  typeCounterColumns,
} from '../rows.ts';
import type { SeriesEndpoint } from '../series-groups.ts';
import { blockedBy, blocksKeys } from './blocking.ts';
import { type CounterSums, sumCounters, type SumsRequest } from './counter-sums.ts';
import { counterShards, dayShards, ofEndpoints, ofTypes, sum, counterSums } from './counters.ts';
import { type Cold, separately, snapshot } from './methods.ts';
import {
  all,
  deliveriesOfEach,
  givenAnyOf,
  inOrder,
  isAnyOf,
  limit,
  ofTenants,
  rowsFrom,
  sameShard,
  table,
} from './pieces.ts';
import { per, raw, type Sql, sql } from './sql.ts';
import { row, rows, type Steps } from './steps.ts';
import { readValueAtRisk } from './value-at-risk.ts';

export function* chooseEndpoints(query: Omit<AccountingQuery, 'now'>): Steps<SeriesEndpoint[]> {
  const found = yield* rows(
    sql`SELECT p.num, p.id, p.tenant, p.document ->> 'owner', CAST(p.document ->> 'deliverWithinMs' AS bigint) FROM ${table('endpoints')} p
      WHERE ${all([
        ofTenants('p.tenant', query),
        givenAnyOf('p.id', query.endpointIds),
        givenAnyOf("p.document ->> 'owner'", query.owners),
      ])}`,
  );
  return found.map(([num, id, tenant, owner, deliverWithinMs]) => ({
    num: num as number,
    id: id as string,
    tenant: tenant as string,
    owner: owner as string | null,
    deliverWithinMs: deliverWithinMs as number,
  }));
}

/** Hours of acceptance since the epoch, inclusive, of the chosen endpoints and types. */
interface Window {
  readonly nums: readonly number[];
  readonly from: number;
  readonly to: number;
  readonly eventTypes: readonly string[] | null;
}

/** By type there are many more rows: only who asks for types reads them. */
const ofCounters = ({ nums, from, to, eventTypes }: Window): Sql =>
  sql`${table('counters')} l WHERE ${all([
    ofEndpoints(nums),
    sql`l.minute >= ${from * 60} AND l.minute < ${(to + 1) * 60}`,
    ofTypes('l.type', eventTypes),
  ])}`;
const ofLedger = ({ nums, from, to }: Window): Sql =>
  sql`${table('ledger')} l WHERE ${ofEndpoints(nums)} AND l.hour BETWEEN ${from} AND ${to}`;
const byHour = (name: 'latency' | 'failures', { nums, from, to, eventTypes }: Window): Sql =>
  sql`${table(name)} l WHERE ${all([
    ofEndpoints(nums),
    sql`l.hour BETWEEN ${from} AND ${to}`,
    ofTypes('l.type', eventTypes),
  ])}`;

const ledgerKeys: Readonly<Record<string, string>> = { hour: 'l.hour', day: 'l.hour / 24' };

function* countEvents(query: CountsQuery, { from, to, eventTypes }: Window): Steps<[number, number]> {
  const found = yield* row(
    sql`SELECT coalesce(${sum('l.events')}, 0), coalesce(${sum('l.unmatched')}, 0) FROM ${table('event_ledger')} l WHERE ${all(
      [
        counterShards('l'),
        ofTenants('l.tenant', query),
        sql`l.hour BETWEEN ${from} AND ${to}`,
        ofTypes('l.type', eventTypes),
      ],
    )}`,
  );
  return found as [number, number];
}

/** From rows, each endpoint's from its own range of the pending index: how many, overdue, and late. */
function* countPending(
  chosen: readonly SeriesEndpoint[],
  { from, to, eventTypes }: Window,
  now: number,
): Steps<[number, number, number]> {
  const ofType =
    eventTypes === null
      ? raw('')
      : sql`AND EXISTS (SELECT 1 FROM ${table('events')} e WHERE ${sameShard('e', 'd')}e.number = d.event_number AND ${ofTypes('e.type', eventTypes) ?? raw('true')})`;
  const found = yield* row(
    sql`WITH p AS MATERIALIZED (SELECT * FROM ${rowsFrom('p', {
      num: { type: 'int', values: chosen.map(({ num }) => num) },
      late: { type: 'bigint', values: chosen.map(({ deliverWithinMs }) => now - deliverWithinMs) },
    })})
    SELECT count(*), count(*) FILTER (WHERE d.due_at < ${now - overdueGraceMs}), count(*) FILTER (WHERE d.created_at < p.late)
    FROM p ${inOrder} ${table('deliveries')} d ON d.state = 0 AND d.endpoint = p.num
    WHERE d.created_at >= ${from * hourMs} AND d.created_at < ${(to + 1) * hourMs} ${ofType}`,
  );
  return found as [number, number, number];
}

/**
 * Histograms of hours as pairs of JSON arrays, of buckets and of their counts. SQLite sorts what it groups by bucket, which took four
 * times as long as its rows in the order of their key; PostgreSQL hashes it.
 */
const hourHistograms = (window: Window): Sql =>
  per(({ name }) =>
    name === 'sqlite'
      ? sql`SELECT json_group_array(l.bucket), json_group_array(l.count) FROM ${byHour('latency', window)} GROUP BY l.endpoint`
      : sql`SELECT '[' || l.bucket || ']', '[' || sum(l.count) || ']' FROM ${byHour('latency', window)} GROUP BY l.bucket`,
  );

function* readLatency(window: Window): Steps<ReturnType<typeof addLatencies>> {
  const { nums, from, to, eventTypes } = window;
  const hours = yield* rows(hourHistograms(window));
  const days = yield* rows(
    sql`SELECT '[' || string_agg(CAST(l.counts AS text), ',') || ']' FROM ${table('latency_days')} l WHERE ${all(
      [
        dayShards,
        isAnyOf('l.endpoint', nums, 'int'),
        sql`l.day BETWEEN ${Math.floor(from / 24)} AND ${Math.floor(to / 24)}`,
        ofTypes('l.type', eventTypes),
      ],
    )} GROUP BY l.endpoint`,
  );
  return addLatencies(
    hours.map(([buckets, counts]) => [buckets as string, counts as string]),
    days.map(([counts]) => counts as string),
  );
}

/** Ranges of endpoints as rows `r`, in whole units of time. */
export const rangesIn = (ranges: readonly CounterRange[]): Sql =>
  sql`WITH r AS MATERIALIZED (SELECT * FROM ${rowsFrom('r', {
    id: { type: 'text', values: ranges.map(({ endpointId }) => endpointId) },
    since: { type: 'int', values: ranges.map(({ since }) => since) },
    until: { type: 'int', values: ranges.map(({ until }) => until) },
    place: { type: 'int', values: ranges.map((_, place) => place) },
  })})`;

/** The counters by type in the minutes of each range, which is its own place, and in each step. */
export function* readRanges(
  ranges: readonly CounterRange[],
  { step, eventTypes }: Pick<SumsRequest, 'step' | 'eventTypes'>,
): Steps<(TypeCounters & Pick<CounterSums, 'place' | 'step'>)[]> {
  const found = yield* rows(
    sql`SELECT p.id, p.num FROM ${table('endpoints')} p WHERE ${isAnyOf('p.id', [...new Set(ranges.map(({ endpointId }) => endpointId))], 'text')}`,
  );
  const nums = new Map(found.map(([id, num]) => [id as string, num as number]));
  const counted = yield* sumCounters({
    ranges: ranges.flatMap(({ endpointId, since, until }, place) => {
      const num = nums.get(endpointId);
      if (num === undefined) return [];
      return { place, num, since: Math.floor(since / minuteMs), until: Math.floor(until / minuteMs) };
    }),
    columns: typeCounterColumns,
    step,
    byType: true,
    eventTypes,
  });
  return counted.map(({ place, step: at, eventType, sums }) => {
    const [recovered, heldLate] = sums.slice(counterColumns.length) as [number, number];
    return { ...countersFrom(sums, 0), recovered, heldLate, held: 0, eventType: eventType!, place, step: at };
  });
}

/** Endpoints whose dead letters block nothing are read no further. */
export function* readHeld(ranges: readonly CounterRange[]): Steps<HeldCount[]> {
  const ids = [...new Set(ranges.map(({ endpointId }) => endpointId))];
  const found = yield* rows(
    sql`SELECT p.id, e.type, d.created_at / ${raw(String(minuteMs))}, count(*) FROM ${table('endpoints')} p
        ${deliveriesOfEach(
          sql`d.endpoint = p.num AND d.state = 0 AND d.order_key IS NOT NULL AND d.attempts = 0 AND ${blockedBy} IS NOT NULL`,
          limit(maxHeldCounted),
        )}
        ${inOrder} ${table('events')} e ON ${sameShard('e', 'd')}e.number = d.event_number
      WHERE ${isAnyOf('p.id', ids, 'text')} AND ${blocksKeys} GROUP BY 1, 2, 3`,
  );
  return found.map(([endpointId, eventType, minute, count]) => ({
    endpointId: endpointId as string,
    eventType: eventType as string,
    minute: minute as number,
    count: count as number,
  }));
}

export const accountingListings: Cold<Accounting> = {
  accounting: snapshot(function* (query) {
    const { now, eventTypes } = query;
    const chosen = yield* chooseEndpoints(query);
    const window: Window = { nums: chosen.map(({ num }) => num), ...hoursOf(query), eventTypes };
    const total = yield* row(
      sql`SELECT ${counterSums} FROM ${eventTypes === null ? ofLedger(window) : ofCounters(window)}`,
    );
    const { superseded, ...counts } = countersFrom(total!, 0);
    const [events, unmatched] = yield* countEvents(query, window);
    const [pending, overdue, latePending] = yield* countPending(chosen, window, now);
    const latency = yield* readLatency(window);
    const failures = yield* rows(
      sql`SELECT l.class, ${sum('l.count')} FROM ${byHour('failures', window)} GROUP BY l.class ORDER BY 2 DESC, 1`,
    );
    const { nums: endpoints, from, to } = window;
    const maxRows = query.maxValueRows ?? usualValueRows;
    const risk = yield* readValueAtRisk({ endpoints, from, to, eventTypes, maxRows });
    return {
      ...counts,
      events,
      unmatched,
      pending,
      overdue,
      late: counts.late + latePending,
      supersededAttempts: superseded,
      failures: failures.map(failureOf),
      latency,
      valueAtRisk: risk.money,
      valueCounted: { by: risk.by, isComplete: risk.isComplete },
    };
  }),

  accountingBy: snapshot(function* (query, by) {
    const { eventTypes } = query;
    const chosen = yield* chooseEndpoints(query);
    const window: Window = { nums: chosen.map(({ num }) => num), ...hoursOf(query), eventTypes };
    if (by !== 'event_type' && eventTypes === null) {
      const found = yield* rows(
        sql`SELECT l.endpoint, ${raw(ledgerKeys[by] ?? "''")}, ${counterSums} FROM ${ofLedger(window)} GROUP BY 1, 2`,
      );
      return groupCounters(found, chosen, by);
    }
    const { from, to } = window;
    const found = yield* sumCounters({
      ranges: chosen.map(({ num }) => ({ place: num, num, since: from * 60, until: (to + 1) * 60 })),
      columns: counterColumns,
      step: by === 'hour' ? 60 : by === 'day' ? 1440 : null,
      byType: by === 'event_type',
      eventTypes,
    });
    return groupCounters(
      found.map(({ place, step, eventType, sums }) => [place, eventType ?? step, ...sums]),
      chosen,
      by,
    );
  }),

  counters: snapshot(function* (ranges, eventTypes = null) {
    const counters: TypeCounters[][] = ranges.map(() => []);
    for (const { place, step: _, ...one } of yield* readRanges(ranges, { step: null, eventTypes }))
      counters[place]!.push(one);
    return withHeld(counters, ranges, yield* readHeld(ranges));
  }),

  overdue: separately(function* (dueBefore) {
    const isThrottled = sql`p.throttled_until > ${dueBefore}`;
    const claimed = sql`c.state = 0 AND c.due_at >= ${dueBefore} AND c.claimed_by IS NOT NULL`;
    const claimedOfEach = sql`(SELECT count(*) FROM ${table('deliveries')} c WHERE c.endpoint = p.num AND ${claimed})`;
    // Distributed tables have no subqueries that depend on an endpoint's row.
    const [count, join] = [
      per(({ isDistributed }) => (isDistributed ? raw('coalesce(min(c.count), 0)') : claimedOfEach)),
      per(({ isDistributed }) =>
        isDistributed
          ? sql`LEFT JOIN (SELECT c.endpoint, count(*) AS count FROM ${table('deliveries')} c WHERE ${claimed} GROUP BY c.endpoint) c
              ON c.endpoint = p.num`
          : raw(''),
      ),
    ];
    const found = yield* rows(
      sql`SELECT p.id, p.document ->> 'owner', count(*), min(CASE WHEN d.due_at < ${dueBefore} THEN d.due_at ELSE d.created_at END),
          ${count},
          CASE WHEN ${isThrottled} THEN p.throttled_until END
        FROM ${table('endpoints')} p ${inOrder} ${table('deliveries')} d ON d.state = 0 AND d.endpoint = p.num
          AND d.due_at < CASE WHEN ${isThrottled} THEN ${raw(String(Number.MAX_SAFE_INTEGER))} ELSE CAST(${dueBefore} AS bigint) END
          AND (d.due_at < ${dueBefore} OR (d.claimed_by IS NULL AND d.created_at < ${dueBefore}))
        ${join}
        WHERE p.enabled = ${true} AND p.deleted_at IS NULL GROUP BY p.num`,
    );
    return found.map(([endpointId, owner, count, oldestDueAt, claimed, throttledUntil]) => ({
      endpointId: endpointId as string,
      owner: owner as string | null,
      count: count as number,
      oldestDueAt: oldestDueAt as number,
      claimed: claimed as number,
      throttledUntil: throttledUntil as number | null,
    }));
  }),
};
