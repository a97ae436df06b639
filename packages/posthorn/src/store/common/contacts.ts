import { mergedContact } from '../../domain/contact.ts';
import { contactAt, contactColumns, type ContactWrites, storedContact } from '../contacts.ts';
import { clockSlackMs } from '../rows.ts';
import { type Cold, unsynced } from './methods.ts';
import { forUpdate, jsonText, rowsFrom, table } from './pieces.ts';
import { raw, sql } from './sql.ts';
import { changes, rows } from './steps.ts';

const inRow = raw(contactColumns.map((name) => `e.${name}`).join(', '));
const assignments = raw(contactColumns.map((name) => `${name} = c.${name}`).join(', '));

export const contactWrites: Cold<ContactWrites> = {
  // None of it was acknowledged to anyone: it does not wait for the disk.
  saveContacts: unsynced(function* (learned) {
    const asked = rowsFrom('c', {
      id: { type: 'text', values: learned.map(({ endpointId }) => endpointId) },
      url: { type: 'text', values: learned.map(({ url }) => url) },
      place: { type: 'int', values: learned.map((_, place) => place) },
    });
    // Locked in one order on every node, so that two writers never wait for each other in a circle. CROSS: SQLite begins with these.
    const found = yield* rows(
      sql`SELECT ${inRow}, e.num, c.place FROM ${asked} CROSS JOIN ${table('endpoints')} e
        WHERE e.id = c.id AND ${jsonText('e.document', 'url')} = c.url ORDER BY e.num ${forUpdate('e')}`,
    );
    if (found.length === 0) return;
    const merged = found.map((row) => {
      const { contact } = learned[row[contactColumns.length + 1] as number]!;
      return mergedContact(storedContact(row, 0), contact, contactAt(contact) + clockSlackMs);
    });
    const written = rowsFrom('c', {
      num: { type: 'int', values: found.map((row) => row[contactColumns.length] as number) },
      last_success_at: { type: 'bigint', values: merged.map(({ lastSuccessAt }) => lastSuccessAt) },
      last_failure_at: { type: 'bigint', values: merged.map(({ lastFailureAt }) => lastFailureAt) },
      failed_since: { type: 'bigint', values: merged.map(({ failedSince }) => failedSince) },
      failures_in_a_row: { type: 'int', values: merged.map(({ failuresInARow }) => failuresInARow) },
      last_error_class: { type: 'text', values: merged.map(({ lastErrorClass }) => lastErrorClass) },
      last_status_code: { type: 'int', values: merged.map(({ lastStatusCode }) => lastStatusCode) },
    });
    yield* changes(
      sql`UPDATE ${table('endpoints')} AS e SET ${assignments} FROM ${written} WHERE e.num = c.num`,
    );
  }),
};
