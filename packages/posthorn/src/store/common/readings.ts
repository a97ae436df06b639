import { attemptOf, deadLettersOf, deliveryOf, eventOf } from '../rows.ts';
import type { DeliveryRecord, StoreListings } from '../store.ts';
import { blockedBy, blocksKeys } from './blocking.ts';
import { findEvents } from './events.ts';
import { type Cold, separately, snapshot } from './methods.ts';
import { all, givenAnyOf, isNumbered, ofTenants, sameShard, table } from './pieces.ts';
import { raw, type Sql, sql } from './sql.ts';
import { row, rows, type Steps } from './steps.ts';

/** The columns that `attemptOf` takes. */
export const attemptColumns: Sql = raw(
  `a.n, a.started_at, a.duration_ms, a.status_code, a.outcome, a.error_class, a.message, a.response_excerpt, a.trigger, a.node,
     a.lease_until, a.wire`,
);

/** The columns that `deliveryOf` takes. */
export const deliveryColumns: Sql = sql`d.number, e.id, e.type, e.tenant, p.id, d.state, d.attempts, d.due_at, d.created_at, d.settled_at, d.reason,
  d.error_class, d.status_code, d.message, ${blockedBy}`;
export const deliveryTables: Sql = sql`${table('deliveries')} d JOIN ${table('events')} e ON ${sameShard('e', 'd')}e.number = d.event_number
  JOIN ${table('endpoints')} p ON p.num = d.endpoint`;

/** The columns that `eventOf` takes. */
const eventColumns: Sql = raw(
  `e.tenant, e.id, e.type, e.data, e.ordering_key, e.occurred_at, e.accepted_at, CAST(e.amount_minor AS text), e.currency,
     e.deliveries, e.suppressed, e.number, e.digest, e.routing_keys, e.data_deleted_at`,
);

export function* readDelivery(number: number): Steps<DeliveryRecord | null> {
  const found = yield* row(
    sql`SELECT ${deliveryColumns} FROM ${deliveryTables} WHERE ${isNumbered('d', 'number', number)}`,
  );
  return found === undefined ? null : deliveryOf(found);
}

export const deliveryListings: Cold<Pick<StoreListings, 'event' | 'delivery' | 'attempts' | 'deadLetters'>> =
  {
    event: separately(function* (tenant, id) {
      const number = (yield* findEvents([{ tenant, id }]))[0] ?? null;
      if (number === null) return null;
      const found = yield* row(
        sql`SELECT ${eventColumns} FROM ${table('events')} e WHERE ${isNumbered('e', 'number', number)}`,
      );
      return found === undefined ? null : eventOf(found);
    }),

    delivery: separately(readDelivery),

    attempts: separately(function* (number) {
      const found = yield* rows(
        sql`SELECT ${attemptColumns} FROM ${table('attempts')} a WHERE ${isNumbered('a', 'delivery', number)} ORDER BY a.n`,
      );
      return found.map(attemptOf);
    }),

    deadLetters: snapshot(function* (filter) {
      // `state >= 2` is the condition of the index.
      const chosen = sql`d.state >= 2 AND d.state = 2 AND ${all([ofTenants('p.tenant', filter), givenAnyOf('p.id', filter.endpointIds)])}`;
      const blocking = sql`(d.order_key IS NOT NULL AND ${blocksKeys})`;
      const groups = yield* rows(
        sql`SELECT p.id, p.document ->> 'owner', d.error_class, count(*), min(d.settled_at),
          min(d.settled_at) FILTER (WHERE NOT ${blocking}), count(DISTINCT d.order_key) FILTER (WHERE ${blocking})
        FROM ${table('deliveries')} d JOIN ${table('endpoints')} p ON p.num = d.endpoint
        WHERE ${chosen} GROUP BY p.num, d.error_class ORDER BY 4 DESC`,
      );
      const money = yield* rows(
        sql`SELECT endpoint, class, currency, CAST(sum(amount_minor) AS text), count(*) FROM (
          SELECT DISTINCT p.id AS endpoint, d.error_class AS class, e.currency, e.amount_minor, e.number
          FROM ${deliveryTables} WHERE ${chosen}) m
        GROUP BY endpoint, class, currency`,
      );
      return deadLettersOf(groups, money);
    }),
  };
