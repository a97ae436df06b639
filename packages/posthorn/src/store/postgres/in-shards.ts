import type { Connection, Row } from './database.ts';
import type { ShardName } from './shards.ts';

/**
 * Does the same for the items of each group: at once, or in a transaction one after the other in the order of shards, so that
 * two transactions never wait for each other in a circle.
 */
export async function forShards<T, A>(
  connection: Connection,
  items: readonly T[],
  shardOf: (item: T) => number,
  work: (of: readonly T[], shard: ShardName) => Promise<A>,
): Promise<A[]> {
  const groups = connection.shards.groups(items, shardOf);
  if (!connection.isTransaction) return await Promise.all(groups.map(([shard, of]) => work(of, shard)));
  const answers: A[] = [];
  for (const [shard, of] of groups) answers.push(await work(of, shard));
  return answers;
}

/** The rows of a statement for all items, or of one for those of each shard. */
export async function inShards<T>(
  connection: Connection,
  items: readonly T[],
  shardOf: (item: T) => number,
  run: (of: readonly T[], shard: ShardName) => Promise<readonly Row[]>,
): Promise<Row[]> {
  return (await forShards(connection, items, shardOf, run)).flat();
}
