import type { AuditEntry } from '../../domain/audit-entry.ts';
import type { Marker } from '../../domain/marker.ts';
import { automaticMarkers, markerColumns, markerValues, maxOf } from '../markers.ts';
import type { Database } from './database.ts';

/** Adds one unless there is one by its id, and keeps their number. The caller holds the transaction. */
export function insertMarker(db: Database, marker: Marker): void {
  db.run(
    `INSERT INTO markers (${markerColumns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
    ...markerValues(marker),
  );
  db.run(
    `DELETE FROM markers WHERE id IN (SELECT id FROM markers WHERE automatic = ? ORDER BY at DESC, id DESC LIMIT -1 OFFSET ?)`,
    marker.isAutomatic ? 1 : 0,
    maxOf(marker),
  );
}

/** What changes leave for charts, in their own transaction. */
export function writeAutomaticMarkers(db: Database, entries: readonly AuditEntry[]): void {
  for (const marker of automaticMarkers(entries)) insertMarker(db, marker);
}
