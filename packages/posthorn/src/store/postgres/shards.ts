import { shardCount } from '../../domain/shard.ts';
import { byShard } from '../by-shard.ts';

// On one PostgreSQL a statement may span shards, which saves round trips. Where the tables are distributed by `shard` (Citus), each
// statement of the delivery path names exactly one. Only this file knows which of the two a database needs.

/** In a migration that makes a table with `shard`: where the others are distributed it lies beside them, with its rows. */
export const beside = (table: string): string => `
  DO $body$ BEGIN
    IF to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL THEN
      IF EXISTS (SELECT FROM pg_catalog.pg_dist_partition
          WHERE logicalrelid = to_regclass('posthorn.deliveries') AND partmethod = 'h') THEN
        PERFORM create_distributed_table('posthorn.${table}', 'shard', colocate_with => 'posthorn.events');
      END IF;
    END IF;
  END $body$;
`;

/**
 * A migration: each shard once, so that a statement can look into each of them by itself. It lies beside the other tables if
 * they are distributed: then each worker looks into its own.
 */
export const shardsTable = `
  CREATE TABLE posthorn.shards (shard smallint PRIMARY KEY);
  INSERT INTO posthorn.shards (shard) SELECT generate_series(0, ${shardCount - 1});
  ${beside('shards')}
`;

/** How a statement names the shard of its rows. */
export interface ShardName {
  /** Ends the name of the statement. */
  readonly suffix: '' | '_one';
  /** The last values of the statement. */
  readonly values: readonly number[];
  /** `parameter` if the statement names one shard, else `ofRow`: what a row says of its own. */
  at(parameter: string, ofRow: string): string;
}

const spanningName: ShardName = { suffix: '', values: [], at: (_, ofRow) => ofRow };
const singleName = (shard: number): ShardName => ({
  suffix: '_one',
  values: [shard],
  at: (parameter) => parameter,
});

export interface Shards {
  /** What one statement does for all items, or one for those of each shard: in the order of shards. */
  groups<T>(
    items: readonly T[],
    shardOf: (item: T) => number,
  ): readonly (readonly [ShardName, readonly T[]])[];
  choose<T>(forms: { readonly spanning: T; readonly single: T }): T;
}

export const spanningShards: Shards = {
  groups: (items) => (items.length === 0 ? [] : [[spanningName, items]]),
  choose: ({ spanning }) => spanning,
};

export const singleShards: Shards = {
  groups: (items, shardOf) => byShard(items, shardOf).map(([shard, of]) => [singleName(shard), of]),
  choose: ({ single }) => single,
};
