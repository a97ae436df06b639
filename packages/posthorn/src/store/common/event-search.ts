import { type EventSearch, type EventSearching, likeText, maxTenants, maxTypeRows } from '../event-search.ts';
import { attemptOf, foundEventOf } from '../rows.ts';
import { type SearchPage, type SearchStep, stepFrom } from '../search.ts';
import { findEventsOf } from './events.ts';
import { anyRoutingKey } from './filter.ts';
import { type Cold, separately, snapshot } from './methods.ts';
import { numbersWithin, ofPart, searchedTo, walk } from './numbers.ts';
import {
  all,
  byNumber,
  bytewise,
  contains,
  givenAnyOf,
  isAnyOf,
  limit,
  ofTenants,
  sameShard,
  table,
  withNumbers,
} from './pieces.ts';
import { attemptColumns } from './readings.ts';
import { joined, raw, type Sql, sql } from './sql.ts';
import { rows, rowsUnprepared, type Steps } from './steps.ts';

/** Whether the event has a delivery to any of these endpoints. */
const hasDelivery = (endpointIds: readonly string[]): Sql =>
  sql`EXISTS (SELECT 1 FROM ${table('deliveries')} d JOIN ${table('endpoints')} p ON p.num = d.endpoint
    WHERE ${sameShard('d', 'e')}d.event_number = e.number AND ${isAnyOf('p.id', endpointIds, 'text')})`;

function matches(search: EventSearch): Sql {
  const { since, until, matched, endpointIds } = search;
  return all([
    ofTenants('e.tenant', search),
    givenAnyOf('e.type', search.types),
    givenAnyOf('e.ordering_key', search.orderingKeys),
    anyRoutingKey(search.routingKeys),
    since === undefined ? null : sql`e.accepted_at >= ${since}`,
    until === undefined ? null : sql`e.accepted_at < ${until}`,
    matched === undefined ? null : raw(`e.deliveries ${matched ? '>' : '='} 0`),
    endpointIds === undefined ? null : hasDelivery(endpointIds),
  ]);
}

function* searchEvents(search: EventSearch, page: SearchPage): Steps<SearchStep> {
  const walked = yield* walk('events', null, page);
  if (walked === null) return { numbers: [], rowsRead: 0, next: null, searchedTo: null };
  const { part, end, rowsRead } = walked;
  const found = yield* rowsUnprepared(
    sql`SELECT e.number FROM ${table('events')} e ${byNumber} WHERE ${ofPart('e', null, part)} AND ${matches(search)}
      ORDER BY e.number ${raw(page.order)} ${limit(page.limit)}`,
  );
  const numbers = found.map(([number]) => number as number);
  const step = stepFrom(numbers, page, rowsRead, end);
  return { ...step, searchedTo: yield* searchedTo('events', step.next, walked) };
}

export const eventSearchListings: Cold<EventSearching> = {
  eventsWithin: snapshot((window) => numbersWithin('events', window)),
  searchEvents: snapshot(searchEvents),

  foundEvents: separately(function* (numbers) {
    if (numbers.length === 0) return [];
    const read = yield* rows(
      sql`SELECT e.number, e.tenant, e.id, e.type, e.accepted_at, e.occurred_at, e.ordering_key, CAST(e.amount_minor AS text), e.currency,
          e.deliveries, e.suppressed, e.routing_keys, e.data_deleted_at
        FROM ${table('events')} e ${withNumbers('e', 'number', numbers)}`,
    );
    const found = new Map(read.map((one) => [one[0] as number, foundEventOf(one)]));
    return numbers.flatMap((number) => found.get(number) ?? []);
  }),

  eventsById: separately((id, tenants) => findEventsOf([id], tenants, maxTenants)),

  attemptsOf: separately(function* (numbers) {
    if (numbers.length === 0) return [];
    const read = yield* rows(
      sql`SELECT ${attemptColumns}, a.delivery FROM ${table('attempts')} a ${withNumbers('a', 'delivery', numbers)} ORDER BY a.delivery, a.n`,
    );
    return read.map((one) => ({ ...attemptOf(one), delivery: one[12] as number }));
  }),

  findEndpoints: separately(function* ({ text, limit: max, ids, byOwner, ...tenants }) {
    const like = likeText(text);
    const url = "(p.document ->> 'url')";
    const named = [contains(url, like), contains('p.name', like)];
    if (byOwner) named.push(contains("(p.document ->> 'owner')", like));
    const read = yield* rows(
      sql`SELECT p.id, p.tenant, p.name, ${raw(url)}, p.document ->> 'owner' FROM ${table('endpoints')} p
        WHERE ${all([raw('p.deleted_at IS NULL'), ofTenants('p.tenant', tenants), givenAnyOf('p.id', ids)])} AND (${joined(named, ' OR ')})
        ORDER BY ${bytewise(url)}, ${bytewise('p.id')} ${limit(max)}`,
    );
    return read.map(([id, tenant, name, at, owner]) => ({
      id: id as string,
      tenant: tenant as string,
      name: name as string | null,
      url: at as string,
      owner: owner as string | null,
    }));
  }),

  findEventTypes: separately(function* ({ text, limit: max, ...tenants }) {
    const read = yield* rows(
      sql`SELECT DISTINCT ${bytewise('l.type')} FROM (
          SELECT e.type FROM ${table('event_ledger')} e WHERE ${ofTenants('e.tenant', tenants)} LIMIT ${raw(String(maxTypeRows))}) l
        WHERE ${contains('l.type', likeText(text))} ORDER BY 1 ${limit(max)}`,
    );
    return read.map(([type]) => type as string);
  }),
};
