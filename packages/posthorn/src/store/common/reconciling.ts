import type { Reconciling } from '../reconciling.ts';
import { eventHeadingOf, sentDeliveryOf } from '../rows.ts';
import { findEvents } from './events.ts';
import { type Cold, separately } from './methods.ts';
import { byNumber, inList, withNumbers, limit, table } from './pieces.ts';
import { type Sql, sql } from './sql.ts';
import { row, rows, session } from './steps.ts';

const numOf = (endpointId: string): Sql =>
  sql`(SELECT p.num FROM ${table('endpoints')} p WHERE p.id = ${endpointId})`;

export const reconcilingListings: Cold<Reconciling> = {
  /** One list of numbers after the other. By position, so that a page costs the same however few of its rows are this endpoint's. */
  sentDeliveries: separately(function* ({ endpointId, since, until }, after, max) {
    const { shard, number: from } = after ?? { shard: 0, number: -1 };
    const last = yield* row(
      sql`SELECT d.number FROM ${table('deliveries')} d WHERE ${inList('d', shard)} AND d.number > ${from}
        ORDER BY d.number ${limit(1)} OFFSET ${max - 1}`,
    );
    const to = (last?.[0] as number | undefined) ?? null;
    const found = yield* rows(
      sql`SELECT d.number, d.event_number, d.state, d.settled_at FROM ${table('deliveries')} d ${byNumber}
        WHERE ${inList('d', shard)} AND d.number > ${from} AND d.number <= ${to ?? Number.MAX_SAFE_INTEGER} AND d.endpoint = ${numOf(endpointId)}
          AND d.created_at >= ${since} AND d.created_at < ${until} ORDER BY d.number`,
    );
    const { lists } = yield* session();
    const next = to === null ? { shard: shard + 1, number: -1 } : { shard, number: to };
    return { deliveries: found.map(sentDeliveryOf), next: next.shard === lists ? null : next };
  }),

  sentEvents: separately(function* ({ endpointId, since, until }, tenant, eventIds) {
    const numbers = yield* findEvents(eventIds.map((id) => ({ tenant, id })));
    const known = numbers.filter((number) => number !== null);
    const found = yield* rows(
      sql`SELECT d.event_number, max(CASE WHEN d.created_at >= ${since} AND d.created_at < ${until} THEN 1 ELSE 0 END)
        FROM ${table('deliveries')} d ${withNumbers('d', 'event_number', known)}
        WHERE d.endpoint = ${numOf(endpointId)}
        GROUP BY d.event_number`,
    );
    const inWindow = new Map(found.map(([number, isIn]) => [number as number, isIn === 1]));
    return numbers.map((number) => {
      const isInWindow = number === null ? undefined : inWindow.get(number);
      return number === null || isInWindow === undefined ? null : { number, isInWindow };
    });
  }),

  eventHeadings: separately(function* (numbers) {
    const found = yield* rows(
      sql`SELECT e.number, e.id, CAST(e.amount_minor AS text), e.currency FROM ${table('events')} e ${withNumbers('e', 'number', numbers)} ORDER BY e.number`,
    );
    return found.map(eventHeadingOf);
  }),
};
