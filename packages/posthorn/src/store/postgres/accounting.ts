import type { AccountingKey } from '../../domain/accounting.ts';
import {
  type AccountingCounts,
  type AccountingGroup,
  type AccountingQuery,
  type CountsQuery,
  maxHeldCounted,
  type OverdueGroup,
  type TallyRange,
  type TypeTally,
  usualValueRows,
} from '../accounting.ts';
import { addLatencies, hoursOf } from '../folding.ts';
import { type HeldCount, withHeld } from '../held.ts';
import type { SeriesEndpoint } from '../series-groups.ts';
import { failureOf, groupTallies, overdueGraceMs, tallyColumns, tallyOf } from '../rows.ts';
import { blockedBySql, blocksKeysSql } from './blocking-sql.ts';
import type { Connection, Database, Value } from './database.ts';
import { inList, tenantMatches, tenantValues } from './filter.ts';
import { hourMs, minuteMs } from '../../domain/time.ts';
import { counted, typeMatches, typeValues } from './type-filter.ts';
import { readValueAtRisk } from './value-at-risk.ts';

export const sums = tallyColumns.map((name) => `sum(l.${name})::bigint`).join(', ');

export async function chooseEndpoints(
  connection: Connection,
  query: Omit<AccountingQuery, 'now'>,
): Promise<SeriesEndpoint[]> {
  const rows = await connection.query(
    'accounting_endpoints',
    `SELECT num, id, tenant, document ->> 'owner', (document ->> 'deliverWithinMs')::bigint FROM posthorn.endpoints
     WHERE ${tenantMatches('tenant', 1, 2)} AND ${inList('id', 3)} AND ${inList("document ->> 'owner'", 4)}`,
    [...tenantValues(query), query.endpointIds, query.owners],
  );
  return rows.map((row) => ({
    num: row[0] as number,
    id: row[1] as string,
    tenant: row[2] as string,
    owner: row[3] as string | null,
    deliverWithinMs: row[4] as number,
  }));
}

const booksOf = (at: Connection): string =>
  `FROM posthorn.ledger l WHERE ${counted(at)} AND l.endpoint = ANY ($1::int[]) AND l.hour BETWEEN $2 AND $3`;
const talliesOf = (
  at: Connection,
): string => `FROM posthorn.tallies l WHERE ${counted(at)} AND l.endpoint = ANY ($1::int[])
  AND l.minute >= $2::int * 60 AND l.minute < ($3::int + 1) * 60 AND ${typeMatches('l.type', 4)}`;

export async function readAccountingBy(
  db: Database,
  query: AccountingQuery,
  by: AccountingKey,
): Promise<AccountingGroup[]> {
  const { from, to } = hoursOf(query);
  return await db.snapshot(async (connection) => {
    const chosen = await chooseEndpoints(connection, query);
    const nums = chosen.map(({ num }) => num);
    const { eventTypes } = query;
    // By type there are many more rows: only who asks for types reads them.
    const rows =
      by === 'event_type' || eventTypes !== null
        ? await connection.query(
            `accounting_types_${by}`,
            `SELECT l.endpoint, ${by === 'event_type' ? 'l.type' : by === 'hour' ? 'l.minute / 60' : by === 'day' ? 'l.minute / 1440' : "''"},
               ${sums} ${talliesOf(connection)} GROUP BY 1, 2`,
            [nums, from, to, ...typeValues(eventTypes)],
          )
        : await connection.query(
            `accounting_by_${by}`,
            `SELECT l.endpoint, ${by === 'hour' ? 'l.hour' : by === 'day' ? 'l.hour / 24' : "''"}, ${sums} ${booksOf(connection)} GROUP BY 1, 2`,
            [nums, from, to],
          );
    return groupTallies(rows, chosen, by);
  });
}

export async function readAccounting(db: Database, query: CountsQuery): Promise<AccountingCounts> {
  const { now, eventTypes } = query;
  const { from, to } = hoursOf(query);
  const types = typeValues(eventTypes);
  return await db.snapshot(async (connection) => {
    const nums = (await chooseEndpoints(connection, query)).map(({ num }) => num);
    const window: Value[] = [nums, from, to, ...types];
    const [row] =
      eventTypes === null
        ? await connection.query('accounting', `SELECT ${sums} ${booksOf(connection)}`, [nums, from, to])
        : await connection.query('accounting_of_type', `SELECT ${sums} ${talliesOf(connection)}`, window);
    const { superseded, ...counts } = tallyOf(row!, 0);
    const [events] = await connection.query(
      'accounting_events',
      `SELECT sum(events)::bigint, sum(unmatched)::bigint FROM posthorn.event_ledger
       WHERE ${tenantMatches('tenant', 1, 2)} AND hour BETWEEN $3 AND $4 AND ${typeMatches('type', 5)}`,
      [...tenantValues(query), from, to, ...types],
    );
    const [waiting] = await connection.query(
      eventTypes === null ? 'accounting_pending' : 'accounting_pending_of_type',
      `SELECT count(*), count(*) FILTER (WHERE d.due_at < $4::bigint - ${overdueGraceMs}),
         count(*) FILTER (WHERE d.created_at < $4::bigint - (p.document ->> 'deliverWithinMs')::bigint)
       FROM posthorn.deliveries d JOIN posthorn.endpoints p ON p.num = d.endpoint
       WHERE d.state = 0 AND d.endpoint = ANY ($1::int[]) AND d.created_at >= $2::bigint * ${hourMs}
         AND d.created_at < ($3::bigint + 1) * ${hourMs}
       ${
         eventTypes === null
           ? ''
           : `AND EXISTS (SELECT FROM posthorn.events e WHERE e.shard = d.shard AND e.number = d.event_number AND ${typeMatches('e.type', 5)})`
       }`,
      [nums, from, to, now, ...(eventTypes === null ? [] : types)],
    );
    const hours = await connection.query(
      'accounting_latency',
      `SELECT l.bucket, sum(l.count)::bigint FROM posthorn.latency l
       WHERE ${counted(connection)} AND l.endpoint = ANY ($1::int[]) AND l.hour BETWEEN $2 AND $3 AND ${typeMatches('l.type', 4)} GROUP BY l.bucket`,
      window,
    );
    const days = await connection.query(
      'accounting_latency_days',
      `SELECT '[' || string_agg(l.counts::text, ',') || ']' FROM posthorn.latency_days l
       WHERE ${counted(connection)} AND l.endpoint = ANY ($1::int[]) AND l.day BETWEEN $2::int / 24 AND $3::int / 24 AND ${typeMatches('l.type', 4)} GROUP BY l.endpoint`,
      window,
    );
    const failures = await connection.query(
      'accounting_failures',
      `SELECT l.class, sum(l.count)::bigint FROM posthorn.failures l
       WHERE ${counted(connection)} AND l.endpoint = ANY ($1::int[]) AND l.hour BETWEEN $2 AND $3 AND ${typeMatches('l.type', 4)}
       GROUP BY l.class ORDER BY 2 DESC, 1`,
      window,
    );
    const risk = await readValueAtRisk(connection, {
      endpoints: nums,
      from,
      to,
      eventTypes: query.eventTypes,
      maxRows: query.maxValueRows ?? usualValueRows,
    });
    return {
      ...counts,
      events: (events![0] as number | null) ?? 0,
      unmatched: (events![1] as number | null) ?? 0,
      pending: waiting![0] as number,
      overdue: waiting![1] as number,
      late: counts.late + (waiting![2] as number),
      supersededAttempts: superseded,
      failures: failures.map(failureOf),
      latency: addLatencies(
        hours.map(([bucket, count]) => ({ bucket: bucket as number, count: count as number })),
        days.map(([counts]) => counts as string),
      ),
      valueAtRisk: risk.money,
      valueCounted: { by: risk.by, isComplete: risk.isComplete },
    };
  });
}

export async function readTallies(
  db: Database,
  ranges: readonly TallyRange[],
): Promise<(readonly TypeTally[])[]> {
  const rows = await db.query(
    'tallies',
    `SELECT ${sums}, sum(l.recovered)::bigint, sum(l.held_late)::bigint, l.type, r.ord
     FROM unnest($1::text[], $2::int[], $3::int[]) WITH ORDINALITY AS r (id, since, until, ord)
     JOIN posthorn.endpoints p ON p.id = r.id
     JOIN posthorn.tallies l ON ${counted(db)} AND l.endpoint = p.num AND l.minute >= r.since AND l.minute < r.until
     GROUP BY r.ord, l.type`,
    [
      ranges.map(({ endpointId }) => endpointId),
      ranges.map(({ since }) => Math.floor(since / minuteMs)),
      ranges.map(({ until }) => Math.floor(until / minuteMs)),
    ],
  );
  const answer: TypeTally[][] = ranges.map(() => []);
  for (const row of rows) {
    answer[(row[tallyColumns.length + 3] as number) - 1]!.push({
      ...tallyOf(row, 0),
      recovered: row[tallyColumns.length] as number,
      heldLate: row[tallyColumns.length + 1] as number,
      held: 0,
      eventType: row[tallyColumns.length + 2] as string,
    });
  }
  return withHeld(
    answer,
    ranges,
    await readHeld(db, [...new Set(ranges.map(({ endpointId }) => endpointId))]),
  );
}

export async function readOverdue(db: Database, dueBefore: number): Promise<OverdueGroup[]> {
  const rows = await db.query(
    'overdue',
    `SELECT p.id, p.document ->> 'owner', d.count, d.oldest,
       (SELECT count(*) FROM posthorn.deliveries c
        WHERE c.state = 0 AND c.endpoint = p.num AND c.due_at >= $1 AND c.claimed_by IS NOT NULL),
       CASE WHEN p.throttled_until > $1 THEN p.throttled_until END
     FROM posthorn.endpoints p CROSS JOIN LATERAL (
       SELECT count(*) AS count, min(CASE WHEN d.due_at < $1 THEN d.due_at ELSE d.created_at END) AS oldest
       FROM posthorn.deliveries d
       WHERE d.state = 0 AND d.endpoint = p.num
         AND d.due_at < CASE WHEN p.throttled_until > $1 THEN ${Number.MAX_SAFE_INTEGER} ELSE $1::bigint END
         AND (d.due_at < $1 OR (d.claimed_by IS NULL AND d.created_at < $1))) d
     WHERE p.enabled AND p.deleted_at IS NULL AND d.count > 0`,
    [dueBefore],
  );
  return rows.map((row) => ({
    endpointId: row[0] as string,
    owner: row[1] as string | null,
    count: row[2] as number,
    oldestDueAt: row[3] as number,
    claimed: row[4] as number,
    throttledUntil: row[5] as number | null,
  }));
}

/** Endpoints whose dead letters block nothing are read no further. */
export async function readHeld(db: Database, endpointIds: readonly string[]): Promise<HeldCount[]> {
  const rows = await db.query(
    'held',
    `SELECT p.id, h.type, h.minute, count(*) FROM posthorn.endpoints p CROSS JOIN LATERAL (
       SELECT e.type, d.created_at / ${minuteMs} AS minute
       FROM posthorn.deliveries d JOIN posthorn.events e ON e.shard = d.shard AND e.number = d.event_number
       WHERE d.endpoint = p.num AND d.state = 0 AND d.order_key IS NOT NULL AND d.attempts = 0 AND ${blockedBySql} IS NOT NULL
       LIMIT ${maxHeldCounted}) h
     WHERE p.id = ANY ($1::text[]) AND ${blocksKeysSql} GROUP BY p.id, h.type, h.minute`,
    [endpointIds],
  );
  return rows.map(([endpointId, eventType, minute, count]) => ({
    endpointId: endpointId as string,
    eventType: eventType as string,
    minute: minute as number,
    count: count as number,
  }));
}
