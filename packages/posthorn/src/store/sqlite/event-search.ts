import type { SQLInputValue } from 'node:sqlite';
import {
  type EndpointNameQuery,
  type EventSearch,
  type FoundEndpoint,
  type FoundEvent,
  likeText,
  maxTenants,
  maxTypeRows,
  type NameQuery,
} from '../event-search.ts';
import { attemptOf, foundEventOf } from '../rows.ts';
import { endOf, partTo, remaining, type SearchPage, type SearchStep, stepFrom } from '../search.ts';
import type { AttemptRecord } from '../store.ts';
import { findEventNumber } from './accept.ts';
import type { Database } from './database.ts';
import { inList, listValue, tenantMatches, tenantValues } from './filter.ts';
import { walkTo } from './search.ts';

export function searchEvents(db: Database, search: EventSearch, page: SearchPage): SearchStep {
  const { order, limit, maxRows } = page;
  const range = remaining(page);
  if (range === null) return { numbers: [], rowsRead: 0, next: null, searchedTo: null };
  return db.snapshot(() => {
    const { end, rowsRead } = walkTo(db, 'events', range, order, maxRows);
    const part = partTo(range, end ?? endOf(range, order), order);
    const { endpointIds, matched } = search;
    const ofEndpoints = `EXISTS (SELECT 1 FROM deliveries d JOIN endpoints p ON p.num = d.endpoint
      WHERE d.event_number = e.number AND p.id IN (SELECT value FROM json_each(?10)))`;
    const values: SQLInputValue[] = [
      part.first,
      part.last,
      ...tenantValues(search),
      listValue(search.types),
      listValue(search.orderingKeys),
      search.since ?? null,
      search.until ?? null,
      limit,
      ...(endpointIds === undefined ? [] : [listValue(endpointIds)]),
    ];
    const numbers = db
      .all(
        `SELECT e.number FROM events e NOT INDEXED WHERE e.number BETWEEN ?1 AND ?2 AND ${tenantMatches('e.tenant', 3, 4)}
           AND ${inList('e.type', 5)} AND ${inList('e.ordering_key', 6)}
           AND (?7 IS NULL OR e.accepted_at >= ?7) AND (?8 IS NULL OR e.accepted_at < ?8)
           ${matched === undefined ? '' : `AND e.deliveries ${matched ? '>' : '='} 0`}
           ${endpointIds === undefined ? '' : `AND ${ofEndpoints}`}
         ORDER BY e.number ${order} LIMIT +?9`,
        ...values,
      )
      .map(([number]) => number as number);
    const step = stepFrom(numbers, page, rowsRead, end);
    const row =
      step.next === null ? undefined : db.get('SELECT accepted_at FROM events WHERE number = ?', step.next);
    return { ...step, searchedTo: (row?.[0] as number | undefined) ?? null };
  });
}

export function foundEvents(db: Database, numbers: readonly number[]): FoundEvent[] {
  const rows = db.all(
    `SELECT number, tenant, id, type, accepted_at, occurred_at, ordering_key, CAST(amount_minor AS TEXT), currency, deliveries, suppressed
     FROM events WHERE number IN (SELECT value FROM json_each(?))`,
    JSON.stringify(numbers),
  );
  const found = new Map(rows.map((row) => [row[0] as number, foundEventOf(row)]));
  return numbers.flatMap((number) => found.get(number) ?? []);
}

export function eventsById(db: Database, id: string, tenants: readonly string[] | undefined): number[] {
  const asked =
    tenants ??
    db
      .all(`SELECT DISTINCT tenant FROM event_ledger LIMIT ${maxTenants}`)
      .map(([tenant]) => tenant as string);
  return asked.flatMap((tenant) => findEventNumber(db, tenant, id) ?? []);
}

export function attemptsOf(
  db: Database,
  numbers: readonly number[],
): (AttemptRecord & { readonly delivery: number })[] {
  return db
    .all(
      `SELECT n, started_at, duration_ms, status_code, outcome, error_class, message, response_excerpt, trigger, node, lease_until, wire, delivery
       FROM attempts WHERE delivery IN (SELECT value FROM json_each(?)) ORDER BY delivery, n`,
      JSON.stringify(numbers),
    )
    .map((row) => ({ ...attemptOf(row), delivery: row[12] as number }));
}

export function findEndpoints(
  db: Database,
  { text, limit, ids, byOwner, ...tenants }: EndpointNameQuery,
): FoundEndpoint[] {
  return db
    .all(
      `SELECT id, tenant, name, json_extract(document, '$.url') AS url, json_extract(document, '$.owner') AS owner FROM endpoints
       WHERE deleted_at IS NULL AND ${tenantMatches('tenant', 1, 2)} AND ${inList('id', 3)}
         AND (url LIKE ?4 ESCAPE '\\' OR name LIKE ?4 ESCAPE '\\' OR (?6 AND owner LIKE ?4 ESCAPE '\\')) ORDER BY url, id LIMIT +?5`,
      ...tenantValues(tenants),
      listValue(ids),
      likeText(text),
      limit,
      Number(byOwner),
    )
    .map(([id, tenant, name, url, owner]) => ({
      id: id as string,
      tenant: tenant as string,
      name: name as string | null,
      url: url as string,
      owner: owner as string | null,
    }));
}

export function findEventTypes(db: Database, { text, limit, ...tenants }: NameQuery): string[] {
  return db
    .all(
      `SELECT DISTINCT type FROM (SELECT type FROM event_ledger WHERE ${tenantMatches('tenant', 1, 2)} LIMIT ${maxTypeRows})
       WHERE type LIKE ?3 ESCAPE '\\' ORDER BY type LIMIT +?4`,
      ...tenantValues(tenants),
      likeText(text),
      limit,
    )
    .map(([type]) => type as string);
}
