import { type EventSearch } from '../event-search.ts';
import { remaining, type SearchPage, type SearchStep, stepFrom } from '../search.ts';
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
