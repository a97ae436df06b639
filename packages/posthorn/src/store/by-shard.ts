/** Groups what is written shard by shard: in the order of shards, so that two transactions never wait for each other in a circle. */
export function byShard<T>(items: readonly T[], shardOf: (item: T) => number): [number, T[]][] {
  return [...Map.groupBy(items, shardOf)].toSorted(([a], [b]) => a - b);
}
