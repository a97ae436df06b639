import type { Database } from './database.ts';

/** What the whole body is, what signs, and what the caller notes of an endpoint. A deleted one needs no secrets any more. */
export const secretsMigration = `
  UPDATE endpoints SET document = json_set(json_remove(document, '$.envelope'),
    '$.body', iif(document ->> '$.envelope' = 'none', 'data', 'envelope'), '$.metadata', json('{}'),
    '$.signatures', json('["v1"]'), '$.signingKeys', json('[]'));
  UPDATE endpoints SET document = json_set(document, '$.secrets', json('[]'), '$.headers', json('{}'))
    WHERE deleted_at IS NOT NULL;
`;

/** Rewrites the whole file, because a freed page may be anywhere in it, and empties the log. */
export function purgeFormerValues(db: Database, maxBytes = Number.POSITIVE_INFINITY): boolean {
  const [pages] = db.get('PRAGMA page_count')!;
  const [size] = db.get('PRAGMA page_size')!;
  if ((pages as number) * (size as number) > maxBytes) return false;
  db.checkGround();
  db.raw.exec('VACUUM');
  const [busy] = db.get('PRAGMA wal_checkpoint(TRUNCATE)')!;
  return busy === 0;
}
