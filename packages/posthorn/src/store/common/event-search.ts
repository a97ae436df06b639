import { type EventSearching, likeText, maxTenants, maxTypeRows } from '../event-search.ts';
import { attemptOf, foundEventOf } from '../rows.ts';
import { findEventsOf } from './events.ts';
import { type Cold, separately } from './methods.ts';
import { all, bytewise, contains, givenAnyOf, withNumbers, limit, ofTenants, table } from './pieces.ts';
import { attemptColumns } from './readings.ts';
import { joined, raw, sql } from './sql.ts';
import { rows } from './steps.ts';

type Found = Pick<
  EventSearching,
  'foundEvents' | 'eventsById' | 'attemptsOf' | 'findEndpoints' | 'findEventTypes'
>;

export const eventSearchListings: Cold<Found> = {
  foundEvents: separately(function* (numbers) {
    if (numbers.length === 0) return [];
    const read = yield* rows(
      sql`SELECT e.number, e.tenant, e.id, e.type, e.accepted_at, e.occurred_at, e.ordering_key, CAST(e.amount_minor AS text), e.currency,
          e.deliveries, e.suppressed
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
