import type { SQLInputValue } from 'node:sqlite';
import { type EventSearch } from '../event-search.ts';
import { endOf, partTo, remaining, type SearchPage, type SearchStep, stepFrom } from '../search.ts';
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
