/** What signs an endpoint's requests: `v1` by its secrets, `v1a` by its signing keys. */
export type SignatureKind = 'v1' | 'v1a';

/** A key pair whose signatures anybody can verify. */
export interface EndpointSigningKey {
  /** Tells nothing of its endpoint. */
  readonly id: string;
  /** The set that it is published in, the same for all keys of an endpoint; tells nothing of it either. */
  readonly keySet: string;
  /** `whpk_…` */
  readonly publicKey: string;
  /** `whsk_…`, sealed. */
  readonly privateKey: string;
  readonly createdAt: number;
  /** Until when it still signs beside its successor; null for the current one. */
  readonly expiresAt: number | null;
}

/** A request that is on its way when a key ends is verified with it afterwards. */
const publishedAfterMs = 15 * 60_000;

/** The keys of an endpoint that receivers may need now. */
export function publishedKeys(
  keys: readonly EndpointSigningKey[],
  now: number,
): readonly EndpointSigningKey[] {
  return keys.filter(({ expiresAt }) => expiresAt === null || expiresAt + publishedAfterMs > now);
}
