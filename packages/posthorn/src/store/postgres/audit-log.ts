import type { AuditEntry } from '../../domain/audit-entry.ts';
import { writeAudit as write } from '../common/audit-log.ts';
import { perform } from './common.ts';
import type { Connection } from './database.ts';

/** Appends the entries of a change. The caller holds its transaction (G4), and does this last. */
export async function writeAudit(
  connection: Connection,
  entries: readonly (AuditEntry | null)[],
): Promise<void> {
  await perform(connection, write(entries));
}
