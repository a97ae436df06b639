import type { DocumentKind, Documents, StoredDocument } from '../../domain/documents.ts';
import type { DocumentLookups, DocumentWrites } from '../alerting.ts';
import { type Cold, configuring, separately } from './methods.ts';
import { bytewise, table } from './pieces.ts';
import { sql } from './sql.ts';
import { changes, row, rows, stored, type Steps } from './steps.ts';

// What operators declare. Here, at the store's edge, is the one place where a document gets its type: nothing but `writeDocument`
// writes the table, and the port lets it write only what is of the kind.

/** The caller holds the transaction, and raises the version. */
export function* writeDocument(kind: DocumentKind, name: string, document: unknown): Steps<void> {
  yield* changes(
    sql`INSERT INTO ${table('documents')} (kind, name, document) VALUES (${kind}, ${name}, ${JSON.stringify(document)})
      ON CONFLICT (kind, name) DO UPDATE SET document = excluded.document`,
  );
}

/** The same. */
export function* removeDocument(kind: DocumentKind, name: string): Steps<boolean> {
  const removed = yield* changes(
    sql`DELETE FROM ${table('documents')} WHERE kind = ${kind} AND name = ${name}`,
  );
  return removed > 0;
}

function* documentFrom<Kind extends DocumentKind>(document: unknown, name: string): Steps<Documents[Kind]> {
  return yield* stored<Documents[Kind]>(document, `the stored document ${name}`);
}

export const documentWrites: Cold<DocumentWrites> = {
  putDocument: configuring(writeDocument),
  deleteDocument: configuring(removeDocument),
};

export const documentLookups: Cold<DocumentLookups> = {
  documents: separately(function* (kind) {
    const found = yield* rows(
      sql`SELECT name, document FROM ${table('documents')} WHERE kind = ${kind} ORDER BY ${bytewise('name')}`,
    );
    const documents: StoredDocument<DocumentKind>[] = [];
    for (const [name, document] of found)
      documents.push({ name: name as string, document: yield* documentFrom(document, name as string) });
    return documents;
  }),

  document: separately(function* (kind, name) {
    const found = yield* row(
      sql`SELECT document FROM ${table('documents')} WHERE kind = ${kind} AND name = ${name}`,
    );
    return found === undefined ? null : yield* documentFrom(found[0], name);
  }),
};
