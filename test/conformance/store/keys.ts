import { expect, test } from 'vitest';
import type { AuditEntry } from '../../../packages/posthorn/src/domain/audit-entry.ts';
import type { KeyRecord } from '../../../packages/posthorn/src/domain/key.ts';
import { maxTenantKeys } from '../../../packages/posthorn/src/store/keys.ts';
import { start } from '../../support.ts';
import type { Subject } from './subject.ts';

let made = 0;
export function aKey(fields: Partial<KeyRecord> = {}): KeyRecord {
  const n = String(made++).padStart(6, '0');
  return {
    id: `key_${n}`,
    hash: n.padStart(64, '0'),
    former: null,
    name: 'checkout',
    scopes: ['publish'],
    tenant: null,
    endpointIds: null,
    payloads: 'masked',
    ratePerS: null,
    createdAt: start,
    expiresAt: null,
    revokedAt: null,
    lastUse: null,
    ...fields,
  };
}

/** API keys: kept by their hashes, ended for good, and known by version. */
export function describeKeys(subject: Subject): void {
  const knownIds = async (): Promise<string[]> =>
    (await subject.store.read.knownKeys(null))!.keys.map(({ id }) => id);

  test('G9: a key comes back as it was created, by id and in lists, in both orders and by tenant', async () => {
    const { store } = subject;
    const first = aKey();
    const bound = aKey({
      scopes: ['read', 'operate'],
      tenant: 'acme',
      endpointIds: ['ep_1', 'ep_2'],
      payloads: 'full',
      ratePerS: 0.5,
      expiresAt: start + 1000,
    });
    const keys = [first, bound, aKey({ scopes: ['admin'], name: 'Größe “x”' })];
    for (const key of keys) await store.write.createKey(key);
    expect(await store.read.key(bound.id)).toEqual(bound);
    expect(await store.read.key('key_none')).toBeNull();
    expect(await store.read.keys({ after: null, limit: 10 })).toEqual(keys);
    expect(await store.read.keys({ after: keys[2]!.id, limit: 1, order: 'desc' })).toEqual([bound]);
    expect(await store.read.keys({ after: keys[0]!.id, limit: 10 })).toEqual(keys.slice(1));
    expect(await store.read.keys({ tenants: ['acme', 'other'], after: null, limit: 10 })).toEqual([bound]);
    await expect(store.write.createKey(aKey({ hash: bound.hash }))).rejects.toThrow(/unique/i);
  });

  test('G8: a tenant that has all the keys it may have takes none from others', async () => {
    const { store } = subject;
    const ended = aKey({ tenant: 'acme', expiresAt: start });
    const keys = Array.from({ length: maxTenantKeys }, () => aKey({ tenant: 'acme' }));
    for (const key of [ended, ...keys]) await store.write.createKey(key);
    await expect(store.write.createKey(aKey({ tenant: 'acme' }))).rejects.toThrow(/1000 keys of this tenant/);
    await store.write.createKey(aKey({ tenant: 'other' }));
    await store.write.createKey(aKey());
    await store.write.revokeKey(keys[0]!.id, start);
    await store.write.createKey(aKey({ tenant: 'acme', createdAt: start }));
  });

  test('G9: a rotated key has another hash, and the former one until its time; one that has ended is not rotated', async () => {
    const { store } = subject;
    const key = aKey({ expiresAt: start + 1000 });
    await store.write.createKey(key);
    const rotation = { hash: 'a'.repeat(64), formerUntil: start + 50 };
    const rotated = { ...key, hash: rotation.hash, former: { hash: key.hash, until: start + 50 } };
    expect(await store.write.rotateKey(key.id, rotation, start + 10)).toEqual(rotated);
    expect(await store.read.key(key.id)).toEqual(rotated);
    expect(await store.write.rotateKey('key_none', rotation, start)).toBeNull();
    expect(
      await store.write.rotateKey(key.id, { ...rotation, hash: 'b'.repeat(64) }, start + 1000),
    ).toBeNull();
    await store.write.revokeKey(key.id, start + 20);
    expect(await store.write.rotateKey(key.id, { ...rotation, hash: 'b'.repeat(64) }, start + 30)).toBeNull();
    expect(await store.read.key(key.id)).toEqual({ ...rotated, revokedAt: start + 20 });
  });

  test('G9: a revoked key stays, with the time of its first revocation', async () => {
    const { store } = subject;
    const key = aKey();
    await store.write.createKey(key);
    const revoked = { ...key, revokedAt: start + 10 };
    expect(await store.write.revokeKey(key.id, start + 10)).toEqual(revoked);
    expect(await store.write.revokeKey(key.id, start + 20)).toEqual(revoked);
    expect(await store.read.keys({ after: null, limit: 10 })).toEqual([revoked]);
    expect(await store.write.revokeKey('key_none', start)).toBeNull();
  });

  test('G4, G9: what is done to a key is in the audit log, with both sides and no hash; what changes nothing is not', async () => {
    const { store } = subject;
    const key = aKey({ expiresAt: start + 1000 });
    const entry = (action: string): AuditEntry => ({
      at: start,
      actor: { kind: 'key', id: 'admin', name: 'admin key' },
      action,
      target: { kind: 'key', id: key.id },
      tenant: null,
      before: null,
      after: null,
      from: null,
      requestId: null,
    });
    await store.write.createKey(key, entry('keys.create'));
    const rotation = { hash: 'd'.repeat(64), formerUntil: start + 50 };
    await store.write.rotateKey(key.id, rotation, start, entry('keys.rotate'));
    for (const at of [start + 1, start + 2]) await store.write.revokeKey(key.id, at, entry('keys.delete'));
    await store.write.rotateKey(key.id, rotation, start + 3, entry('keys.rotate'));
    const entries = await store.read.auditLog({}, { after: null, limit: 10, order: 'asc' });
    const iso = (ms: number): string => new Date(ms).toISOString();
    expect(entries.map(({ document: { action, before, after } }) => [action, before, after])).toMatchObject([
      ['keys.create', null, { name: key.name, former_until: null, revoked_at: null }],
      ['keys.rotate', { former_until: null }, { former_until: iso(start + 50) }],
      ['keys.delete', { revoked_at: null }, { revoked_at: iso(start + 1) }],
    ]);
    const texts = JSON.stringify(entries.map(({ document }) => document));
    for (const hash of [key.hash, rotation.hash]) expect(texts).not.toContain(hash);
  });

  test('G9: every change has another version, and a reader with the newest one reads nothing', async () => {
    const { store } = subject;
    const first = (await store.read.knownKeys(null))!;
    expect(first.keys).toEqual([]);
    expect(await store.read.knownKeys(first.version)).toBeNull();
    const key = aKey();
    let seen = first.version;
    const changes = [
      () => store.write.createKey(key),
      () => store.write.rotateKey(key.id, { hash: 'c'.repeat(64), formerUntil: start }, start),
      () => store.write.revokeKey(key.id, start + 1),
    ];
    for (const change of changes) {
      await change();
      const known = (await store.read.knownKeys(seen))!;
      expect(known.keys).toEqual([await store.read.key(key.id)]);
      expect(await store.read.knownKeys(known.version)).toBeNull();
      seen = known.version;
    }
    await store.write.recordKeyUses([{ id: key.id, at: start, from: null }]);
    expect(await store.read.knownKeys(seen)).toBeNull();
  });

  test('G9: keys that work are known first, then those that ended last', async () => {
    const { store } = subject;
    const forEver = aKey();
    const [early, late, later] = [1, 2, 3].map((n) => aKey({ expiresAt: start + n * 1000 }));
    for (const key of [early!, later!, forEver, late!]) await store.write.createKey(key);
    expect(await knownIds()).toEqual([forEver.id, later!.id, late!.id, early!.id]);
    await store.write.revokeKey(forEver.id, start + 1);
    expect((await knownIds()).at(-1)).toBe(forEver.id);
  });

  test('G9: of uses the last one is kept, whatever order they are written in', async () => {
    const { store } = subject;
    const [one, other] = [aKey(), aKey()];
    for (const key of [one, other]) await store.write.createKey(key);
    await store.write.recordKeyUses([
      { id: one.id, at: start + 5, from: '192.0.2.1' },
      { id: other.id, at: start + 6, from: null },
      { id: 'key_none', at: start, from: null },
    ]);
    await store.write.recordKeyUses([{ id: one.id, at: start + 4, from: '192.0.2.9' }]);
    await store.write.recordKeyUses([]);
    expect((await store.read.key(one.id))!.lastUse).toEqual({ at: start + 5, from: '192.0.2.1' });
    expect((await store.read.key(other.id))!.lastUse).toEqual({ at: start + 6, from: null });
  });
}
