import { shardCount } from '../../domain/shard.ts';
import { hourMs } from '../../domain/time.ts';
import { deletedDigest, digestHeadSql, digestOf, findingsOfEvent, postgresDigest } from '../digest.ts';
import type { ConservationRow, Finding, Integrity } from '../integrity.ts';
import { fanOutStateOf, missingEventFrom, worthComparisonOf } from '../rows.ts';
import { type Cold, separately, snapshot } from './methods.ts';
import { byNumber, inList, isNumbered, limit, sameShard, table } from './pieces.ts';
import { joined, per, raw, type Sql, sql } from './sql.ts';
import { row, rows, session, type Steps } from './steps.ts';

// The reconciler's reading (G6). It shares no code with the writers on purpose: its queries count rows and read counters, and the
// comparing is done elsewhere.

/** Sequences of one pass: so few rows are sorted in the processor's cache. SQLite took six times as long for 10,000,000 at once. */
const passSequences = 20_000;

/** The ranges of numbers that are counted one after the other: one for all rows if each shard has a list of its own. */
function* passes(): Steps<readonly Sql[]> {
  const { lists } = yield* session();
  if (lists > 1) return [raw('true')];
  const [first, last] = (yield* row(
    sql`SELECT (SELECT min(number) FROM ${table('deliveries')}), (SELECT max(number) FROM ${table('deliveries')})`,
  )) as [number | null, number];
  if (first === null) return [];
  const step = passSequences * shardCount;
  return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, pass) => {
    const from = first + pass * step;
    return sql`number >= ${from} AND number < ${from + step}`;
  });
}

/** How many rows of each endpoint are in each state, every one of them read. */
function* countRows(): Steps<ReadonlyMap<number, readonly number[]>> {
  const counts = new Map<number, number[]>();
  for (const pass of yield* passes()) {
    const groups = yield* rows(
      sql`SELECT endpoint, state, count(*) FROM ${table('deliveries')} ${byNumber} WHERE ${pass} GROUP BY endpoint, state`,
    );
    for (const [endpoint, state, count] of groups as unknown as [number, number, number][]) {
      const states = counts.get(endpoint) ?? [0, 0, 0, 0, 0];
      if (state in states) states[state]! += count;
      counts.set(endpoint, states);
    }
  }
  return counts;
}

const ledgerColumns = [
  'accepted',
  'delivered',
  'dead',
  'cancelled',
  'suppressed',
  'pruned_delivered',
  'pruned_dead',
  'pruned_cancelled',
  'pruned_suppressed',
];
const total = (column: string): string => `CAST(coalesce(sum(${column}), 0) AS bigint)`;

function conservationFrom(
  endpoint: number,
  named: readonly [id: string, tenant: string] | undefined,
  counters: readonly number[] = [],
  states: readonly number[] = [],
): ConservationRow {
  const [accepted = 0, delivered = 0, dead = 0, cancelled = 0, suppressed = 0, ...pruned] = counters;
  const countsFrom = ([d = 0, e = 0, c = 0, s = 0]: readonly number[]) => ({
    delivered: d,
    dead: e,
    cancelled: c,
    suppressed: s,
  });
  return {
    endpointId: named?.[0] ?? `unknown endpoint ${endpoint}`,
    tenant: named?.[1] ?? 'unknown',
    counters: { accepted, delivered, dead, cancelled, suppressed },
    rows: { pending: states[0] ?? 0, ...countsFrom(states.slice(1)) },
    pruned: countsFrom(pruned),
  };
}

/** What rows in a state are worth: how many, and the upper and the lower 32 bits of their amounts. */
const side = (state: number): Sql => {
  const only = `FILTER (WHERE d.state = ${state} AND e.currency IS NOT NULL)`;
  return raw(`count(*) FILTER (WHERE d.state = ${state}), coalesce(sum(e.amount_minor >> 32) ${only}, 0),
    coalesce(sum(e.amount_minor & 4294967295) ${only}, 0)`);
};
const counterSides = ['dead', 'dead_hi', 'dead_lo', 'suppressed', 'suppressed_hi', 'suppressed_lo'];
const rowSides = ['r1', 'r2', 'r3', 'r4', 'r5', 'r6'];
const compared = joined(
  [...counterSides, ...rowSides].map((name) => raw(`CAST(sum(u.${name}) AS bigint)`)),
  ', ',
);

type Read = Pick<Integrity, 'conservation' | 'worthComparisons' | 'fanOuts' | 'missing' | 'checkDigests'>;

const maxDeliveriesNamed = 100;

/** The digest of an event `e` as PostgreSQL computes it; SQLite lacks SHA-256, so what it is computed from. */
const digestNow: Sql = per(({ name }) =>
  raw(
    name === 'sqlite'
      ? `NULL, e.data, ${digestHeadSql('char(10)', (column) => column)}`
      : `${postgresDigest}, NULL, NULL`,
  ),
);

/** number, id, digest, what `digestNow` says, data_deleted_at, whether the data are `null` */
type DigestRow = readonly [
  number,
  string,
  string | null,
  string | null,
  string,
  string,
  number | null,
  number | boolean,
];

/** Deleted data leave nothing to compare, but they do leave the time, and nothing else: a marker alone hides no change. */
function isIntact([, , digest, computed, data, head, dataDeletedAt, isNull]: DigestRow): boolean {
  if (digest === deletedDigest || dataDeletedAt !== null)
    return digest === deletedDigest && dataDeletedAt !== null && Boolean(isNull);
  return digest === null || digest === (computed ?? digestOf(head, data));
}

export const integrityListings: Cold<Read> = {
  conservation: snapshot(function* () {
    const states = yield* countRows();
    const ledger = yield* rows(
      sql`SELECT endpoint, ${raw(ledgerColumns.map(total).join(', '))} FROM ${table('ledger')} GROUP BY endpoint`,
    );
    const counters = new Map(ledger.map(([endpoint, ...sums]) => [endpoint as number, sums as number[]]));
    const endpoints = yield* rows(sql`SELECT num, id, tenant FROM ${table('endpoints')}`);
    const names = new Map(
      endpoints.map(([num, id, tenant]) => [num as number, [id as string, tenant as string] as const]),
    );
    return [...new Set([...states.keys(), ...counters.keys(), ...names.keys()])].map((endpoint) =>
      conservationFrom(endpoint, names.get(endpoint), counters.get(endpoint), states.get(endpoint)),
    );
  }),

  /** An event that is missing is worth nothing that is known; its delivery is found by another check. */
  worthComparisons: separately(function* () {
    const found = yield* rows(
      sql`WITH u AS (
          SELECT endpoint, currency, ${raw(counterSides.join(', '))}, ${raw(rowSides.map((name) => `0 AS ${name}`).join(', '))} FROM ${table('worth')}
          UNION ALL
          SELECT d.endpoint, coalesce(e.currency, ''), 0, 0, 0, 0, 0, 0, ${side(2)}, ${side(4)}
          FROM ${table('deliveries')} d LEFT JOIN ${table('events')} e ON ${sameShard('e', 'd')}e.number = d.event_number
          WHERE d.state >= 2 AND d.state IN (2, 4) GROUP BY 1, 2)
        SELECT coalesce(p.id, 'unknown endpoint ' || u.endpoint), u.currency, ${compared}
        FROM u LEFT JOIN ${table('endpoints')} p ON p.num = u.endpoint GROUP BY 1, 2`,
    );
    return found.map(worthComparisonOf);
  }),

  /** One list of numbers after the other. */
  checkDigests: separately(function* (after, max) {
    const { shard, number } = after ?? { shard: 0, number: -1 };
    const events = (yield* rows(
      sql`SELECT e.number, e.id, e.digest, ${digestNow}, e.data_deleted_at, e.data = 'null' FROM ${table('events')} e
        WHERE ${inList('e', shard)} AND e.number > ${number} ORDER BY e.number ${limit(max)}`,
    )) as unknown as readonly DigestRow[];
    const findings: Finding[] = [];
    for (const row of events) {
      if (isIntact(row)) continue;
      const [event, eventId] = row;
      const deliveries = yield* rows(
        sql`SELECT d.number, p.id FROM ${table('deliveries')} d LEFT JOIN ${table('endpoints')} p ON p.num = d.endpoint
          WHERE ${isNumbered('d', 'event_number', event)} ORDER BY d.number ${limit(maxDeliveriesNamed)}`,
      );
      findings.push(...findingsOfEvent(eventId, deliveries as [number, string | null][]));
    }
    const { lists } = yield* session();
    const nextShard = shard + 1 < lists ? { shard: shard + 1, number: -1 } : null;
    return {
      findings,
      events: events.length,
      withoutDigest: events.filter(([, , digest]) => digest === null).length,
      dataDeleted: events.filter(([, , digest]) => digest === deletedDigest).length,
      next: events.length < max ? nextShard : { shard, number: events.at(-1)![0] },
    };
  }),

  fanOuts: snapshot(function* (max) {
    const [planned, made] = (yield* row(
      sql`SELECT ${raw(total('planned'))}, ${raw(total('made'))} FROM ${table('fan_out_ledger')}`,
    )) as [number, number];
    const [remaining] = (yield* row(
      sql`SELECT ${raw(total('remaining'))} FROM ${table('fan_out_events')}`,
    )) as [number];
    const underWay = yield* rows(
      sql`SELECT h.tenant, h.accepted_at, h.moved_at, (SELECT ${raw(total('f.remaining'))}
            FROM ${table('fan_outs')} o JOIN ${table('fan_out_events')} f ON f.fan_out = o.id WHERE o.tenant = h.tenant)
        FROM ${table('fan_outs')} h WHERE h.id IN (SELECT min(id) FROM ${table('fan_outs')} GROUP BY tenant)
        ORDER BY h.moved_at, h.id ${limit(max)}`,
    );
    return { planned, made, remaining, underWay: underWay.map(fanOutStateOf) };
  }),

  missing: snapshot(function* ({ tenant, since, until }, max) {
    const ofTenant = (column: string): Sql =>
      tenant === null ? raw('true') : sql`${raw(column)} = ${tenant}`;
    const sums = ledgerColumns.slice(5).map((name) => total(`l.${name}`));
    const [delivered, dead, cancelled, suppressed] = (yield* row(
      sql`SELECT ${raw(sums.join(', '))} FROM ${table('ledger')} l JOIN ${table('endpoints')} p ON p.num = l.endpoint
        WHERE ${ofTenant('p.tenant')} AND l.hour >= ${Math.floor(since / hourMs)} AND l.hour < ${Math.ceil(until / hourMs)}`,
    )) as [number, number, number, number];
    const events = yield* rows(
      sql`SELECT m.accepted_at, m.missing, CAST(m.amount_minor AS text), m.currency FROM (
          SELECT e.number, e.accepted_at, e.amount_minor, e.currency,
            e.deliveries - (SELECT count(*) FROM ${table('deliveries')} d WHERE ${sameShard('d', 'e')}d.event_number = e.number)
              - coalesce((SELECT f.remaining FROM ${table('fan_out_events')} f WHERE f.event_number = e.number), 0) AS missing
          FROM ${table('events')} e WHERE ${ofTenant('e.tenant')} AND e.accepted_at >= ${since} AND e.accepted_at < ${until}) m
        WHERE m.missing > 0 ORDER BY m.accepted_at, m.number ${limit(max)}`,
    );
    return { pruned: { delivered, dead, cancelled, suppressed }, events: events.map(missingEventFrom) };
  }),
};
