import { hourMs } from '../../domain/time.ts';
import { hoursOf } from '../folding.ts';
import type { OverviewQuery, PendingReading, UnmatchedType, Worth } from '../overview.ts';
import { overdueGraceMs } from '../rows.ts';
import { riskSumOf, worthColumns } from '../worth.ts';
import { counted } from './type-filter.ts';
import type { Database, Value } from './database.ts';
import { inList, tenantMatches, tenantValues } from './filter.ts';

const inScope = `${tenantMatches('p.tenant', 1, 2)} AND ${inList('p.id', 3)}`;
const scopeOf = (query: OverviewQuery): Value[] => [...tenantValues(query), query.endpointIds];

export async function readWorth(db: Database, query: OverviewQuery): Promise<Worth[]> {
  const { from, to } = hoursOf(query);
  const rows = await db.query(
    'worth',
    `SELECT p.id, nullif(l.currency, ''), ${worthColumns.map((name) => `sum(l.${name})::bigint`).join(', ')}
     FROM posthorn.worth l JOIN posthorn.endpoints p ON p.num = l.endpoint
     WHERE ${counted(db)} AND ${inScope} AND l.hour BETWEEN $4 AND $5 GROUP BY 1, 2`,
    [...scopeOf(query), from, to],
  );
  return rows.map((row) => ({
    endpointId: row[0] as string,
    currency: row[1] as string | null,
    dead: riskSumOf(row, 2),
    suppressed: riskSumOf(row, 5),
  }));
}

/** An event is looked up only for what is late. */
export async function readPendingWorth(
  db: Database,
  query: OverviewQuery,
  maxRows: number,
): Promise<PendingReading> {
  const from = query.since === null ? 0 : hoursOf(query).from * hourMs;
  const until = query.until === null ? Number.MAX_SAFE_INTEGER : (hoursOf(query).to + 1) * hourMs;
  const rows = await db.query(
    'pending_worth',
    `SELECT r.id, e.currency, count(*), count(*) FILTER (WHERE r.late),
       coalesce(sum(e.amount_minor >> 32), 0)::bigint, coalesce(sum(e.amount_minor & 4294967295), 0)::bigint,
       min(r.created_at) FILTER (WHERE r.late), count(*) FILTER (WHERE r.due_at < $4::bigint - ${overdueGraceMs}), r.counted
     FROM (SELECT p.id, d.shard, d.event_number, d.created_at, d.due_at, d.created_at >= $5::bigint AND d.created_at < $6::bigint AS counted,
         d.created_at < $4::bigint - (p.document ->> 'deliverWithinMs')::bigint AS late
       FROM posthorn.deliveries d JOIN posthorn.endpoints p ON p.num = d.endpoint
       WHERE d.state = 0 AND ${inScope} LIMIT $7) r
     -- LIMIT keeps the planner to a lookup by key.
     LEFT JOIN LATERAL (SELECT v.currency, v.amount_minor FROM posthorn.events v
       WHERE r.late AND v.shard = r.shard AND v.number = r.event_number LIMIT 1) e ON true
     GROUP BY r.id, e.currency, r.counted`,
    [...scopeOf(query), query.now, from, until, maxRows + 1],
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
    isWithin: row[8] === true,
  }));
  return { parts, read: Math.min(read, maxRows), isComplete: read <= maxRows };
}

export async function readUnmatchedTypes(
  db: Database,
  query: Omit<OverviewQuery, 'endpointIds'>,
  limit: number,
): Promise<UnmatchedType[]> {
  const { from, to } = hoursOf(query);
  const rows = await db.query(
    'unmatched_types',
    `SELECT l.tenant, l.type, sum(l.unmatched)::bigint FROM posthorn.event_ledger l
     WHERE ${counted(db)} AND ${tenantMatches('l.tenant', 1, 2)} AND l.hour BETWEEN $3 AND $4 AND l.unmatched > 0
     GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT $5`,
    [...tenantValues(query), from, to, limit],
  );
  return rows.map(([tenant, type, events]) => ({
    tenant: tenant as string,
    type: type as string,
    events: events as number,
  }));
}
