import type { Marker, MarkerKind } from '../../domain/marker.ts';
import type { MarkerLookups, MarkerWrites } from '../markers.ts';
import { writeAudit } from './audit-log.ts';
import { insertMarker, markerColumns } from './marker-rows.ts';
import { type Cold, separately, transaction } from './methods.ts';
import { all, bytewise, limit, table } from './pieces.ts';
import { sql } from './sql.ts';
import { changes, row, rows } from './steps.ts';

/** `markerColumns` */
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
    const found = yield* row(sql`SELECT ${markerColumns} FROM ${table('markers')} WHERE id = ${id}`);
    return found === undefined ? null : markerFrom(found);
  }),

  markers: separately(function* ({ since, until, isAutomatic, after, limit: max }) {
    const found = yield* rows(
      sql`SELECT ${markerColumns} FROM ${table('markers')} WHERE ${all([
        since === null ? null : sql`at >= ${since}`,
        until === null ? null : sql`at < ${until}`,
        after === null ? null : sql`(at, ${bytewise('id')}) < (${after.at}, ${after.id})`,
        isAutomatic === null ? null : sql`automatic = ${isAutomatic ? 1 : 0}`,
      ])} ORDER BY at DESC, ${bytewise('id')} DESC ${limit(max)}`,
    );
    return found.map(markerFrom);
  }),
};
