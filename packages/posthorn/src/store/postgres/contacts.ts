import { mergedContact } from '../../domain/contact.ts';
import { type ContactChange, contactAt, contactColumns, storedContact } from '../contacts.ts';
import { clockSlackMs } from '../rows.ts';
import type { Database } from './database.ts';

/**
 * A migration: when attempts at the endpoint's URL last succeeded and failed, and since when they only fail. It leaves the
 * version of the configuration alone, because no fan-out depends on it.
 */
export const contactMigration = `
  ALTER TABLE posthorn.endpoints ADD COLUMN last_success_at bigint, ADD COLUMN last_failure_at bigint,
    ADD COLUMN failed_since bigint, ADD COLUMN failures_in_a_row int NOT NULL DEFAULT 0,
    ADD COLUMN last_error_class text, ADD COLUMN last_status_code int;
`;

/** What was learned of a URL ends with it. */
export const contactForgotten =
  'last_success_at = NULL, last_failure_at = NULL, failed_since = NULL, failures_in_a_row = 0, last_error_class = NULL, last_status_code = NULL';

export async function saveContacts(db: Database, changes: readonly ContactChange[]): Promise<void> {
  await db.transaction(async (connection) => {
    // Locked in one order on every node, so that two writers never wait for each other in a circle.
    const rows = await connection.query(
      'contacts_lock',
      `SELECT ${contactColumns.map((name) => `e.${name}`).join(', ')}, e.num, c.at
       FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS c (id, url, at)
       JOIN posthorn.endpoints e ON e.id = c.id WHERE e.document ->> 'url' = c.url ORDER BY e.num FOR UPDATE OF e`,
      [changes.map(({ endpointId }) => endpointId), changes.map(({ url }) => url)],
    );
    const merged = rows.map((row) => {
      const { contact } = changes[(row[contactColumns.length + 1] as number) - 1]!;
      return mergedContact(storedContact(row, 0), contact, contactAt(contact) + clockSlackMs);
    });
    if (merged.length === 0) return;
    await connection.query(
      'contacts_save',
      `UPDATE posthorn.endpoints e SET ${contactColumns.map((name) => `${name} = c.${name}`).join(', ')}
       FROM unnest($1::int[], $2::bigint[], $3::bigint[], $4::bigint[], $5::int[], $6::text[], $7::int[])
         AS c (num, ${contactColumns.join(', ')}) WHERE e.num = c.num`,
      [
        rows.map((row) => row[contactColumns.length] as number),
        merged.map(({ lastSuccessAt }) => lastSuccessAt),
        merged.map(({ lastFailureAt }) => lastFailureAt),
        merged.map(({ failedSince }) => failedSince),
        merged.map(({ failuresInARow }) => failuresInARow),
        merged.map(({ lastErrorClass }) => lastErrorClass),
        merged.map(({ lastStatusCode }) => lastStatusCode),
      ],
    );
  });
}
