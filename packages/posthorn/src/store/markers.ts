import type { AuditEntry } from '../domain/audit-entry.ts';
import type { Marker, MarkerKind } from '../domain/marker.ts';

/** More are not kept: the oldest go. */
export const maxMarkers = 10_000;

export interface MarkerQuery {
  /** ms since the epoch. */
  readonly since: number | null;
  readonly until: number | null;
  /** Goes on after this one, backward in time. */
  readonly after: { readonly at: number; readonly id: string } | null;
  readonly limit: number;
}

/** The part of the port for markers. */
export interface Markers {
  /** Adds one, and deletes the oldest beyond `maxMarkers`. */
  createMarker(marker: Marker, audit: AuditEntry | null): Promise<void>;
  marker(id: string): Promise<Marker | null>;
  /** The newest first. */
  markers(query: MarkerQuery): Promise<readonly Marker[]>;
  /** False, with nothing written, if there is none. */
  deleteMarker(id: string, audit: AuditEntry | null): Promise<boolean>;
}

export const markerColumns = 'id, at, kind, label, url, created_by';

/** Of `markerColumns`. */
export function markerFrom(row: readonly unknown[]): Marker {
  const [id, at, kind, label, url, by] = row as [string, number, MarkerKind, string, string | null, string];
  return { id, at, kind, label, url, by };
}

/** Bounds of a query that stand for none. */
export function boundsFrom({ since, until, after }: MarkerQuery): readonly [number, number, number, string] {
  const farthest = Number.MAX_SAFE_INTEGER;
  return [since ?? 0, until ?? farthest, after?.at ?? farthest, after?.id ?? ''];
}
