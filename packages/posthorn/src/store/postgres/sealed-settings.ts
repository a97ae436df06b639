import type { Database } from './database.ts';

/** What the whole body is, what signs, and what the caller notes of an endpoint. A deleted one needs no secrets any more. */
export const secretsMigration = `
  UPDATE posthorn.endpoints SET document = document - 'envelope' || jsonb_build_object(
    'body', CASE WHEN document ->> 'envelope' = 'none' THEN 'data' ELSE 'envelope' END,
    'metadata', '{}'::jsonb, 'signatures', '["v1"]'::jsonb, 'signingKeys', '[]'::jsonb);
  UPDATE posthorn.endpoints SET document = document || '{"secrets": [], "headers": {}}' WHERE deleted_at IS NOT NULL;
`;

export async function readSealedSettings(db: Database): Promise<{ name: string; value: string }[]> {
  const rows = await db.query(
    'settings_sealed',
    "SELECT name, value FROM posthorn.settings WHERE value LIKE 'sealed:1:%' OR value LIKE 'plain:1:%' ORDER BY name",
  );
  return rows.map(([name, value]) => ({ name: name as string, value: value as string }));
}

export async function replaceSetting(db: Database, name: string, from: string, to: string): Promise<boolean> {
  const rows = await db.query(
    'setting_replace',
    'UPDATE posthorn.settings SET value = $3 WHERE name = $1 AND value = $2 RETURNING 1',
    [name, from, to],
  );
  return rows.length > 0;
}

/** These tables are small: each is rewritten in some milliseconds, under a lock that others wait for. */
export async function purgeFormerValues(db: Database): Promise<boolean> {
  for (const table of ['endpoints', 'documents', 'settings'])
    await db.query('', `VACUUM (FULL) posthorn.${table}`);
  return true;
}
