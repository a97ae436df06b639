import type { Endpoint } from '../domain/endpoint.ts';
import { dayMs } from '../domain/time.ts';
import { everyEndpoint } from '../store/every-endpoint.ts';
import type { StorePart } from '../store/store.ts';

/** The longest time that a former secret signs beside its successor. */
const longestGraceMs = 7 * dayMs;
const maxTries = 5;

/**
 * After the clock went back: a rotation while it was ahead would have the former secret sign for as long as it was ahead.
 * Its grace ends as late as any may, and no grace becomes shorter than was promised. Returns the endpoints that it changed.
 */
export async function endFutureSecrets(
  store: StorePart<'changeConfig', 'endpoints' | 'configVersion'>,
  now: number,
): Promise<readonly Endpoint[]> {
  const latest = now + longestGraceMs;
  for (let tries = 0; tries < maxTries; tries++) {
    const version = await store.read.configVersion();
    const updateEndpoints = [];
    for await (const { id, secrets, signingKeys, updatedAt } of everyEndpoint(store.read))
      if ([...secrets, ...signingKeys].some(({ expiresAt }) => expiresAt !== null && expiresAt > latest))
        updateEndpoints.push({
          id,
          change: {
            updatedAt,
            secrets: secrets.map((one) => endedBy(one, latest)),
            signingKeys: signingKeys.map((one) => endedBy(one, latest)),
          },
        });
    if (updateEndpoints.length === 0) return [];
    const changed = await store.write.changeConfig({ version, now, updateEndpoints });
    if (changed !== null) return changed;
  }
  return [];
}

function endedBy<T extends { readonly expiresAt: number | null }>(one: T, latest: number): T {
  return one.expiresAt === null ? one : { ...one, expiresAt: Math.min(one.expiresAt, latest) };
}
