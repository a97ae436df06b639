import { hourMs } from '../../domain/time.ts';
import { hoursOf } from '../folding.ts';
import type { Overview, OverviewQuery } from '../overview.ts';
import { overdueGraceMs } from '../rows.ts';
import { riskSumOf, worthColumns } from '../worth.ts';
import { counterShards, sum, sums } from './counters.ts';
import { type Cold, separately } from './methods.ts';
import { all, bytewise, givenAnyOf, limit, ofTenants, table } from './pieces.ts';
import { per, raw, type Sql, sql } from './sql.ts';
import { rows } from './steps.ts';

const inScope = (query: OverviewQuery): Sql =>
  all([ofTenants('p.tenant', query), givenAnyOf('p.id', query.endpointIds)]);

/**
 * Pending deliveries `d` of the endpoints `p`. SQLite reads a scope's own ranges of the index, and all of them together in the
 * order of the index: by endpoint that took twice as long.
 */
const pendingOf = ({ tenants, endpointIds }: OverviewQuery): Sql =>
  per(({ name }) =>
    name === 'postgres'
      ? sql`posthorn.deliveries d JOIN p ON p.num = d.endpoint`
      : tenants === undefined && endpointIds === null
        ? sql`deliveries d CROSS JOIN p ON p.num = d.endpoint`
        : sql`p CROSS JOIN deliveries d ON d.endpoint = p.num`,
  );

/** The first `d` of these as rows `r`, with the currency and amount of the event if it is late: at most so many. */
const firstWithWorth = (columns: Sql, from: Sql, max: Sql): Sql => {
  const late = sql`d.created_at < p.late_before`;
  return per(({ name, isDistributed }) => {
    if (isDistributed)
      return sql`(SELECT ${columns}, ${late} AS late, e.currency, e.amount_minor FROM ${from}
        LEFT JOIN posthorn.events e ON ${late} AND e.shard = d.shard AND e.number = d.event_number WHERE d.state = 0 ${max}) r`;
    const first = (also: string): Sql =>
      sql`(SELECT ${columns}, ${raw(also)}d.event_number, ${late} AS late FROM ${from} WHERE d.state = 0 ${max}) r`;
    // The limit keeps the planner of PostgreSQL to a lookup by key.
    return name === 'sqlite'
      ? sql`${first('')} LEFT JOIN events e ON r.late AND e.number = r.event_number`
      : sql`${first('d.shard, ')} LEFT JOIN LATERAL (SELECT v.currency, v.amount_minor FROM posthorn.events v
          WHERE r.late AND v.shard = r.shard AND v.number = r.event_number LIMIT 1) e ON true`;
  });
};

/** Hours `l` in which these published. */
function published(query: Omit<OverviewQuery, 'endpointIds'>): Sql {
  const { from, to } = hoursOf(query);
  return all([counterShards('l'), ofTenants('l.tenant', query), sql`l.hour BETWEEN ${from} AND ${to}`]);
}

export const overviewListings: Cold<Overview> = {
  worth: separately(function* (query) {
    const { from, to } = hoursOf(query);
    const found = yield* rows(
      sql`SELECT p.id, nullif(l.currency, ''), ${sums(worthColumns)} FROM ${table('worth')} l JOIN ${table('endpoints')} p ON p.num = l.endpoint
        WHERE ${all([counterShards('l'), inScope(query), sql`l.hour BETWEEN ${from} AND ${to}`])} GROUP BY p.id, l.currency`,
    );
    return found.map((row) => ({
      endpointId: row[0] as string,
      currency: row[1] as string | null,
      dead: riskSumOf(row, 2),
      suppressed: riskSumOf(row, 5),
    }));
  }),

  pendingWorth: separately(function* (query, maxRows) {
    const { now } = query;
    const from = query.since === null ? 0 : hoursOf(query).from * hourMs;
    const until = query.until === null ? Number.MAX_SAFE_INTEGER : (hoursOf(query).to + 1) * hourMs;
    const columns = sql`p.id, d.created_at, d.due_at, d.created_at >= ${from} AND d.created_at < ${until} AS counted`;
    const found = yield* rows(
      sql`WITH p AS MATERIALIZED (
          SELECT p.num, p.id, ${now} - CAST(p.document ->> 'deliverWithinMs' AS bigint) AS late_before FROM ${table('endpoints')} p
          WHERE ${inScope(query)})
        SELECT r.id, currency, count(*), count(*) FILTER (WHERE r.late), coalesce(${sum('amount_minor >> 32')}, 0),
          coalesce(${sum('amount_minor & 4294967295')}, 0), min(r.created_at) FILTER (WHERE r.late),
          count(*) FILTER (WHERE r.due_at < ${now - overdueGraceMs}), r.counted
        FROM ${firstWithWorth(columns, pendingOf(query), limit(maxRows + 1))}
        GROUP BY r.id, currency, r.counted`,
    );
    const read = found.reduce((total, row) => total + (row[2] as number), 0);
    const parts = found.map((row) => ({
      endpointId: row[0] as string,
      currency: row[1] as string | null,
      pending: row[2] as number,
      late: row[3] as number,
      lateAmountMinor: riskSumOf(row, 3).amountMinor,
      oldestLateAt: row[6] as number | null,
      overdue: row[7] as number,
      isWithin: Boolean(row[8]),
    }));
    return { parts, read: Math.min(read, maxRows), isComplete: read <= maxRows };
  }),

  publishedTypes: separately(function* (query, max) {
    const found = yield* rows(
      sql`SELECT DISTINCT ${bytewise('l.type')} FROM ${table('event_ledger')} l WHERE ${published(query)} ORDER BY 1 ${limit(max)}`,
    );
    return found.map(([type]) => type as string);
  }),

  unmatchedTypes: separately(function* (query, max) {
    const found = yield* rows(
      sql`SELECT l.tenant, l.type, ${sum('l.unmatched')} FROM ${table('event_ledger')} l
        WHERE ${published(query)} AND l.unmatched > 0
        GROUP BY l.tenant, l.type ORDER BY 3 DESC, 1, 2 ${limit(max)}`,
    );
    return found.map(([tenant, type, events]) => ({
      tenant: tenant as string,
      type: type as string,
      events: events as number,
    }));
  }),
};
