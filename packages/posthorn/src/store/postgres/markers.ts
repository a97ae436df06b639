import type { AuditEntry } from '../../domain/audit-entry.ts';
import type { Marker } from '../../domain/marker.ts';
import { boundsFrom, markerColumns, markerFrom, type MarkerQuery, maxMarkers } from '../markers.ts';
import { writeAudit } from './audit-log.ts';
import type { Database } from './database.ts';

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

export async function createMarker(db: Database, marker: Marker, audit: AuditEntry | null): Promise<void> {
  const { id, at, kind, label, url, by } = marker;
  await db.transaction(async (connection) => {
    await connection.query(
      'marker_create',
      `INSERT INTO posthorn.markers (${markerColumns}) VALUES ($1, $2, $3, $4, $5, $6)`,
      [id, at, kind, label, url, by],
    );
    await connection.query(
      'markers_bound',
      `DELETE FROM posthorn.markers WHERE id IN (SELECT id FROM posthorn.markers
         ORDER BY at DESC, id COLLATE "C" DESC OFFSET $1)`,
      [maxMarkers],
    );
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
     ORDER BY at DESC, id COLLATE "C" DESC LIMIT $5`,
    [...boundsFrom(query), query.limit],
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
