import type { Database } from './database.ts';

/** What the whole body is, what signs, and what the caller notes of an endpoint. A deleted one needs no secrets any more. */
export const secretsMigration = `
  UPDATE posthorn.endpoints SET document = document - 'envelope' || jsonb_build_object(
    'body', CASE WHEN document ->> 'envelope' = 'none' THEN 'data' ELSE 'envelope' END,
    'metadata', '{}'::jsonb, 'signatures', '["v1"]'::jsonb, 'signingKeys', '[]'::jsonb);
  UPDATE posthorn.endpoints SET document = document || '{"secrets": [], "headers": {}}' WHERE deleted_at IS NOT NULL;
`;

/** These tables are small: each is rewritten in some milliseconds, under a lock that others wait for. */
export async function purgeFormerValues(db: Database): Promise<boolean> {
  for (const table of ['endpoints', 'documents', 'settings'])
    await db.query('', `VACUUM (FULL) posthorn.${table}`);
  return true;
}
