import type { AuditEntry } from '../domain/audit-entry.ts';
import type { SessionRecord } from '../domain/session.ts';

/** The part of the port for sessions and portal links (G9): what opens them is nowhere in it, only its hash. */
export interface SessionWrites {
  /** Begins one, and ends the oldest of the same kind and owner beyond `max`. */
  createSession(session: SessionRecord, max: number, audit: AuditEntry | null): Promise<void>;
  /** Notes a use; an earlier one than is known changes nothing. */
  sessionSeen(hash: string, at: number): Promise<void>;
  /** Ends one. False, with nothing written, if there is none. */
  deleteSession(hash: string, audit: AuditEntry | null): Promise<boolean>;
  /** Deletes up to `limit` that are over. Returns how many. */
  pruneSessions(now: number, limit: number): Promise<number>;
}

export interface SessionLookups {
  /** By its hash; also one that is over and was not deleted yet, but none whose portal link was ended. */
  session(hash: string): Promise<SessionRecord | null>;
}

/** What is stored as one document; the other fields have columns of their own. */
export type SessionDocument = Pick<SessionRecord, 'keyHash' | 'portal'>;

export const sessionColumns = 'id, hash, kind, owner, document, created_at, ends_at, seen_at';

/** Of a row `s`: a portal's session is none without its link, also one that began while its link was being ended. */
export const withItsLink = (table: string): string =>
  `(s.kind <> 'portal' OR EXISTS (SELECT 1 FROM ${table} link WHERE link.hash = s.owner))`;

/** `sessionColumns`, with the document parsed. */
export function sessionFrom(row: readonly unknown[], document: SessionDocument): SessionRecord {
  const [id, hash, kind, owner, , createdAt, endsAt, seenAt] = row as [
    string,
    string,
    SessionRecord['kind'],
    string,
    unknown,
    number,
    number,
    number,
  ];
  return { id, hash, kind, owner, ...document, createdAt, endsAt, seenAt };
}
