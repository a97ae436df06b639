import type { AuditEntry } from '../../domain/audit-entry.ts';
import type { Marker } from '../../domain/marker.ts';
import { automaticMarkers, markerColumns, markerValues, maxOf } from '../markers.ts';
import type { Connection } from './database.ts';

/** Adds one unless there is one by its id, and keeps their number. The caller holds the transaction. */
export async function insertMarker(connection: Connection, marker: Marker): Promise<void> {
  await connection.query(
    'marker_create',
    `INSERT INTO posthorn.markers (${markerColumns}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO NOTHING`,
    markerValues(marker),
  );
  // Two that do it at once leave each other's rows alone, and so never wait for each other.
  await connection.query(
    'markers_bound',
    `DELETE FROM posthorn.markers WHERE id IN (SELECT id FROM posthorn.markers WHERE automatic = $1
       ORDER BY at DESC, id COLLATE "C" DESC OFFSET $2 FOR UPDATE SKIP LOCKED)`,
    [marker.isAutomatic ? 1 : 0, maxOf(marker)],
  );
}

/** What changes leave for charts, in their own transaction. */
export async function writeAutomaticMarkers(
  connection: Connection,
  entries: readonly AuditEntry[],
): Promise<void> {
  for (const marker of automaticMarkers(entries)) await insertMarker(connection, marker);
}
