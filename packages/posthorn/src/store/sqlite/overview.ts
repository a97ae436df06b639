import { hourMs } from '../../domain/time.ts';
import { hoursOf } from '../folding.ts';
import type { OverviewQuery, PendingReading, UnmatchedType, Worth } from '../overview.ts';
import { overdueGraceMs } from '../rows.ts';
import { riskSumOf, worthColumns } from '../worth.ts';
import type { Database } from './database.ts';
import { inList, listValue, tenantMatches, tenantValues } from './filter.ts';

const inScope = `${tenantMatches('p.tenant', 1, 2)} AND ${inList('p.id', 3)}`;
const scopeOf = (query: OverviewQuery): (string | null)[] => [
  ...tenantValues(query),
  listValue(query.endpointIds),
];

export function readWorth(db: Database, query: OverviewQuery): Worth[] {
  const { from, to } = hoursOf(query);
  return db
    .all(
      `SELECT p.id, nullif(l.currency, ''), ${worthColumns.map((name) => `sum(l.${name})`).join(', ')}
       FROM worth l JOIN endpoints p ON p.num = l.endpoint
       WHERE ${inScope} AND l.hour BETWEEN ?4 AND ?5 GROUP BY p.id, l.currency`,
      ...scopeOf(query),
      from,
      to,
    )
    .map((row) => ({
      endpointId: row[0] as string,
      currency: row[1] as string | null,
      dead: riskSumOf(row, 2),
      suppressed: riskSumOf(row, 5),
    }));
}

/** Rows in the order of the index of pending ones; an event is looked up only for what is late. */
export function readPendingWorth(db: Database, query: OverviewQuery, maxRows: number): PendingReading {
  const isEverything = query.tenants === undefined && query.endpointIds === null;
  const from = query.since === null ? 0 : hoursOf(query).from * hourMs;
  const until = query.until === null ? Number.MAX_SAFE_INTEGER : (hoursOf(query).to + 1) * hourMs;
  return db.snapshot(() => {
    // A scope of few endpoints reads their own ranges of the index; all of them together are read as the index has them.
    const of = isEverything
      ? 'deliveries d CROSS JOIN p ON p.num = d.endpoint'
      : 'p CROSS JOIN deliveries d ON d.endpoint = p.num';
    const rows = db.all(
      `WITH p AS MATERIALIZED (
         SELECT p.num, p.id, json_extract(p.document, '$.deliverWithinMs') AS within FROM endpoints p WHERE ${inScope})
       SELECT r.id, nullif(ifnull(e.currency, ''), ''), count(*), sum(r.late),
         sum(iif(r.late, ifnull(e.amount_minor, 0) >> 32, 0)), sum(iif(r.late, ifnull(e.amount_minor, 0) & 4294967295, 0)),
         min(iif(r.late, r.created_at, NULL)), sum(r.due_at < ?4 - ${overdueGraceMs}), r.counted
       FROM (SELECT p.id, d.event_number, d.created_at, d.due_at, d.created_at >= ?5 AND d.created_at < ?6 AS counted,
           d.created_at < ?4 - p.within AS late
         FROM ${of} WHERE d.state = 0 LIMIT ?7) r
       LEFT JOIN events e ON r.late AND e.number = r.event_number
       GROUP BY r.id, 2, r.counted`,
      ...scopeOf(query),
      query.now,
      from,
      until,
      maxRows + 1,
    );
    const read = rows.reduce((sum, row) => sum + (row[2] as number), 0);
    const parts = rows.map((row) => ({
      endpointId: row[0] as string,
      currency: row[1] as string | null,
      pending: row[2] as number,
      late: row[3] as number,
      lateAmountMinor: riskSumOf(row, 3).amountMinor,
      oldestLateAt: row[6] as number | null,
      overdue: row[7] as number,
      isWithin: row[8] === 1,
    }));
    return { parts, read: Math.min(read, maxRows), isComplete: read <= maxRows };
  });
}

export function readUnmatchedTypes(
  db: Database,
  query: Omit<OverviewQuery, 'endpointIds'>,
  limit: number,
): UnmatchedType[] {
  const { from, to } = hoursOf(query);
  return db
    .all(
      `SELECT l.tenant, l.type, sum(l.unmatched) FROM event_ledger l
       WHERE ${tenantMatches('l.tenant', 1, 2)} AND l.hour BETWEEN ?3 AND ?4 AND l.unmatched > 0
       GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT +?5`,
      ...tenantValues(query),
      from,
      to,
      limit,
    )
    .map(([tenant, type, events]) => ({
      tenant: tenant as string,
      type: type as string,
      events: events as number,
    }));
}
