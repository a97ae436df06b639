import type { SQLInputValue } from 'node:sqlite';
import { type Found, redriveStates, type Walk } from '../redrives.ts';
import { stateNumbers } from '../rows.ts';
import type { BulkRequest, DeliveryFilter, RedriveCursor } from '../store.ts';
import { findEventNumbers } from './accept.ts';
import type { Database } from './database.ts';
import type { EndpointTable } from './endpoints.ts';
import { filterSql, inList, listValue, tenantMatches, tenantValues } from './filter.ts';
import type { Sequences } from './sequences.ts';

interface Conditions {
  readonly where: string;
  readonly values: readonly SQLInputValue[];
}

/** The request without what is made from now on. */
export function bounded<R extends BulkRequest>(request: R, { bounds }: Sequences): R {
  const below = request.target === null ? bounds.deliveries : bounds.events;
  return { ...request, belowNumber: Math.min(request.belowNumber, below) };
}

/** How a walk goes behind one of its rows. */
export function cursorOf({ kind, filter, target }: BulkRequest): (row: Found) => RedriveCursor {
  return kind === 'redrive' || (target === null && endedStates(filter) !== null)
    ? ({ state, endpoint, number }) => ({ state, endpoint, number })
    : numberCursor;
}

/** Reads up to `limit` rows behind a position: dead and suppressed deliveries, all deliveries, or events. */
export function walk(
  db: Database,
  endpoints: EndpointTable,
  { kind, filter, target, firstNumber, belowNumber }: BulkRequest,
  from: RedriveCursor | null,
  limit: number,
): Walk {
  const at = { from, first: firstNumber, below: belowNumber, limit };
  if (target !== null) return walkEvents(db, endpoints, filter, target, at);
  const states = kind === 'redrive' ? redriveStates(filter) : endedStates(filter);
  const conditions = filterSql(filter, endpoints, db);
  return states === null
    ? walkDeliveries(db, filter, conditions, at)
    : walkEnded(db, filter, states, conditions, at);
}

interface Position {
  readonly from: RedriveCursor | null;
  readonly first: number;
  readonly below: number;
  readonly limit: number;
}

/** Whether the index of ended deliveries has all that the filter may match: its states, else null. */
function endedStates({ states, eventIds }: DeliveryFilter): readonly number[] | null {
  const numbers = states?.map((state): number => stateNumbers[state]).toSorted((a, b) => a - b);
  return numbers === undefined || eventIds !== undefined || numbers.some((state) => state < stateNumbers.dead)
    ? null
    : numbers;
}

/** In the order of the index of ended deliveries. */
function walkEnded(
  db: Database,
  filter: DeliveryFilter,
  states: readonly number[],
  conditions: Conditions,
  { from, below, limit }: Position,
): Walk {
  const rows: Found[] = [];
  for (const state of states) {
    if (from !== null && state < from.state) continue;
    const continued = from !== null && state === from.state;
    let endpoint = continued ? from.endpoint : -1;
    let number = continued ? from.number : -1;
    for (;;) {
      const left = limit - rows.length;
      if (left <= 0) return { rows, next: { state, endpoint, number } };
      const read = readDeliveries(db, conditions, {
        // `state >= 2` is the condition of the index.
        range: `d.state = ${state} AND d.state >= 2 AND d.endpoint = ? AND d.number > ? AND d.number < ?`,
        values: [endpoint, number, below],
        limit: left,
      });
      rows.push(...read);
      number = read.at(-1)?.number ?? number;
      if (read.length === left) continue;
      const next = nextEndpoint(db, filter, state, endpoint);
      if (next === null) break;
      endpoint = next;
      number = -1;
    }
  }
  return { rows, next: null };
}

/** The next endpoint with deliveries in this state. */
function nextEndpoint(db: Database, filter: DeliveryFilter, state: number, behind: number): number | null {
  const row = db.get(
    `SELECT p.num FROM endpoints p WHERE p.num > ?1 AND ${tenantMatches('p.tenant', 2, 3)} AND ${inList('p.id', 4)}
       AND EXISTS (SELECT 1 FROM deliveries d WHERE d.state = ${state} AND d.state >= 2 AND d.endpoint = p.num)
     ORDER BY p.num LIMIT 1`,
    behind,
    ...tenantValues(filter),
    listValue(filter.endpointIds),
  );
  return (row?.[0] as number | undefined) ?? null;
}

/** In the order in which they were made. */
function walkDeliveries(
  db: Database,
  { eventIds, tenants }: DeliveryFilter,
  conditions: Conditions,
  { from, first, below, limit }: Position,
): Walk {
  const ofEvents = eventIds === undefined ? '' : 'd.event_number IN (SELECT value FROM json_each(?)) AND ';
  const rows = readDeliveries(db, conditions, {
    range: `${ofEvents}d.number > ? AND d.number < ?`,
    values: [
      ...(eventIds === undefined ? [] : [JSON.stringify(findEventNumbers(db, eventIds, tenants))]),
      Math.max(from?.number ?? -1, first - 1),
      below,
    ],
    limit,
  });
  return { rows, next: rows.length < limit ? null : numberCursor(rows.at(-1)!) };
}

/** This store has one list of numbers, so the number is the place. */
const numberCursor = ({ number }: Found): RedriveCursor => ({ state: 0, endpoint: -1, number });

function readDeliveries(
  db: Database,
  { where, values }: Conditions,
  of: { readonly range: string; readonly values: readonly SQLInputValue[]; readonly limit: number },
): Found[] {
  return db
    .all(
      `SELECT d.number, d.state, d.endpoint, p.id, p.deleted_at IS NOT NULL, d.created_at, e.type, d.event_number, d.order_key, (${where}),
         CAST(e.amount_minor AS TEXT), e.currency
       FROM deliveries d JOIN events e ON e.number = d.event_number JOIN endpoints p ON p.num = d.endpoint
       WHERE ${of.range} ORDER BY d.number LIMIT +?`,
      ...values,
      ...of.values,
      of.limit,
    )
    .map((row) => ({
      number: row[0] as number,
      state: row[1] as number,
      endpoint: row[2] as number,
      endpointId: row[3] as string,
      deleted: row[4] === 1,
      createdAt: row[5] as number,
      type: row[6] as string,
      eventNumber: row[7] as number,
      orderKey: row[8] as string | null,
      hit: row[9] === 1,
      amountMinor: row[10] as string | null,
      currency: row[11] as string | null,
    }));
}

/** Events in the order in which they were accepted, each as a delivery to one endpoint. */
function walkEvents(
  db: Database,
  endpoints: EndpointTable,
  filter: DeliveryFilter,
  target: string,
  { from, first, below, limit }: Position,
): Walk {
  const known = endpoints.get(target);
  const { endpointIds, states, errorClasses, statusCodes, since, until, ...ofEvent } = filter;
  const event = filterSql(ofEvent, endpoints, db);
  const asked = Object.entries({ endpointIds, states, errorClasses, statusCodes }).filter(
    ([, values]) => values !== undefined,
  );
  const delivery = filterSql(Object.fromEntries(asked), endpoints, db);
  const hasDelivery = `EXISTS (SELECT 1 FROM deliveries d WHERE d.event_number = e.number AND ${delivery.where})`;
  const numbers =
    filter.eventIds === undefined
      ? null
      : JSON.stringify(findEventNumbers(db, filter.eventIds, filter.tenants));
  const rows = db
    .all(
      `SELECT e.number, e.accepted_at, e.type, e.ordering_key,
         (${event.where} AND e.accepted_at >= ? AND e.accepted_at < ?${asked.length === 0 ? '' : ` AND ${hasDelivery}`}),
         CAST(e.amount_minor AS TEXT), e.currency
       FROM events e WHERE ${numbers === null ? '' : 'e.number IN (SELECT value FROM json_each(?)) AND '}e.number > ? AND e.number < ?
       ORDER BY e.number LIMIT +?`,
      ...event.values,
      since ?? 0,
      until ?? Number.MAX_SAFE_INTEGER,
      ...(asked.length === 0 ? [] : delivery.values),
      ...(numbers === null ? [] : [numbers]),
      Math.max(from?.number ?? -1, first - 1),
      below,
      limit,
    )
    .map((row): Found => ({
      number: row[0] as number,
      state: stateNumbers.pending,
      endpoint: known?.num ?? -1,
      endpointId: target,
      deleted: known === undefined,
      createdAt: row[1] as number,
      type: row[2] as string,
      eventNumber: row[0] as number,
      orderKey: known?.endpoint.ordering === 'key' ? (row[3] as string | null) : null,
      hit: row[4] === 1,
      amountMinor: row[5] as string | null,
      currency: row[6] as string | null,
    }));
  return { rows, next: rows.length < limit ? null : numberCursor(rows.at(-1)!) };
}
