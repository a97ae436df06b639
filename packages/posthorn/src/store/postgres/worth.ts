import { shardOfNumber } from '../../domain/ids.ts';
import { type AtRisk, worthColumns } from '../worth.ts';
import type { Connection } from './database.ts';
import { inShards } from './in-shards.ts';
import { beside } from './shards.ts';

const sumsOf = (state: 2 | 4): string => {
  const only = `FILTER (WHERE d.state = ${state})`;
  return `count(*) ${only}, coalesce(sum(e.amount_minor >> 32) ${only}, 0), coalesce(sum(e.amount_minor & 4294967295) ${only}, 0)`;
};

/** A migration: what is at risk already is counted from rows. The table lies beside the others if they are distributed. */
export const worthTable = `
  CREATE TABLE posthorn.worth (
    shard smallint NOT NULL,
    endpoint int NOT NULL,
    hour int NOT NULL,
    currency text NOT NULL,
    writer text NOT NULL,
    ${worthColumns.map((name) => `${name} bigint NOT NULL DEFAULT 0`).join(', ')},
    PRIMARY KEY (shard, endpoint, hour, currency, writer)
  );
  CREATE INDEX worth_fine ON posthorn.worth (hour) WHERE hour % 24 <> 0 OR writer <> 'folded';
  ${beside('worth')}
  INSERT INTO posthorn.worth (shard, endpoint, hour, currency, writer, ${worthColumns.join(', ')})
  SELECT d.shard, d.endpoint, d.created_at / 3600000, coalesce(e.currency, ''), 'operations', ${sumsOf(2)}, ${sumsOf(4)}
  FROM posthorn.deliveries d LEFT JOIN posthorn.events e ON e.shard = d.shard AND e.number = d.event_number
  WHERE d.state IN (2, 4) GROUP BY 1, 2, 3, 4;
`;

/** The sums of amounts of an event `e`, in a statement that counts deliveries with their events. */
export const amountSums = `count(*), coalesce(sum(e.amount_minor >> 32), 0), coalesce(sum(e.amount_minor & 4294967295), 0)`;

export const addWorth = (state: AtRisk): string =>
  `ON CONFLICT (shard, endpoint, hour, currency, writer) DO UPDATE SET ${worthColumns
    .filter((name) => name.startsWith(state))
    .map((name) => `${name} = l.${name} + excluded.${name}`)
    .join(', ')}`;

export const worthInsert = (state: AtRisk): string =>
  `INSERT INTO posthorn.worth AS l (shard, endpoint, hour, currency, writer, ${worthColumns.filter((name) => name.startsWith(state)).join(', ')})`;

export interface WorthChange {
  readonly event: number;
  readonly endpoint: number;
  readonly createdAt: number;
  readonly state: AtRisk;
  readonly by: 1 | -1;
}

/**
 * Counters of what operators, the fan-out and the pruner do, in the transaction that does it (G4); the events are still there. A
 * statement names one shard where the tables are distributed.
 */
export async function writeWorth(connection: Connection, changes: readonly WorthChange[]): Promise<void> {
  if (changes.length === 0) return;
  const events = [...new Set(changes.map(({ event }) => event))];
  const rows = await inShards(connection, events, shardOfNumber, (of, shard) =>
    connection.query(
      `worth_events${shard.suffix}`,
      `SELECT e.number, coalesce(e.currency, ''), coalesce(e.amount_minor >> 32, 0), coalesce(e.amount_minor & 4294967295, 0)
       FROM unnest($1::bigint[]) AS n (number)
       JOIN posthorn.events e ON e.shard = ${shard.at('$2::smallint', '(n.number & 63)::smallint')} AND e.number = n.number`,
      [of, ...shard.values],
    ),
  );
  const worth = new Map(
    (rows as [number, string, number, number][]).map(([number, currency, hi, lo]) => [
      number,
      [currency, hi, lo] as const,
    ]),
  );
  for (const state of ['dead', 'suppressed'] as const) {
    const of = changes.filter((change) => change.state === state);
    if (of.length === 0) continue;
    const known = of.map(({ event }) => worth.get(event) ?? (['', 0, 0] as const));
    await connection.query(
      `worth_${state}`,
      `${worthInsert(state)}
       SELECT 0, c.endpoint, c.created_at / 3600000, c.currency, 'operations', sum(c.by), sum(c.by * c.hi), sum(c.by * c.lo)
       FROM unnest($1::int[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[])
         AS c (endpoint, created_at, currency, by, hi, lo) GROUP BY 2, 3, 4 ORDER BY 2, 3, 4
       ${addWorth(state)}`,
      [
        of.map(({ endpoint }) => endpoint),
        of.map(({ createdAt }) => createdAt),
        known.map(([currency]) => currency),
        of.map(({ by }) => by),
        known.map(([, hi]) => hi),
        known.map(([, , lo]) => lo),
      ],
    );
  }
}
