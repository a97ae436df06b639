import type { DocumentKind, StoredDocument } from '../store.ts';
import type { Connection } from './database.ts';

// What operators declare. The caller of a write holds the transaction, and announces the change.

export async function readDocuments(connection: Connection, kind: DocumentKind): Promise<StoredDocument[]> {
  const rows = await connection.query(
    'documents',
    'SELECT name, document FROM posthorn.documents WHERE kind = $1 ORDER BY name COLLATE "C"',
    [kind],
  );
  return rows.map(([name, document]) => ({ name: name as string, document }));
}

export async function writeDocument(
  connection: Connection,
  kind: DocumentKind,
  name: string,
  document: unknown,
): Promise<void> {
  await connection.query(
    'document_put',
    `INSERT INTO posthorn.documents (kind, name, document) VALUES ($1, $2, $3::jsonb)
     ON CONFLICT (kind, name) DO UPDATE SET document = excluded.document`,
    [kind, name, JSON.stringify(document)],
  );
}

export async function removeDocument(
  connection: Connection,
  kind: DocumentKind,
  name: string,
): Promise<boolean> {
  const rows = await connection.query(
    'document_delete',
    'DELETE FROM posthorn.documents WHERE kind = $1 AND name = $2 RETURNING 1',
    [kind, name],
  );
  return rows.length > 0;
}
