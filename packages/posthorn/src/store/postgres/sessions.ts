import type { AuditEntry } from '../../domain/audit-entry.ts';
import { sessionIdleMs, type SessionRecord } from '../../domain/session.ts';
import { sessionColumns, type SessionDocument, sessionFrom, withItsLink } from '../sessions.ts';
import { writeAudit } from './audit-log.ts';
import type { Database } from './database.ts';

/** A migration. */
export const sessionsTable = `
  CREATE TABLE posthorn.sessions (
    hash text PRIMARY KEY,
    id text NOT NULL,
    kind text NOT NULL,
    owner text NOT NULL,
    document json NOT NULL,
    created_at bigint NOT NULL,
    ends_at bigint NOT NULL,
    seen_at bigint NOT NULL
  );
  CREATE INDEX sessions_owner ON posthorn.sessions (kind, owner, created_at, id COLLATE "C");
  CREATE INDEX sessions_ends_at ON posthorn.sessions (ends_at);
  CREATE INDEX sessions_seen_at ON posthorn.sessions (seen_at) WHERE kind = 'session';
`;

export async function createSession(
  db: Database,
  session: SessionRecord,
  max: number,
  audit: AuditEntry | null,
): Promise<void> {
  const { id, hash, kind, owner, keyHash, portal, createdAt, endsAt, seenAt } = session;
  await db.transaction(async (connection) => {
    await connection.query(
      'session_create',
      `INSERT INTO posthorn.sessions (${sessionColumns}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [
        id,
        hash,
        kind,
        owner,
        JSON.stringify({ keyHash, portal } satisfies SessionDocument),
        createdAt,
        endsAt,
        seenAt,
      ],
    );
    await connection.query(
      'sessions_bound',
      `DELETE FROM posthorn.sessions WHERE hash IN (SELECT hash FROM posthorn.sessions WHERE kind = $1 AND owner = $2
         ORDER BY created_at DESC, id COLLATE "C" DESC OFFSET $3)`,
      [kind, owner, max],
    );
    await writeAudit(connection, [audit]);
  });
}

export async function readSession(db: Database, hash: string): Promise<SessionRecord | null> {
  const [row] = await db.query(
    'session',
    `SELECT ${sessionColumns} FROM posthorn.sessions s WHERE hash = $1 AND ${withItsLink('posthorn.sessions')}`,
    [hash],
  );
  return row === undefined ? null : sessionFrom(row, row[4] as unknown as SessionDocument);
}

export async function sessionSeen(db: Database, hash: string, at: number): Promise<void> {
  await db.query(
    'session_seen',
    'UPDATE posthorn.sessions SET seen_at = $1 WHERE hash = $2 AND seen_at < $1',
    [at, hash],
  );
}

export async function deleteSession(db: Database, hash: string, audit: AuditEntry | null): Promise<boolean> {
  return await db.transaction(async (connection) => {
    const deleted = await connection.query(
      'session_delete',
      'DELETE FROM posthorn.sessions WHERE hash = $1 RETURNING 1',
      [hash],
    );
    if (deleted.length === 0) return false;
    await writeAudit(connection, [audit]);
    return true;
  });
}

export async function pruneSessions(db: Database, now: number, limit: number): Promise<number> {
  const deleted = await db.query(
    'sessions_prune',
    `DELETE FROM posthorn.sessions WHERE hash IN ((SELECT hash FROM posthorn.sessions WHERE ends_at <= $1
       UNION SELECT hash FROM posthorn.sessions WHERE kind = 'session' AND seen_at <= $2) LIMIT $3) RETURNING 1`,
    [now, now - sessionIdleMs, limit],
  );
  return deleted.length;
}
