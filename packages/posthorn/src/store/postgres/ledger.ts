import type { Connection } from './database.ts';

export const endStates = [null, 'delivered', 'dead', 'cancelled', 'suppressed'] as const;

export interface LedgerChange {
  readonly endpoint: number;
  readonly createdAt: number;
  /** The event's type; the ledger of what was pruned knows none. */
  readonly type?: string;
  /** Only as it is made. */
  readonly accepted?: number;
  readonly delivered?: number;
  readonly dead?: number;
  readonly cancelled?: number;
  readonly suppressed?: number;
}

/**
 * Counter changes of what people and the pruner do, in the transaction that does it (G4). `prefix` is `` or `pruned_`; what is
 * pruned changes the ledger alone, because counters count what became of a delivery.
 */
export async function writeLedger(
  connection: Connection,
  prefix: '' | 'pruned_',
  changes: readonly LedgerChange[],
): Promise<void> {
  if (changes.length === 0) return;
  const ends = ['delivered', 'dead', 'cancelled', 'suppressed'] as const;
  const names = prefix === '' ? (['accepted', ...ends] as const) : ends;
  const counts = names.map((name) => changes.map((change) => change[name] ?? 0));
  const sums = names.map((name) => `sum(c.${name})`).join(', ');
  const parameters = (from: number): string => names.map((_, at) => `$${from + at}::int[]`).join(', ');
  await connection.query(
    `ledger_${prefix}change`,
    `INSERT INTO posthorn.ledger AS l (shard, endpoint, hour, writer, ${names.map((name) => prefix + name).join(', ')})
     SELECT 0, c.endpoint, c.created_at / 3600000, 'operations', ${sums}
     FROM unnest($1::int[], $2::bigint[], ${parameters(3)})
       AS c (endpoint, created_at, ${names.join(', ')}) GROUP BY 2, 3 ORDER BY 2, 3
     ON CONFLICT (shard, endpoint, hour, writer)
       DO UPDATE SET ${names.map((name) => `${prefix}${name} = l.${prefix}${name} + excluded.${prefix}${name}`).join(', ')}`,
    [changes.map(({ endpoint }) => endpoint), changes.map(({ createdAt }) => createdAt), ...counts],
  );
  if (prefix !== '') return;
  await connection.query(
    'counters_change',
    `INSERT INTO posthorn.counters AS l (shard, endpoint, minute, type, writer, ${names.join(', ')})
     SELECT 0, c.endpoint, c.created_at / 60000, c.type, 'operations', ${sums}
     FROM unnest($1::int[], $2::bigint[], $3::text[], ${parameters(4)})
       AS c (endpoint, created_at, type, ${names.join(', ')}) GROUP BY 2, 3, 4 ORDER BY 2, 3, 4
     ON CONFLICT (shard, endpoint, minute, type, writer)
       DO UPDATE SET ${names.map((name) => `${name} = l.${name} + excluded.${name}`).join(', ')}`,
    [
      changes.map(({ endpoint }) => endpoint),
      changes.map(({ createdAt }) => createdAt),
      changes.map(({ type }) => type ?? ''),
      ...counts,
    ],
  );
}
