import type { Answer } from '../contract/table.ts';
import { type Endpoint, rotated } from '../domain/endpoint.ts';
import type { EndpointSigningKey } from '../domain/signing-keys.ts';
import { isoOrNull } from '../domain/time.ts';
import { newKeyPair } from '../signing/asymmetric.ts';
import type { ServiceDependencies } from './dependencies.ts';

type Dependencies = Pick<ServiceDependencies, 'keyring' | 'random'>;
type Signing = Pick<Endpoint, 'signatures' | 'signingKeys'>;

const idBytes = 9;
/** So many that the set of another endpoint's keys cannot be guessed. */
const setBytes = 18;

function newSigningKey(now: number, keySet: string, { keyring, random }: Dependencies): EndpointSigningKey {
  const { privateKey, publicKey } = newKeyPair(random);
  return {
    id: `wpk_${Buffer.from(random.bytes(idBytes)).toString('base64url')}`,
    keySet,
    publicKey,
    privateKey: keyring.seal(privateKey, 'signing'),
    createdAt: now,
    expiresAt: null,
  };
}

/** The endpoint, with a key pair if it signs with `v1a` and has none. */
export function withSigningKey<T extends Signing>(endpoint: T, now: number, deps: Dependencies): T {
  if (!endpoint.signatures.includes('v1a') || endpoint.signingKeys.length > 0) return endpoint;
  const keySet = `wks_${Buffer.from(deps.random.bytes(setBytes)).toString('base64url')}`;
  return { ...endpoint, signingKeys: [newSigningKey(now, keySet, deps)] };
}

/** The keys after a rotation, as `rotated` says; null if they were too many. */
export function rotateSigningKeys(
  keys: readonly EndpointSigningKey[],
  now: number,
  graceMs: number,
  deps: Dependencies,
): readonly EndpointSigningKey[] | null {
  return rotated(keys, newSigningKey(now, keys[0]!.keySet, deps), now, graceMs);
}

export function wirePublicKeys(keys: readonly EndpointSigningKey[]): Answer<'service.publicKeys'> {
  return {
    items: keys.map(({ id, publicKey, expiresAt }) => ({
      id,
      public_key: publicKey,
      expires_at: isoOrNull(expiresAt),
    })),
    next_cursor: null,
  };
}
