// The statements that store new deliveries and count them (G4): of an accept, and of a fan-out behind it.

/** Where the statements find their rows, and what they write of all of them; parameters and columns as text. */
export interface NewDeliveries {
  /** Rows with `number`, `event_number`, `endpoint`, `enabled`, `lease_until`, `order_key`, `type` and `trigger`. */
  readonly rows: string;
  readonly shard: string;
  /** The shard of their counters. */
  readonly counterShard: string;
  readonly acceptedAt: string;
  /** From when on they are due, if they are not claimed at once. */
  readonly dueAt: string;
  readonly node: string;
  /** Counters of each kind of step have a writer of their own: two steps never wait for one row. */
  readonly step: 'accept' | 'fan-out';
}

/** By name. What is sorted takes its counters' rows in one order, so that two transactions never wait for each other in a circle. */
export function insertDeliveries({
  rows,
  shard,
  counterShard,
  acceptedAt,
  dueAt,
  node,
  step,
}: NewDeliveries): Readonly<Record<'deliveries' | 'ledger' | 'counters', string>> {
  const counts = (table: 'ledger' | 'counters', time: string, of: string, key: string): string =>
    `INSERT INTO posthorn.${table} AS l (shard, endpoint, ${key}, writer, accepted, suppressed)
    SELECT ${counterShard}, endpoint, ${time}, ${node} || ':${step}', count(*), count(*) FILTER (WHERE NOT enabled)
    FROM ${rows} dl GROUP BY ${of} ORDER BY ${of}
    ON CONFLICT (shard, endpoint, ${key}, writer)
      DO UPDATE SET accepted = l.accepted + excluded.accepted, suppressed = l.suppressed + excluded.suppressed`;
  return {
    deliveries: `INSERT INTO posthorn.deliveries (shard, number, event_number, endpoint, state, due_at, claim, claimed_by, created_at, settled_at,
      reason, order_key, trigger)
    SELECT ${shard}, number, event_number, endpoint, CASE WHEN enabled THEN 0 ELSE 4 END,
      CASE WHEN enabled THEN coalesce(lease_until, ${dueAt}) END, (lease_until IS NOT NULL)::int,
      CASE WHEN lease_until IS NOT NULL THEN ${node} END, ${acceptedAt}, CASE WHEN NOT enabled THEN ${acceptedAt} END,
      CASE WHEN NOT enabled THEN 'endpoint_paused' END, order_key, trigger FROM ${rows} dl`,
    ledger: counts('ledger', `${acceptedAt} / 3600000`, 'endpoint', 'hour'),
    counters: counts('counters', `${acceptedAt} / 60000, type`, 'endpoint, type', 'minute, type'),
  };
}
