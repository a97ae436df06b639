import { iso, isoOrNull } from './time.ts';
import { type Caller, type KeyScope, hasScope, type PayloadAccess } from './caller.ts';

/** An API key as it is stored: the key itself is nowhere (G9). */
export interface KeyRecord {
  readonly id: string;
  /** SHA-256 of the key, in hexadecimal. */
  readonly hash: string;
  /** The key before the last rotation, which works until its grace time ends. */
  readonly former: { readonly hash: string; readonly until: number } | null;
  readonly name: string;
  readonly scopes: readonly KeyScope[];
  readonly tenant: string | null;
  readonly endpointIds: readonly string[] | null;
  readonly payloads: PayloadAccess;
  /** Requests a second on each node; null: no limit. */
  readonly ratePerS: number | null;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly revokedAt: number | null;
  readonly lastUse: KeyUse | null;
}

export interface KeyUse {
  readonly at: number;
  /** The address that the request came from; null: not known. */
  readonly from: string | null;
}

export type KeyState = 'active' | 'expired' | 'revoked';

export function keyState(
  { expiresAt, revokedAt }: Pick<KeyRecord, 'expiresAt' | 'revokedAt'>,
  now: number,
): KeyState {
  if (revokedAt !== null) return 'revoked';
  return expiresAt !== null && expiresAt <= now ? 'expired' : 'active';
}

/** When the key stops working, as far as is known; null: it does not. */
export function keyEndsAt({
  expiresAt,
  revokedAt,
}: Pick<KeyRecord, 'expiresAt' | 'revokedAt'>): number | null {
  if (expiresAt === null || revokedAt === null) return expiresAt ?? revokedAt;
  return Math.min(expiresAt, revokedAt);
}

/** What a key sees of payloads if nothing else is said. */
export function defaultPayloads(scopes: readonly KeyScope[]): PayloadAccess {
  return hasScope({ scopes }, 'admin') ? 'full' : 'masked';
}

/** A key's settings in the words of the wire, without anything of the key itself. */
export function keySettings(key: KeyRecord) {
  return {
    name: key.name,
    scopes: key.scopes,
    tenant: key.tenant,
    endpoint_ids: key.endpointIds,
    payloads: key.payloads,
    rate_limit_per_s: key.ratePerS,
    created_at: iso(key.createdAt),
    expires_at: isoOrNull(key.expiresAt),
    revoked_at: isoOrNull(key.revokedAt),
  };
}

export function callerFrom({ id, name, scopes, tenant, endpointIds, payloads }: KeyRecord): Caller {
  return { kind: 'key', id, name, scopes, tenant, endpointIds, payloads, can: null };
}
