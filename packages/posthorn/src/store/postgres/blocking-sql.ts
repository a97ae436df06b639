// Conditions on rows, for statements that join deliveries `d` with their endpoints `p`.

/** Whether an endpoint `p`, deleted or not, keeps the order of its keys past no dead letter. */
export const blocksKeysSql = `(p.deleted_at IS NULL AND p.document ->> 'ordering' = 'key' AND p.document ->> 'onDead' = 'block')`;

/** The dead letter that holds the delivery `d` at the endpoint `p`; null if none does. */
export const blockedBySql = `CASE WHEN d.state = 0 AND d.order_key IS NOT NULL AND ${blocksKeysSql} THEN
  (SELECT min(b.number) FROM posthorn.deliveries b WHERE b.state = 2 AND b.order_key IS NOT NULL AND b.shard = d.shard
     AND b.endpoint = d.endpoint AND b.order_key = d.order_key AND b.number < d.number) END`;
