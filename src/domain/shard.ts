/** Number of shards; every delivery-path row belongs to one (docs/internals/decisions.md). */
export const shardCount = 64;

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
