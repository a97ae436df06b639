import { sameShard, table } from './pieces.ts';
import { type Sql, sql } from './sql.ts';

// Conditions on rows, for statements that join deliveries `d` with their endpoints `p`.

/** Whether an endpoint `p`, deleted or not, keeps the order of its keys past no dead letter. */
export const blocksKeys: Sql = sql`(p.deleted_at IS NULL AND p.document ->> 'ordering' = 'key' AND p.document ->> 'onDead' = 'block')`;

/** The dead letter that holds the delivery `d` at the endpoint `p`; null if none does. */
export const blockedBy: Sql = sql`CASE WHEN d.state = 0 AND d.order_key IS NOT NULL AND ${blocksKeys} THEN
  (SELECT min(b.number) FROM ${table('deliveries')} b WHERE b.state = 2 AND b.order_key IS NOT NULL AND ${sameShard('b', 'd')}b.endpoint = d.endpoint
     AND b.order_key = d.order_key AND b.number < d.number) END`;
