import type { AuditEntry } from '../domain/audit-entry.ts';
import { type KeyRecord, keySettings, type KeyUse } from '../domain/key.ts';
import { iso } from '../domain/time.ts';
import { ConflictError } from '../domain/errors.ts';
import { withChange } from './audit-log.ts';
import type { ListPage, TenantFilter } from './filters.ts';

// The part of the port for API keys (G9). Keys themselves are nowhere in it: only their hashes. Whatever changes a key takes the
// entry of the audit log about it, which is appended in the same transaction with both sides of the change.

/** Keys that work at once: every node holds them all in memory, so that no request waits for the store. */
export const maxWorkingKeys = 10_000;
/** The maximum bound to one tenant: a caller that may create keys for a tenant leaves the other tenants theirs (G8). */
export const maxTenantKeys = 1000;
/** Ended keys that nodes know besides, the last to end first: to say why one does not work any more. */
export const maxEndedKeys = 1000;

export interface KeyRotation {
  readonly hash: string;
  /** The present key works until then; of one that was rotated before, the key before that ends at once. */
  readonly formerUntil: number;
}

export interface KnownKeys {
  readonly version: number;
  readonly keys: readonly KeyRecord[];
}

export interface KeyWrites {
  /** Rejects with `ConflictError` (`too_many_keys`) if `maxWorkingKeys` work already, or `maxTenantKeys` of its tenant. */
  createKey(key: KeyRecord, audit?: AuditEntry | null): Promise<void>;
  /** Replaces the hash of a key that works; null, with nothing changed, if there is none by this id or it has ended. */
  rotateKey(
    id: string,
    rotation: KeyRotation,
    now: number,
    audit?: AuditEntry | null,
  ): Promise<KeyRecord | null>;
  /** Ends a key; its row stays. One that was revoked before keeps that time. Null if there is none. */
  revokeKey(id: string, now: number, audit?: AuditEntry | null): Promise<KeyRecord | null>;
  /** Notes when and from where keys were used last; an earlier use than the one that is known changes nothing. */
  recordKeyUses(uses: readonly (KeyUse & { readonly id: string })[]): Promise<void>;
}

export interface KeyLookups {
  key(id: string): Promise<KeyRecord | null>;
  /** Lists keys by id, ended ones too; by default the oldest first. */
  keys(query: TenantFilter & ListPage<string>): Promise<readonly KeyRecord[]>;
  /** Returns all that work, and some that have ended lately; null if none was created, rotated or revoked since version `seen`. */
  knownKeys(seen: number | null): Promise<KnownKeys | null>;
}

/** The entry with both sides of what was done to a key. */
export function keyEntry(
  audit: AuditEntry | null,
  before: KeyRecord | null,
  after: KeyRecord,
): AuditEntry | null {
  const sideOf = (key: KeyRecord): unknown => ({
    ...keySettings(key),
    former_until: key.former === null ? null : iso(key.former.until),
  });
  return withChange(audit, before === null ? null : sideOf(before), sideOf(after));
}

/** Throws if no other key can work; `ofTenant`: of the keys that do, those of its tenant. */
export function refuseTooManyKeys(working: number, ofTenant: number): void {
  const full =
    working >= maxWorkingKeys
      ? `${maxWorkingKeys} keys`
      : ofTenant >= maxTenantKeys
        ? `${maxTenantKeys} keys of this tenant`
        : null;
  if (full === null) return;
  throw new ConflictError(
    'too_many_keys',
    `${full} work already, and no more can: revoke unused keys, then create this one again.`,
  );
}
