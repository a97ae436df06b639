import type { AuditEntry } from '../../domain/audit-entry.ts';
import { keyEndsAt, type KeyRecord, keyState, type KeyUse } from '../../domain/key.ts';
import type { ListPage, TenantFilter } from '../filters.ts';
import {
  keyColumns,
  type KeyDocument,
  keyDocumentFrom,
  keyEntry,
  keyFrom,
  type KeyRotation,
  type KnownKeys,
  maxEndedKeys,
  maxWorkingKeys,
  refuseTooManyKeys,
} from '../keys.ts';
import { writeAudit } from './audit-log.ts';
import type { Database, Row } from './database.ts';
import { tenantMatches, tenantValues } from './filter.ts';

/** A migration. `ends_at`: when the key stops working by revocation or expiry, whichever is first. */
export const keysTable = `
  CREATE TABLE keys (
    id TEXT PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    tenant TEXT,
    document TEXT NOT NULL,
    revoked_at INTEGER,
    ends_at INTEGER,
    last_used_at INTEGER,
    last_used_from TEXT
  );
  CREATE INDEX keys_ends_at ON keys (ends_at);
`;

function version(db: Database): number {
  return Number(db.get("SELECT value FROM settings WHERE name = 'keys_version'")?.[0] ?? 0);
}

function raiseVersion(db: Database): void {
  db.run(
    "INSERT INTO settings (name, value) VALUES ('keys_version', '1') ON CONFLICT DO UPDATE SET value = CAST(value AS INTEGER) + 1",
  );
}

function recordFrom(db: Database, row: Row): KeyRecord {
  return keyFrom(row, db.json(row[3], 'a stored key') as KeyDocument);
}

export function createKey(db: Database, key: KeyRecord, audit: AuditEntry | null): void {
  db.transaction(() => {
    const [working, ofTenant] = db.get(
      'SELECT count(*), count(*) FILTER (WHERE tenant = ?) FROM keys WHERE ends_at IS NULL OR ends_at > ?',
      key.tenant,
      key.createdAt,
    ) as [number, number];
    refuseTooManyKeys(working, ofTenant);
    db.run(
      'INSERT INTO keys (id, hash, tenant, document, ends_at) VALUES (?, ?, ?, ?, ?)',
      key.id,
      key.hash,
      key.tenant,
      JSON.stringify(keyDocumentFrom(key)),
      keyEndsAt(key),
    );
    writeAudit(db, [keyEntry(audit, null, key)]);
    raiseVersion(db);
  });
}

export function findKey(db: Database, id: string): KeyRecord | null {
  const row = db.get(`SELECT ${keyColumns} FROM keys WHERE id = ?`, id);
  return row === undefined ? null : recordFrom(db, row);
}

export function listKeys(
  db: Database,
  { after, limit, order = 'asc', ...filter }: TenantFilter & ListPage<string>,
): KeyRecord[] {
  return db
    .all(
      `SELECT ${keyColumns} FROM keys WHERE ${tenantMatches('tenant', 1, 2)} AND (?3 IS NULL OR id ${order === 'asc' ? '>' : '<'} ?3)
       ORDER BY id ${order} LIMIT ?4`,
      ...tenantValues(filter),
      after,
      limit,
    )
    .map((row) => recordFrom(db, row));
}

export function readKnownKeys(db: Database, seen: number | null): KnownKeys | null {
  return db.snapshot(() => {
    const now = version(db);
    if (now === seen) return null;
    // Those without an end come first, then those that end last.
    const rows = db.all(
      `SELECT ${keyColumns} FROM keys ORDER BY ends_at IS NOT NULL, ends_at DESC LIMIT ?`,
      maxWorkingKeys + maxEndedKeys,
    );
    return { version: now, keys: rows.map((row) => recordFrom(db, row)) };
  });
}

export function rotateKey(
  db: Database,
  id: string,
  { hash, formerUntil }: KeyRotation,
  now: number,
  audit: AuditEntry | null,
): KeyRecord | null {
  return db.transaction(() => {
    const before = findKey(db, id);
    if (before === null || keyState(before, now) !== 'active') return null;
    const key = { ...before, hash, former: { hash: before.hash, until: formerUntil } };
    db.run(
      'UPDATE keys SET hash = ?, document = ? WHERE id = ?',
      hash,
      JSON.stringify(keyDocumentFrom(key)),
      id,
    );
    raiseVersion(db);
    writeAudit(db, [keyEntry(audit, before, key)]);
    return key;
  });
}

export function revokeKey(db: Database, id: string, now: number, audit: AuditEntry | null): KeyRecord | null {
  return db.transaction(() => {
    const before = findKey(db, id);
    if (before === null || before.revokedAt !== null) return before;
    const key = { ...before, revokedAt: now };
    db.run('UPDATE keys SET revoked_at = ?, ends_at = ? WHERE id = ?', now, keyEndsAt(key), id);
    raiseVersion(db);
    writeAudit(db, [keyEntry(audit, before, key)]);
    return key;
  });
}

export function recordKeyUses(db: Database, uses: readonly (KeyUse & { readonly id: string })[]): void {
  // What a power cut takes of it is the time of a use.
  db.transactionUnsynced(() => {
    for (const { id, at, from } of uses)
      db.run(
        'UPDATE keys SET last_used_at = ?1, last_used_from = ?2 WHERE id = ?3 AND (last_used_at IS NULL OR last_used_at < ?1)',
        at,
        from,
        id,
      );
  });
}
