import type { Random } from '../runtime/random.ts';

/** Returns a generator of request ids, unique among processes: a random part, and a count. */
export function requestIds(random: Random): () => string {
  const prefix = `req_${Buffer.from(random.bytes(9)).toString('base64url')}`;
  let made = 0;
  return () => `${prefix}${(made++).toString(36).padStart(6, '0')}`;
}
