import type { AuditEntry } from '../../domain/audit-entry.ts';
import type { Marker } from '../../domain/marker.ts';
import { boundsFrom, markerColumns, markerFrom, type MarkerQuery } from '../markers.ts';
import { writeAudit } from './audit-log.ts';
import type { Database } from './database.ts';
import { insertMarker } from './marker-rows.ts';

/** A migration. */
export const markersTable = `
  CREATE TABLE posthorn.markers (
    id text PRIMARY KEY,
    at bigint NOT NULL,
    kind text NOT NULL,
    label text NOT NULL,
    url text,
    created_by text NOT NULL
  );
  CREATE INDEX markers_at ON posthorn.markers (at, id COLLATE "C");
`;

/** A migration: who put it, and what it is about. */
export const markerSubjects = `
  ALTER TABLE posthorn.markers ADD COLUMN automatic integer NOT NULL DEFAULT 0;
  ALTER TABLE posthorn.markers ADD COLUMN tenant text;
  ALTER TABLE posthorn.markers ADD COLUMN subject_kind text;
  ALTER TABLE posthorn.markers ADD COLUMN subject_id text;
`;

export async function createMarker(db: Database, marker: Marker, audit: AuditEntry | null): Promise<void> {
  await db.transaction(async (connection) => {
    await insertMarker(connection, marker);
    await writeAudit(connection, [audit]);
  });
}

export async function readMarker(db: Database, id: string): Promise<Marker | null> {
  const [row] = await db.query('marker', `SELECT ${markerColumns} FROM posthorn.markers WHERE id = $1`, [id]);
  return row === undefined ? null : markerFrom(row);
}

export async function readMarkers(db: Database, query: MarkerQuery): Promise<readonly Marker[]> {
  const rows = await db.query(
    'markers',
    `SELECT ${markerColumns} FROM posthorn.markers WHERE at >= $1 AND at < $2 AND (at, id COLLATE "C") < ($3, $4)
       AND automatic = coalesce($5, automatic) ORDER BY at DESC, id COLLATE "C" DESC LIMIT $6`,
    [...boundsFrom(query), query.isAutomatic === null ? null : Number(query.isAutomatic), query.limit],
  );
  return rows.map(markerFrom);
}

export async function deleteMarker(db: Database, id: string, audit: AuditEntry | null): Promise<boolean> {
  return await db.transaction(async (connection) => {
    const deleted = await connection.query(
      'marker_delete',
      'DELETE FROM posthorn.markers WHERE id = $1 RETURNING 1',
      [id],
    );
    if (deleted.length === 0) return false;
    await writeAudit(connection, [audit]);
    return true;
  });
}
