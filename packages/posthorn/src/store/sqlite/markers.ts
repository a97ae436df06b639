import type { AuditEntry } from '../../domain/audit-entry.ts';
import type { Marker } from '../../domain/marker.ts';
import { boundsFrom, markerColumns, markerFrom, type MarkerQuery } from '../markers.ts';
import { writeAudit } from './audit-log.ts';
import type { Database } from './database.ts';
import { insertMarker } from './marker-rows.ts';

/** A migration. */
export const markersTable = `
  CREATE TABLE markers (
    id TEXT PRIMARY KEY,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    label TEXT NOT NULL,
    url TEXT,
    created_by TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX markers_at ON markers (at, id);
`;

/** A migration: who put it, and what it is about. */
export const markerSubjects = `
  ALTER TABLE markers ADD COLUMN automatic INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE markers ADD COLUMN tenant TEXT;
  ALTER TABLE markers ADD COLUMN subject_kind TEXT;
  ALTER TABLE markers ADD COLUMN subject_id TEXT;
`;

export function createMarker(db: Database, marker: Marker, audit: AuditEntry | null): void {
  db.transaction(() => {
    insertMarker(db, marker);
    writeAudit(db, [audit]);
  });
}

export function readMarker(db: Database, id: string): Marker | null {
  const row = db.get(`SELECT ${markerColumns} FROM markers WHERE id = ?`, id);
  return row === undefined ? null : markerFrom(row);
}

export function readMarkers(db: Database, query: MarkerQuery): readonly Marker[] {
  const [since, until, at, id] = boundsFrom(query);
  return db
    .all(
      `SELECT ${markerColumns} FROM markers WHERE at >= ? AND at < ? AND (at, id) < (?, ?)
         AND automatic = ifnull(?, automatic) ORDER BY at DESC, id DESC LIMIT ?`,
      since,
      until,
      at,
      id,
      query.isAutomatic === null ? null : Number(query.isAutomatic),
      query.limit,
    )
    .map(markerFrom);
}

export function deleteMarker(db: Database, id: string, audit: AuditEntry | null): boolean {
  return db.transaction(() => {
    if (db.run('DELETE FROM markers WHERE id = ?', id) === 0) return false;
    writeAudit(db, [audit]);
    return true;
  });
}
