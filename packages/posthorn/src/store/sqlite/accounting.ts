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
import type { Database } from './database.ts';
import { inList, listValue, tenantMatches, tenantValues } from './filter.ts';
import { hourMs, minuteMs } from '../../domain/time.ts';
import { typeMatches, typeValues } from './type-filter.ts';
import { readValueAtRisk } from './value-at-risk.ts';

export const sums = tallyColumns.map((name) => `sum(l.${name})`).join(', ');

export function chooseEndpoints(db: Database, query: Omit<AccountingQuery, 'now'>): SeriesEndpoint[] {
  return db
    .all(
      `SELECT num, id, tenant, json_extract(document, '$.owner'), json_extract(document, '$.deliverWithinMs') FROM endpoints
       WHERE ${tenantMatches('tenant', 1, 2)} AND ${inList('id', 3)} AND ${inList("json_extract(document, '$.owner')", 4)}`,
      ...tenantValues(query),
      listValue(query.endpointIds),
      listValue(query.owners),
    )
    .map((row) => ({
      num: row[0] as number,
      id: row[1] as string,
      tenant: row[2] as string,
      owner: row[3] as string | null,
      deliverWithinMs: row[4] as number,
    }));
}

export function readAccountingBy(db: Database, query: AccountingQuery, by: AccountingKey): AccountingGroup[] {
  const { from, to } = hoursOf(query);
  return db.snapshot(() => {
    const chosen = chooseEndpoints(db, query);
    const nums = JSON.stringify(chosen.map(({ num }) => num));
    // By type there are many more rows: only who asks for types reads them.
    const rows =
      by === 'event_type' || query.eventTypes !== null
        ? db.all(
            `SELECT l.endpoint, ${by === 'event_type' ? 'l.type' : by === 'hour' ? 'l.minute / 60' : by === 'day' ? 'l.minute / 1440' : "''"} AS key,
               ${sums}
             FROM json_each(?1) n CROSS JOIN tallies l ON l.shard = 0 AND l.endpoint = n.value AND l.minute >= ?2 AND l.minute < ?3
             WHERE ${typeMatches('l.type', 4)} GROUP BY 1, 2`,
            nums,
            from * 60,
            (to + 1) * 60,
            ...typeValues(query.eventTypes),
          )
        : db.all(
            `SELECT l.endpoint, ${by === 'hour' ? 'l.hour' : by === 'day' ? 'l.hour / 24' : "''"} AS key, ${sums}
             FROM json_each(?1) n CROSS JOIN ledger l ON l.shard = 0 AND l.endpoint = n.value AND l.hour BETWEEN ?2 AND ?3 GROUP BY 1, 2`,
            nums,
            from,
            to,
          );
    return groupTallies(rows, chosen, by);
  });
}

export function readAccounting(db: Database, query: CountsQuery): AccountingCounts {
  const { now, eventTypes } = query;
  const { from, to } = hoursOf(query);
  const types = typeValues(eventTypes);
  return db.snapshot(() => {
    const chosen = chooseEndpoints(db, query);
    const nums = JSON.stringify(chosen.map(({ num }) => num));
    const window = [nums, from, to, ...types] as const;
    const total = tallyOf(
      (eventTypes === null
        ? db.get(
            `SELECT ${sums} FROM json_each(?1) n CROSS JOIN ledger l ON l.shard = 0 AND l.endpoint = n.value AND l.hour BETWEEN ?2 AND ?3`,
            nums,
            from,
            to,
          )
        : db.get(
            `SELECT ${sums} FROM json_each(?1) n
             CROSS JOIN tallies l ON l.shard = 0 AND l.endpoint = n.value AND l.minute >= ?2 * 60 AND l.minute < (?3 + 1) * 60
             WHERE ${typeMatches('l.type', 4)}`,
            ...window,
          ))!,
      0,
    );
    const events = db.get(
      `SELECT sum(l.events), sum(l.unmatched) FROM event_ledger l
       WHERE ${tenantMatches('l.tenant', 1, 2)} AND l.hour BETWEEN ?3 AND ?4 AND ${typeMatches('l.type', 5)}`,
      ...tenantValues(query),
      from,
      to,
      ...types,
    )!;
    const ofType =
      eventTypes === null
        ? ''
        : `AND EXISTS (SELECT 1 FROM events e WHERE e.number = d.event_number AND ${typeMatches('e.type', 6)})`;
    let pending = 0;
    let overdue = 0;
    let latePending = 0;
    // Each endpoint has its own range of the pending index.
    for (const { num, deliverWithinMs } of chosen) {
      const row = db.get(
        `SELECT count(*), sum(d.due_at < ?1), sum(d.created_at < ?2) FROM deliveries d
         WHERE d.state = 0 AND d.endpoint = ?3 AND d.created_at >= ?4 AND d.created_at < ?5 ${ofType}`,
        now - overdueGraceMs,
        now - deliverWithinMs,
        num,
        from * hourMs,
        (to + 1) * hourMs,
        ...(eventTypes === null ? [] : types),
      )!;
      pending += row[0] as number;
      overdue += (row[1] as number | null) ?? 0;
      latePending += (row[2] as number | null) ?? 0;
    }
    const hours = db
      .all(
        `SELECT l.bucket, sum(l.count) FROM json_each(?1) n
         CROSS JOIN latency l ON l.shard = 0 AND l.endpoint = n.value AND l.hour BETWEEN ?2 AND ?3
         WHERE ${typeMatches('l.type', 4)} GROUP BY l.bucket`,
        ...window,
      )
      .map(([bucket, count]) => ({ bucket: bucket as number, count: count as number }));
    const days = db
      .all(
        `SELECT '[' || group_concat(l.counts) || ']' FROM json_each(?1) n
         CROSS JOIN latency_days l ON l.endpoint = n.value AND l.day BETWEEN ?2 / 24 AND ?3 / 24
         WHERE ${typeMatches('l.type', 4)} GROUP BY l.endpoint`,
        ...window,
      )
      .map(([counts]) => counts as string);
    const failures = db
      .all(
        `SELECT l.class, sum(l.count) FROM json_each(?1) n
         CROSS JOIN failures l ON l.shard = 0 AND l.endpoint = n.value AND l.hour BETWEEN ?2 AND ?3
         WHERE ${typeMatches('l.type', 4)} GROUP BY l.class ORDER BY 2 DESC, 1`,
        ...window,
      )
      .map(failureOf);
    const risk = readValueAtRisk(db, {
      endpoints: chosen.map(({ num }) => num),
      from,
      to,
      eventTypes,
      maxRows: query.maxValueRows ?? usualValueRows,
    });
    const { superseded, ...counts } = total;
    return {
      ...counts,
      events: (events[0] as number | null) ?? 0,
      unmatched: (events[1] as number | null) ?? 0,
      pending,
      overdue,
      late: total.late + latePending,
      supersededAttempts: superseded,
      failures,
      latency: addLatencies(hours, days),
      valueAtRisk: risk.money,
      valueCounted: { by: risk.by, isComplete: risk.isComplete },
    };
  });
}

export function readTallies(db: Database, ranges: readonly TallyRange[]): (readonly TypeTally[])[] {
  return db.snapshot(() => {
    const tallies = ranges.map(({ endpointId, since, until }) =>
      db
        .all(
          `SELECT ${sums}, sum(l.recovered), sum(l.held_late), l.type FROM endpoints p
           CROSS JOIN tallies l ON l.shard = 0 AND l.endpoint = p.num AND l.minute >= ? AND l.minute < ?
           WHERE p.id = ? GROUP BY l.type`,
          Math.floor(since / minuteMs),
          Math.floor(until / minuteMs),
          endpointId,
        )
        .map((row) => ({
          ...tallyOf(row, 0),
          recovered: row[tallyColumns.length] as number,
          heldLate: row[tallyColumns.length + 1] as number,
          held: 0,
          eventType: row[tallyColumns.length + 2] as string,
        })),
    );
    return withHeld(tallies, ranges, readHeld(db, [...new Set(ranges.map(({ endpointId }) => endpointId))]));
  });
}

export function readOverdue(db: Database, dueBefore: number): OverdueGroup[] {
  return db.snapshot(() =>
    db
      .all(
        `SELECT p.id, json_extract(p.document, '$.owner'), count(*), min(iif(d.due_at < ?1, d.due_at, d.created_at)),
           (SELECT count(*) FROM deliveries c WHERE c.state = 0 AND c.endpoint = p.num AND c.due_at >= ?1 AND c.claimed_by IS NOT NULL),
           iif(p.throttled_until > ?1, p.throttled_until, NULL)
         FROM endpoints p CROSS JOIN deliveries d ON d.state = 0 AND d.endpoint = p.num
           AND d.due_at < iif(p.throttled_until > ?1, ${Number.MAX_SAFE_INTEGER}, ?1)
           AND (d.due_at < ?1 OR (d.claimed_by IS NULL AND d.created_at < ?1))
         WHERE p.enabled = 1 AND p.deleted_at IS NULL GROUP BY p.num`,
        dueBefore,
      )
      .map((row) => ({
        endpointId: row[0] as string,
        owner: row[1] as string | null,
        count: row[2] as number,
        oldestDueAt: row[3] as number,
        claimed: row[4] as number,
        throttledUntil: row[5] as number | null,
      })),
  );
}

/** Oldest keys first. Endpoints whose dead letters block nothing are read no further. */
export function readHeld(db: Database, endpointIds: readonly string[]): HeldCount[] {
  return db
    .all(
      `SELECT h.id, h.type, h.minute, count(*) FROM (
         SELECT p.id, e.type, d.created_at / ${minuteMs} AS minute FROM endpoints p CROSS JOIN deliveries d JOIN events e ON e.number = d.event_number
         WHERE p.id IN (SELECT value FROM json_each(?)) AND ${blocksKeysSql} AND d.endpoint = p.num AND d.state = 0
           AND d.order_key IS NOT NULL AND d.attempts = 0 AND ${blockedBySql} IS NOT NULL LIMIT ${maxHeldCounted}) h
       GROUP BY h.id, h.type, h.minute`,
      JSON.stringify(endpointIds),
    )
    .map(([endpointId, eventType, minute, count]) => ({
      endpointId: endpointId as string,
      eventType: eventType as string,
      minute: minute as number,
      count: count as number,
    }));
}
