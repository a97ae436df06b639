import type { DocumentKind, Documents, StoredDocument } from '../../domain/documents.ts';
import type { Connection } from './database.ts';

// What operators declare. The caller of a write holds the transaction, and announces the change.

/**
 * The documents of a kind. Here, at the store's edge, is the one place where a document gets its type: nothing but
 * `writeDocument` writes the table, and the port lets it write only what is of the kind.
 */
export async function readDocuments<Kind extends DocumentKind>(
  connection: Connection,
  kind: Kind,
): Promise<StoredDocument<Kind>[]> {
  const rows = await connection.query(
    'documents',
    'SELECT name, document FROM posthorn.documents WHERE kind = $1 ORDER BY name COLLATE "C"',
    [kind],
  );
  return rows.map(([name, document]) => ({
    name: name as string,
    document: document as unknown as Documents[Kind],
  }));
}

export async function readDocument<Kind extends DocumentKind>(
  connection: Connection,
  kind: Kind,
  name: string,
): Promise<Documents[Kind] | null> {
  const [row] = await connection.query(
    'document',
    'SELECT document FROM posthorn.documents WHERE kind = $1 AND name = $2',
    [kind, name],
  );
  return row === undefined ? null : (row[0] as unknown as Documents[Kind]);
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
