/** Number of shards; every delivery-path row belongs to one (docs/internals/decisions.md). */
export const shardCount = 64;

export const allShards: readonly number[] = Array.from({ length: shardCount }, (_, shard) => shard);

/** FNV-1a over UTF-16 units: stable across nodes and versions, because shards are stored. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    h ^= text.charCodeAt(i);
    h = Math.imul(h, 0x01000193);
  }
  // FNV's low bits mix poorly on short input, and the shard is taken from them.
  h ^= h >>> 15;
  return h >>> 0;
}

/** The shard (0–63) of a tenant's ordering key or event id. */
export function hashShard(tenant: string, key: string): number {
  return hash(`${tenant}\u0000${key}`) % shardCount;
}

/**
 * The shards of `node` among the living: for each shard every node draws a number from both names, and the highest
 * owns it (rendezvous hashing). When a node comes or goes, only its own shards change hands.
 */
export function ownedShards(nodes: readonly string[], node: string): number[] {
  const owned: number[] = [];
  for (let shard = 0; shard < shardCount; shard++) {
    let owner: string | null = null;
    let highest = -1;
    for (const candidate of nodes) {
      const drawn = hash(`${shard}\u0000${candidate}`);
      if (drawn > highest || (drawn === highest && candidate < owner!)) {
        highest = drawn;
        owner = candidate;
      }
    }
    if (owner === node) owned.push(shard);
  }
  return owned;
}

/** One node at a time is the coordinator, which runs the singleton jobs: the one that owns this shard. */
const coordinatorShard = 0;

export const isCoordinator = (shards: readonly number[]): boolean => shards.includes(coordinatorShard);

/** Whether this node runs the singleton jobs now. */
export interface ClusterRole {
  readonly isCoordinator: boolean;
}
