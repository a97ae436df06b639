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
import type { Connection, Database, Row } from './database.ts';
import { tenantMatches, tenantValues } from './filter.ts';

/** A migration. `ends_at`: when the key stops working by revocation or expiry, whichever is first. */
export const keysTable = `
  CREATE TABLE posthorn.keys (
    id text PRIMARY KEY,
    hash text NOT NULL UNIQUE,
    tenant text,
    document json NOT NULL,
    revoked_at bigint,
    ends_at bigint,
    last_used_at bigint,
    last_used_from text
  );
  CREATE INDEX keys_listed ON posthorn.keys (id COLLATE "C");
  CREATE INDEX keys_ends_at ON posthorn.keys (ends_at DESC NULLS FIRST);
  INSERT INTO posthorn.settings (name, value) VALUES ('keys_version', '0');
`;

/** The row of the version is locked from here on: changes of keys take turns. */
async function raiseVersion(connection: Connection): Promise<void> {
  await connection.query(
    'keys_raise',
    "UPDATE posthorn.settings SET value = (value::bigint + 1)::text WHERE name = 'keys_version'",
  );
}

function recordFrom(row: Row): KeyRecord {
  return keyFrom(row, row[3] as unknown as KeyDocument);
}

export async function createKey(db: Database, key: KeyRecord, audit: AuditEntry | null): Promise<void> {
  await db.transaction(async (connection) => {
    await raiseVersion(connection);
    const [counts] = await connection.query(
      'keys_count',
      'SELECT count(*), count(*) FILTER (WHERE tenant = $2) FROM posthorn.keys WHERE ends_at IS NULL OR ends_at > $1',
      [key.createdAt, key.tenant],
    );
    const [working, ofTenant] = counts as unknown as [number, number];
    refuseTooManyKeys(working, ofTenant);
    await connection.query(
      'key_create',
      'INSERT INTO posthorn.keys (id, hash, tenant, document, ends_at) VALUES ($1, $2, $3, $4, $5)',
      [key.id, key.hash, key.tenant, JSON.stringify(keyDocumentFrom(key)), keyEndsAt(key)],
    );
    await writeAudit(connection, [keyEntry(audit, null, key)]);
  });
}

export async function findKey(connection: Connection, id: string): Promise<KeyRecord | null> {
  const [row] = await connection.query('key', `SELECT ${keyColumns} FROM posthorn.keys WHERE id = $1`, [id]);
  return row === undefined ? null : recordFrom(row);
}

export async function listKeys(
  db: Database,
  { after, limit, order = 'asc', ...filter }: TenantFilter & ListPage<string>,
): Promise<KeyRecord[]> {
  const rows = await db.query(
    `keys_${order}`,
    `SELECT ${keyColumns} FROM posthorn.keys WHERE ${tenantMatches('tenant', 1, 2)}
       AND ($3::text IS NULL OR id COLLATE "C" ${order === 'asc' ? '>' : '<'} $3) ORDER BY id COLLATE "C" ${order} LIMIT $4`,
    [...tenantValues(filter), after, limit],
  );
  return rows.map(recordFrom);
}

export async function readKnownKeys(db: Database, seen: number | null): Promise<KnownKeys | null> {
  const versionOf = async (connection: Pick<Connection, 'query'>): Promise<number> => {
    const [row] = await connection.query(
      'keys_version',
      "SELECT value::bigint FROM posthorn.settings WHERE name = 'keys_version'",
    );
    return row![0] as number;
  };
  if ((await versionOf(db)) === seen) return null;
  return await db.snapshot(async (connection) => {
    const version = await versionOf(connection);
    // Those without an end come first, then those that end last.
    const rows = await connection.query(
      'keys_known',
      `SELECT ${keyColumns} FROM posthorn.keys ORDER BY ends_at DESC NULLS FIRST LIMIT $1`,
      [maxWorkingKeys + maxEndedKeys],
    );
    return { version, keys: rows.map(recordFrom) };
  });
}

export async function rotateKey(
  db: Database,
  id: string,
  { hash, formerUntil }: KeyRotation,
  now: number,
  audit: AuditEntry | null,
): Promise<KeyRecord | null> {
  return await db.transaction(async (connection) => {
    await raiseVersion(connection);
    const before = await findKey(connection, id);
    if (before === null || keyState(before, now) !== 'active') return null;
    const key = { ...before, hash, former: { hash: before.hash, until: formerUntil } };
    await connection.query('key_rotate', 'UPDATE posthorn.keys SET hash = $2, document = $3 WHERE id = $1', [
      id,
      hash,
      JSON.stringify(keyDocumentFrom(key)),
    ]);
    await writeAudit(connection, [keyEntry(audit, before, key)]);
    return key;
  });
}

export async function revokeKey(
  db: Database,
  id: string,
  now: number,
  audit: AuditEntry | null,
): Promise<KeyRecord | null> {
  return await db.transaction(async (connection) => {
    await raiseVersion(connection);
    const before = await findKey(connection, id);
    if (before === null || before.revokedAt !== null) return before;
    const key = { ...before, revokedAt: now };
    await connection.query(
      'key_revoke',
      'UPDATE posthorn.keys SET revoked_at = $2, ends_at = $3 WHERE id = $1',
      [id, now, keyEndsAt(key)],
    );
    await writeAudit(connection, [keyEntry(audit, before, key)]);
    return key;
  });
}

export async function recordKeyUses(
  db: Database,
  uses: readonly (KeyUse & { readonly id: string })[],
): Promise<void> {
  await db.query(
    'keys_used',
    `UPDATE posthorn.keys k SET last_used_at = u.at, last_used_from = u.source
     FROM unnest($1::text[], $2::bigint[], $3::text[]) AS u (id, at, source)
     WHERE k.id = u.id AND (k.last_used_at IS NULL OR k.last_used_at < u.at)`,
    [uses.map(({ id }) => id), uses.map(({ at }) => at), uses.map(({ from }) => from)],
  );
}
