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
import { shardOfNumber } from '../../domain/ids.ts';
import { attemptOf, foundEventOf } from '../rows.ts';
import { remaining, type SearchPage, type SearchStep, stepFrom } from '../search.ts';
import type { AttemptRecord } from '../store.ts';
import { findEventNumbers } from './accept.ts';
import type { Database } from './database.ts';
import { inList, tenantMatches, tenantValues } from './filter.ts';
import { allShards, madeAt, walk } from './search.ts';

export async function searchEvents(db: Database, search: EventSearch, page: SearchPage): Promise<SearchStep> {
  const nothing = { numbers: [], rowsRead: 0, next: null, searchedTo: null };
  const range = remaining(page);
  const walked = range === null ? null : await walk(db, 'events', range, allShards, page);
  if (walked === null) return nothing;
  const { part, end, endAt, rowsRead } = walked;
  const { matched } = search;
  const rows = await db.query(
    '',
    `SELECT e.number FROM posthorn.events e WHERE e.shard = ANY ($1::smallint[]) AND e.number BETWEEN $2 AND $3
       AND ${tenantMatches('e.tenant', 4, 5)} AND ${inList('e.type', 6)} AND ${inList('e.ordering_key', 7)}
       AND ($8::bigint IS NULL OR e.accepted_at >= $8) AND ($9::bigint IS NULL OR e.accepted_at < $9)
       ${matched === undefined ? '' : `AND e.deliveries ${matched ? '>' : '='} 0`}
       AND ($10::text[] IS NULL OR EXISTS (SELECT 1 FROM posthorn.deliveries d JOIN posthorn.endpoints p ON p.num = d.endpoint
         WHERE d.shard = e.shard AND d.event_number = e.number AND p.id = ANY ($10)))
     ORDER BY e.number ${page.order} LIMIT $11`,
    [
      allShards,
      part.first,
      part.last,
      ...tenantValues(search),
      search.types ?? null,
      search.orderingKeys ?? null,
      search.since ?? null,
      search.until ?? null,
      search.endpointIds ?? null,
      page.limit,
    ],
  );
  const step = stepFrom(
    rows.map(([number]) => number as number),
    page,
    rowsRead,
    end,
  );
  // The number that a walk ends at need not be one of a row.
  const searchedTo = step.next === end && end !== null ? endAt : await madeAt(db, 'events', step.next);
  return { ...step, searchedTo };
}

export async function foundEvents(db: Database, numbers: readonly number[]): Promise<FoundEvent[]> {
  if (numbers.length === 0) return [];
  const rows = await db.query(
    'events_found',
    `SELECT e.number, e.tenant, e.id, e.type, e.accepted_at, e.occurred_at, e.ordering_key, e.amount_minor::text, e.currency,
       e.deliveries, e.suppressed
     FROM posthorn.events e JOIN unnest($1::bigint[], $2::smallint[]) AS k (number, shard) ON e.shard = k.shard AND e.number = k.number`,
    [numbers, numbers.map(shardOfNumber)],
  );
  const found = new Map(rows.map((row) => [row[0] as number, foundEventOf(row)]));
  return numbers.flatMap((number) => found.get(number) ?? []);
}

export async function eventsById(
  db: Database,
  id: string,
  tenants: readonly string[] | undefined,
): Promise<number[]> {
  const asked =
    tenants ??
    (await db.query('', `SELECT DISTINCT tenant FROM posthorn.event_ledger LIMIT ${maxTenants}`)).map(
      ([tenant]) => tenant as string,
    );
  return await findEventNumbers(
    db,
    asked.map((tenant) => ({ tenant, id })),
  );
}

export async function attemptsOf(
  db: Database,
  numbers: readonly number[],
): Promise<(AttemptRecord & { readonly delivery: number })[]> {
  if (numbers.length === 0) return [];
  const rows = await db.query(
    'attempts_of',
    `SELECT a.n, a.started_at, a.duration_ms, a.status_code, a.outcome, a.error_class, a.message, a.response_excerpt, a.trigger, a.node,
       a.lease_until, a.wire, a.delivery
     FROM posthorn.attempts a JOIN unnest($1::bigint[], $2::smallint[]) AS k (number, shard)
       ON a.shard = k.shard AND a.delivery = k.number ORDER BY a.delivery, a.n`,
    [numbers, numbers.map(shardOfNumber)],
  );
  return rows.map((row) => ({ ...attemptOf(row), delivery: row[12] as number }));
}

export async function findEndpoints(
  db: Database,
  { text, limit, ids, byOwner, ...tenants }: EndpointNameQuery,
): Promise<FoundEndpoint[]> {
  const rows = await db.query(
    'endpoints_find',
    `SELECT id, tenant, name, document ->> 'url', document ->> 'owner' FROM posthorn.endpoints
     WHERE deleted_at IS NULL AND ${tenantMatches('tenant', 1, 2)} AND ${inList('id', 3)}
       AND (document ->> 'url' ILIKE $4 OR name ILIKE $4 OR ($6::boolean AND document ->> 'owner' ILIKE $4))
     ORDER BY document ->> 'url' COLLATE "C", id COLLATE "C" LIMIT $5`,
    [...tenantValues(tenants), ids ?? null, likeText(text), limit, byOwner],
  );
  return rows.map(([id, tenant, name, url, owner]) => ({
    id: id as string,
    tenant: tenant as string,
    name: name as string | null,
    url: url as string,
    owner: owner as string | null,
  }));
}

export async function findEventTypes(
  db: Database,
  { text, limit, ...tenants }: NameQuery,
): Promise<string[]> {
  const rows = await db.query(
    'event_types_find',
    `SELECT DISTINCT type COLLATE "C" FROM (SELECT type FROM posthorn.event_ledger WHERE ${tenantMatches('tenant', 1, 2)} LIMIT ${maxTypeRows}) l
     WHERE type ILIKE $3 ORDER BY 1 LIMIT $4`,
    [...tenantValues(tenants), likeText(text), limit],
  );
  return rows.map(([type]) => type as string);
}
