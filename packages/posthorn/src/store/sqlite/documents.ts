import type { DocumentKind, Documents, StoredDocument } from '../../domain/documents.ts';
import type { Database } from './database.ts';

// What operators declare. The caller of a write holds the transaction.

/**
 * The documents of a kind. Here, at the store's edge, is the one place where a document gets its type: nothing but
 * `writeDocument` writes the table, and the port lets it write only what is of the kind.
 */
export function readDocuments<Kind extends DocumentKind>(db: Database, kind: Kind): StoredDocument<Kind>[] {
  return db
    .all('SELECT name, document FROM documents WHERE kind = ? ORDER BY name', kind)
    .map(([name, text]) => ({
      name: name as string,
      document: db.json(text, `the stored document ${name as string}`) as Documents[Kind],
    }));
}

export function readDocument<Kind extends DocumentKind>(
  db: Database,
  kind: Kind,
  name: string,
): Documents[Kind] | null {
  const row = db.get('SELECT document FROM documents WHERE kind = ? AND name = ?', kind, name);
  return row === undefined ? null : (db.json(row[0]!, `the stored document ${name}`) as Documents[Kind]);
}

export function writeDocument(db: Database, kind: DocumentKind, name: string, document: unknown): void {
  db.run(
    'INSERT INTO documents (kind, name, document) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET document = excluded.document',
    kind,
    name,
    JSON.stringify(document),
  );
}

export function removeDocument(db: Database, kind: DocumentKind, name: string): boolean {
  return db.run('DELETE FROM documents WHERE kind = ? AND name = ?', kind, name) > 0;
}
