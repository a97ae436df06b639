import type { AuditEntry } from '../../domain/audit-entry.ts';
import type { Marker } from '../../domain/marker.ts';
import { automaticMarkers, maxOf } from '../markers.ts';
import { bytewise, forUpdateUnlocked, offset, table } from './pieces.ts';
import { raw, sql } from './sql.ts';
import { changes, type Steps } from './steps.ts';

export const markerColumns = raw(
  'id, at, kind, label, url, created_by, automatic, tenant, subject_kind, subject_id',
);

/** Adds one unless there is one by its id, and keeps their number. The caller holds the transaction. */
export function* insertMarker(marker: Marker): Steps<void> {
  const { id, at, kind, label, url, by, tenant, subject } = marker;
  const automatic = marker.isAutomatic ? 1 : 0;
  yield* changes(
    sql`INSERT INTO ${table('markers')} (${markerColumns}) VALUES (${id}, ${at}, ${kind}, ${label}, ${url}, ${by}, ${automatic},
      ${tenant}, ${subject?.kind ?? null}, ${subject?.id ?? null}) ON CONFLICT (id) DO NOTHING`,
  );
  // Two that do it at once leave each other's rows alone, and so never wait for each other.
  yield* changes(
    sql`DELETE FROM ${table('markers')} WHERE id IN (SELECT id FROM ${table('markers')} WHERE automatic = ${automatic}
      ORDER BY at DESC, ${bytewise('id')} DESC ${offset(maxOf(marker))} ${forUpdateUnlocked})`,
  );
}

/** What changes leave for charts, in their own transaction. */
export function* writeAutomaticMarkers(entries: readonly AuditEntry[]): Steps<void> {
  for (const marker of automaticMarkers(entries)) yield* insertMarker(marker);
}
