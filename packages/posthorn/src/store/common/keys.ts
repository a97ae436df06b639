import type { KeyRecord } from '../../domain/key.ts';
import { keyEndsAt, keyState } from '../../domain/key.ts';
import {
  keyEntry,
  type KeyLookups,
  type KeyWrites,
  maxEndedKeys,
  maxWorkingKeys,
  refuseTooManyKeys,
} from '../keys.ts';
import { writeAudit } from './audit-log.ts';
import { type Cold, separately, transaction, unsynced } from './methods.ts';
import { all, bytewise, comesAfter, limit, ofTenants, rowsFrom, table } from './pieces.ts';
import { raw, type Row, sql } from './sql.ts';
import { changes, row, rows, stored, type Steps } from './steps.ts';

/** What is stored of a key as one document; the other fields have columns of their own. */
type KeyDocument = Omit<KeyRecord, 'id' | 'hash' | 'tenant' | 'revokedAt' | 'lastUse'>;

function documentFrom({
  id: _id,
  hash: _hash,
  tenant: _tenant,
  revokedAt: _revokedAt,
  lastUse: _lastUse,
  ...document
}: KeyRecord): string {
  return JSON.stringify(document satisfies KeyDocument);
}

const columns = raw('id, hash, tenant, document, revoked_at, last_used_at, last_used_from');

/** `columns` */
function* keyFrom(found: Row): Steps<KeyRecord> {
  const [id, hash, tenant, document, revokedAt, usedAt, usedFrom] = found as [
    string,
    string,
    string | null,
    unknown,
    number | null,
    number | null,
    string | null,
  ];
  return {
    id,
    hash,
    tenant,
    ...(yield* stored<KeyDocument>(document, 'a stored key')),
    revokedAt,
    lastUse: usedAt === null ? null : { at: usedAt, from: usedFrom },
  };
}

function* keysFrom(found: readonly Row[]): Steps<KeyRecord[]> {
  const keys: KeyRecord[] = [];
  for (const one of found) keys.push(yield* keyFrom(one));
  return keys;
}

function* readVersion(): Steps<number> {
  const found = yield* row(
    sql`SELECT CAST(value AS bigint) FROM ${table('settings')} WHERE name = 'keys_version'`,
  );
  return (found?.[0] as number | undefined) ?? 0;
}

/** The row of the version is locked from here on: changes of keys take turns. */
function* raiseVersion(): Steps<void> {
  yield* changes(
    sql`INSERT INTO ${table('settings')} (name, value) VALUES ('keys_version', '1')
      ON CONFLICT (name) DO UPDATE SET value = CAST(CAST(settings.value AS bigint) + 1 AS text)`,
  );
}

function* readKey(id: string): Steps<KeyRecord | null> {
  const found = yield* row(sql`SELECT ${columns} FROM ${table('keys')} WHERE id = ${id}`);
  return found === undefined ? null : yield* keyFrom(found);
}

export const keyWrites: Cold<KeyWrites> = {
  createKey: transaction(function* (key, audit = null) {
    yield* raiseVersion();
    const counts = yield* row(
      sql`SELECT count(*), count(*) FILTER (WHERE tenant = ${key.tenant}) FROM ${table('keys')}
        WHERE ends_at IS NULL OR ends_at > ${key.createdAt}`,
    );
    const [working, ofTenant] = counts as [number, number];
    refuseTooManyKeys(working, ofTenant);
    yield* changes(
      sql`INSERT INTO ${table('keys')} (id, hash, tenant, document, ends_at)
        VALUES (${key.id}, ${key.hash}, ${key.tenant}, ${documentFrom(key)}, ${keyEndsAt(key)})`,
    );
    yield* writeAudit([keyEntry(audit, null, key)]);
  }),

  rotateKey: transaction(function* (id, { hash, formerUntil }, now, audit = null) {
    yield* raiseVersion();
    const before = yield* readKey(id);
    if (before === null || keyState(before, now) !== 'active') return null;
    const key = { ...before, hash, former: { hash: before.hash, until: formerUntil } };
    yield* changes(
      sql`UPDATE ${table('keys')} SET hash = ${hash}, document = ${documentFrom(key)} WHERE id = ${id}`,
    );
    yield* writeAudit([keyEntry(audit, before, key)]);
    return key;
  }),

  revokeKey: transaction(function* (id, now, audit = null) {
    yield* raiseVersion();
    const before = yield* readKey(id);
    if (before === null || before.revokedAt !== null) return before;
    const key = { ...before, revokedAt: now };
    yield* changes(
      sql`UPDATE ${table('keys')} SET revoked_at = ${now}, ends_at = ${keyEndsAt(key)} WHERE id = ${id}`,
    );
    yield* writeAudit([keyEntry(audit, before, key)]);
    return key;
  }),

  // What a power cut takes of it is the time of a use.
  recordKeyUses: unsynced(function* (uses) {
    const used = rowsFrom('u', {
      id: { type: 'text', values: uses.map(({ id }) => id) },
      at: { type: 'bigint', values: uses.map(({ at }) => at) },
      source: { type: 'text', values: uses.map(({ from }) => from) },
    });
    yield* changes(
      sql`UPDATE ${table('keys')} AS k SET last_used_at = u.at, last_used_from = u.source FROM ${used}
        WHERE k.id = u.id AND (k.last_used_at IS NULL OR k.last_used_at < u.at)`,
    );
  }),
};

export const keyLookups: Cold<KeyLookups> = {
  key: separately(readKey),

  keys: separately(function* ({ after, limit: max, order = 'asc', ...filter }) {
    const found = yield* rows(
      sql`SELECT ${columns} FROM ${table('keys')} WHERE ${all([
        ofTenants('tenant', filter),
        comesAfter('id', order, after),
      ])} ORDER BY ${bytewise('id')} ${raw(order)} ${limit(max)}`,
    );
    return yield* keysFrom(found);
  }),

  // The version first: keys that change between the two statements are known sooner than by their version, and read again with it.
  knownKeys: separately(function* (seen) {
    const version = yield* readVersion();
    if (version === seen) return null;
    // Those without an end come first, then those that end last.
    const found = yield* rows(
      sql`SELECT ${columns} FROM ${table('keys')} ORDER BY ends_at DESC NULLS FIRST ${limit(maxWorkingKeys + maxEndedKeys)}`,
    );
    return { version, keys: yield* keysFrom(found) };
  }),
};
