import { mergedContact } from '../../domain/contact.ts';
import { type ContactChange, contactAt, contactColumns, storedContact } from '../contacts.ts';
import { clockSlackMs } from '../rows.ts';
import type { Database } from './database.ts';

/** A migration: when attempts at the endpoint's URL last succeeded and failed, and since when they only fail. */
export const contactMigration = `
  ALTER TABLE endpoints ADD COLUMN last_success_at INTEGER;
  ALTER TABLE endpoints ADD COLUMN last_failure_at INTEGER;
  ALTER TABLE endpoints ADD COLUMN failed_since INTEGER;
  ALTER TABLE endpoints ADD COLUMN failures_in_a_row INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE endpoints ADD COLUMN last_error_class TEXT;
  ALTER TABLE endpoints ADD COLUMN last_status_code INTEGER;
`;

/** What was learned of a URL ends with it. */
export const contactForgotten =
  'last_success_at = NULL, last_failure_at = NULL, failed_since = NULL, failures_in_a_row = 0, last_error_class = NULL, last_status_code = NULL';

export function saveContacts(db: Database, changes: readonly ContactChange[]): void {
  // Nobody is promised any of it: it does not wait for the disk.
  db.transactionUnsynced(() => {
    for (const { endpointId, url, contact } of changes) {
      const row = db.get(
        `SELECT ${contactColumns.join(', ')}, num FROM endpoints WHERE id = ? AND json_extract(document, '$.url') = ?`,
        endpointId,
        url,
      );
      if (row === undefined) continue;
      const merged = mergedContact(storedContact(row, 0), contact, contactAt(contact) + clockSlackMs);
      db.run(
        `UPDATE endpoints SET ${contactColumns.map((name) => `${name} = ?`).join(', ')} WHERE num = ?`,
        merged.lastSuccessAt,
        merged.lastFailureAt,
        merged.failedSince,
        merged.failuresInARow,
        merged.lastErrorClass,
        merged.lastStatusCode,
        row[contactColumns.length]!,
      );
    }
  });
}
