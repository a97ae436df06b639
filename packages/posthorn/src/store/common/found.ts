import { deliveryDetailsOf, foundDeliveryOf } from '../rows.ts';
import type { DeliveryDetails, FoundDelivery } from '../search.ts';
import { isNumbered, withNumbers, sameShard, table } from './pieces.ts';
import { deliveryColumns, deliveryTables } from './readings.ts';
import { raw, type Sql, sql } from './sql.ts';
import { row, rows, type Steps } from './steps.ts';

/** The columns that `foundDeliveryOf` takes behind those of a delivery. */
const foundColumns: Sql = raw(
  `e.accepted_at, e.occurred_at, e.ordering_key, CAST(e.amount_minor AS text), e.currency, e.data_deleted_at, p.document ->> 'name', p.document ->> 'url',
   p.document ->> 'owner', p.enabled, p.deleted_at IS NOT NULL, CAST(p.document ->> 'deliverWithinMs' AS bigint)`,
);

/** The first pending delivery of the key, if the endpoint keeps the order of keys. */
const behind: Sql = sql`CASE WHEN d.state = 0 AND d.order_key IS NOT NULL AND p.document ->> 'ordering' = 'key' THEN
  (SELECT min(b.number) FROM ${table('deliveries')} b WHERE b.state = 0 AND b.order_key IS NOT NULL AND ${sameShard('b', 'd')}b.endpoint = d.endpoint
     AND b.order_key = d.order_key AND b.number < d.number) END`;

/** In the order asked for; those that are not there are left out. */
export function* findDeliveries(numbers: readonly number[]): Steps<FoundDelivery[]> {
  if (numbers.length === 0) return [];
  const read = yield* rows(
    sql`SELECT ${deliveryColumns}, ${foundColumns} FROM ${deliveryTables} ${withNumbers('d', 'number', numbers)}`,
  );
  const found = new Map(read.map((one) => [one[0] as number, foundDeliveryOf(one)]));
  return numbers.flatMap((number) => found.get(number) ?? []);
}

export function* readDetails(number: number): Steps<DeliveryDetails | null> {
  const found = yield* row(
    sql`SELECT ${deliveryColumns}, ${foundColumns}, d.claim, d.claimed_by, d.tries, ${behind} FROM ${deliveryTables}
      WHERE ${isNumbered('d', 'number', number)}`,
  );
  return found === undefined ? null : deliveryDetailsOf(found);
}
