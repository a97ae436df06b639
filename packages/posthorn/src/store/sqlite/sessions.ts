import type { AuditEntry } from '../../domain/audit-entry.ts';
import { sessionIdleMs, type SessionRecord } from '../../domain/session.ts';
import { sessionColumns, type SessionDocument, sessionFrom, withItsLink } from '../sessions.ts';
import { writeAudit } from './audit-log.ts';
import type { Database } from './database.ts';

/** A migration. */
export const sessionsTable = `
  CREATE TABLE sessions (
    hash TEXT PRIMARY KEY,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    owner TEXT NOT NULL,
    document TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX sessions_owner ON sessions (kind, owner, created_at, id);
  CREATE INDEX sessions_ends_at ON sessions (ends_at);
  CREATE INDEX sessions_seen_at ON sessions (seen_at) WHERE kind = 'session';
`;

export function createSession(
  db: Database,
  session: SessionRecord,
  max: number,
  audit: AuditEntry | null,
): void {
  const { id, hash, kind, owner, keyHash, portal, createdAt, endsAt, seenAt } = session;
  db.transaction(() => {
    db.run(
      `INSERT INTO sessions (${sessionColumns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      id,
      hash,
      kind,
      owner,
      JSON.stringify({ keyHash, portal } satisfies SessionDocument),
      createdAt,
      endsAt,
      seenAt,
    );
    db.run(
      `DELETE FROM sessions WHERE hash IN (SELECT hash FROM sessions WHERE kind = ? AND owner = ?
         ORDER BY created_at DESC, id DESC LIMIT -1 OFFSET ?)`,
      kind,
      owner,
      max,
    );
    writeAudit(db, [audit]);
  });
}

export function readSession(db: Database, hash: string): SessionRecord | null {
  const row = db.get(
    `SELECT ${sessionColumns} FROM sessions s WHERE hash = ? AND ${withItsLink('sessions')}`,
    hash,
  );
  return row === undefined ? null : sessionFrom(row, db.json(row[4]!, 'a stored session') as SessionDocument);
}

export function sessionSeen(db: Database, hash: string, at: number): void {
  // What a power cut takes of it is the time of a use.
  db.transactionUnsynced(() =>
    db.run('UPDATE sessions SET seen_at = ?1 WHERE hash = ?2 AND seen_at < ?1', at, hash),
  );
}

export function deleteSession(db: Database, hash: string, audit: AuditEntry | null): boolean {
  return db.transaction(() => {
    if (db.run('DELETE FROM sessions WHERE hash = ?', hash) === 0) return false;
    writeAudit(db, [audit]);
    return true;
  });
}

export function pruneSessions(db: Database, now: number, limit: number): number {
  return db.transactionUnsynced(() =>
    db.run(
      `DELETE FROM sessions WHERE hash IN (SELECT hash FROM sessions WHERE ends_at <= ?1
         UNION SELECT hash FROM sessions WHERE kind = 'session' AND seen_at <= ?2 LIMIT ?3)`,
      now,
      now - sessionIdleMs,
      limit,
    ),
  );
}
