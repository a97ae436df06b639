import type { AuditEntry } from '../../domain/audit-entry.ts';
import { writeAudit as write } from '../common/audit-log.ts';
import { perform } from './common.ts';
import type { Database } from './database.ts';

/** Appends the entries of a change. The caller holds its transaction (G4), and does this last. */
export function writeAudit(db: Database, entries: readonly (AuditEntry | null)[]): void {
  perform(db, write(entries));
}
