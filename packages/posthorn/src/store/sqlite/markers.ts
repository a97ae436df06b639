import type { AuditEntry } from '../../domain/audit-entry.ts';
import type { Marker } from '../../domain/marker.ts';
import { boundsFrom, markerColumns, markerFrom, type MarkerQuery, maxMarkers } from '../markers.ts';
import { writeAudit } from './audit-log.ts';
import type { Database } from './database.ts';

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

export function createMarker(db: Database, marker: Marker, audit: AuditEntry | null): void {
  const { id, at, kind, label, url, by } = marker;
  db.transaction(() => {
    db.run(`INSERT INTO markers (${markerColumns}) VALUES (?, ?, ?, ?, ?, ?)`, id, at, kind, label, url, by);
    db.run(
      'DELETE FROM markers WHERE id IN (SELECT id FROM markers ORDER BY at DESC, id DESC LIMIT -1 OFFSET ?)',
      maxMarkers,
    );
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
      `SELECT ${markerColumns} FROM markers WHERE at >= ? AND at < ? AND (at, id) < (?, ?) ORDER BY at DESC, id DESC LIMIT ?`,
      since,
      until,
      at,
      id,
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
