import { hash } from 'node:crypto';
import { type AuditEntry, auditDocument, canonicalJson } from '../domain/audit-entry.ts';
import { type AutomaticMarker, automaticMarker } from '../domain/automatic-marker.ts';
import { timeOrderedId } from '../domain/ids.ts';
import type { Marker } from '../domain/marker.ts';

/** More are not kept: the oldest go. Those that Posthorn puts by itself never push out what people have noted. */
const maxMarkers = 10_000;
const maxAutomaticMarkers = 5000;

export interface MarkerQuery {
  /** ms since the epoch. */
  readonly since: number | null;
  readonly until: number | null;
  /** Only those that Posthorn put by itself, or only the others; null: all. */
  readonly isAutomatic: boolean | null;
  /** Goes on after this one, backward in time. */
  readonly after: { readonly at: number; readonly id: string } | null;
  readonly limit: number;
}

/**
 * The part of the port for markers. A change whose entry in the audit log is worth one (domain/automatic-marker.ts) leaves it in
 * its own transaction (G4).
 */
export interface MarkerWrites {
  /** Adds one, unless there is one by its id, and deletes the oldest beyond `maxMarkers` or `maxAutomaticMarkers`. */
  createMarker(marker: Marker, audit: AuditEntry | null): Promise<void>;
  /** False, with nothing written, if there is none. */
  deleteMarker(id: string, audit: AuditEntry | null): Promise<boolean>;
}

export interface MarkerLookups {
  marker(id: string): Promise<Marker | null>;
  /** The newest first. */
  markers(query: MarkerQuery): Promise<readonly Marker[]>;
}

export const maxOf = ({ isAutomatic }: Pick<Marker, 'isAutomatic'>): number =>
  isAutomatic ? maxAutomaticMarkers : maxMarkers;

/** Those that these changes leave. */
export function automaticMarkers(entries: readonly AuditEntry[]): readonly Marker[] {
  return entries.flatMap((entry) => {
    const marker = automaticMarker(entry);
    return marker === null ? [] : [identified(marker, canonicalJson(auditDocument(entry)))];
  });
}

/** Its id is made from what it is about: the same change leaves one marker, whichever node notes it. */
export function identified(marker: AutomaticMarker, about: string, idAt = marker.at): Marker {
  const digest = Buffer.from(hash('sha256', about), 'hex').subarray(0, 16);
  return { id: timeOrderedId('mrk', idAt, digest), ...marker };
}
