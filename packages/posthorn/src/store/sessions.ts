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
