import type { AuditEntry } from '../../domain/audit-entry.ts';
import type { Marker, MarkerKind } from '../../domain/marker.ts';
import { automaticMarkers, type MarkerLookups, type MarkerWrites, maxOf } from '../markers.ts';
import { writeAudit } from './audit-log.ts';
import { type Cold, separately, transaction } from './methods.ts';
import { all, bytewise, forUpdateUnlocked, limit, offset, table } from './pieces.ts';
import { raw, sql } from './sql.ts';
import { changes, row, rows, type Steps } from './steps.ts';

const columns = raw('id, at, kind, label, url, created_by, automatic, tenant, subject_kind, subject_id');

/** `columns` */
function markerFrom(found: readonly unknown[]): Marker {
  const [id, at, kind, label, url, by, automatic, tenant, subjectKind, subjectId] = found as [
    string,
    number,
    MarkerKind,
    string,
    string | null,
    string,
    number,
    string | null,
    string | null,
    string | null,
  ];
  const subject = subjectKind === null || subjectId === null ? null : { kind: subjectKind, id: subjectId };
  return { id, at, kind, label, url, by, isAutomatic: automatic === 1, tenant, subject };
}

/** Adds one unless there is one by its id, and keeps their number. The caller holds the transaction. */
function* insertMarker(marker: Marker): Steps<void> {
  const { id, at, kind, label, url, by, tenant, subject } = marker;
  const automatic = marker.isAutomatic ? 1 : 0;
  yield* changes(
    sql`INSERT INTO ${table('markers')} (${columns}) VALUES (${id}, ${at}, ${kind}, ${label}, ${url}, ${by}, ${automatic},
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

export const markerWrites: Cold<MarkerWrites> = {
  createMarker: transaction(function* (marker, audit) {
    yield* insertMarker(marker);
    yield* writeAudit([audit]);
  }),

  deleteMarker: transaction(function* (id, audit) {
    if ((yield* changes(sql`DELETE FROM ${table('markers')} WHERE id = ${id}`)) === 0) return false;
    yield* writeAudit([audit]);
    return true;
  }),
};

export const markerLookups: Cold<MarkerLookups> = {
  marker: separately(function* (id) {
    const found = yield* row(sql`SELECT ${columns} FROM ${table('markers')} WHERE id = ${id}`);
    return found === undefined ? null : markerFrom(found);
  }),

  markers: separately(function* ({ since, until, isAutomatic, after, limit: max }) {
    const found = yield* rows(
      sql`SELECT ${columns} FROM ${table('markers')} WHERE ${all([
        since === null ? null : sql`at >= ${since}`,
        until === null ? null : sql`at < ${until}`,
        after === null ? null : sql`(at, ${bytewise('id')}) < (${after.at}, ${after.id})`,
        isAutomatic === null ? null : sql`automatic = ${isAutomatic ? 1 : 0}`,
      ])} ORDER BY at DESC, ${bytewise('id')} DESC ${limit(max)}`,
    );
    return found.map(markerFrom);
  }),
};
