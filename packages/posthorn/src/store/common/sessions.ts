import { sessionIdleMs, type SessionRecord } from '../../domain/session.ts';
import type { SessionLookups, SessionWrites } from '../sessions.ts';
import { writeAudit } from './audit-log.ts';
import { type Cold, separately, transaction, unsynced } from './methods.ts';
import { bytewise, limit as limited, offset, table } from './pieces.ts';
import { raw, sql } from './sql.ts';
import { changes, row, stored } from './steps.ts';

/** What is stored as one document; the other fields have columns of their own. */
type SessionDocument = Pick<SessionRecord, 'keyHash' | 'portal'>;

const columns = raw('id, hash, kind, owner, document, created_at, ends_at, seen_at');

/** A portal's session `s` is none without its link, also one that began while its link was being ended. */
const hasItsLink = sql`(s.kind <> 'portal' OR EXISTS (SELECT 1 FROM ${table('sessions')} link WHERE link.hash = s.owner))`;

export const sessionWrites: Cold<SessionWrites> = {
  createSession: transaction(function* (session, max, audit) {
    const { id, hash, kind, owner, keyHash, portal, createdAt, endsAt, seenAt } = session;
    const document = JSON.stringify({ keyHash, portal } satisfies SessionDocument);
    yield* changes(
      sql`INSERT INTO ${table('sessions')} (${columns})
        VALUES (${id}, ${hash}, ${kind}, ${owner}, ${document}, ${createdAt}, ${endsAt}, ${seenAt})`,
    );
    yield* changes(
      sql`DELETE FROM ${table('sessions')} WHERE hash IN (SELECT hash FROM ${table('sessions')} WHERE kind = ${kind} AND owner = ${owner}
        ORDER BY created_at DESC, ${bytewise('id')} DESC ${offset(max)})`,
    );
    yield* writeAudit([audit]);
  }),

  // What a power cut takes of it is the time of a use.
  sessionSeen: unsynced(function* (hash, at) {
    yield* changes(
      sql`UPDATE ${table('sessions')} SET seen_at = ${at} WHERE hash = ${hash} AND seen_at < ${at}`,
    );
  }),

  deleteSession: transaction(function* (hash, audit) {
    if ((yield* changes(sql`DELETE FROM ${table('sessions')} WHERE hash = ${hash}`)) === 0) return false;
    yield* writeAudit([audit]);
    return true;
  }),

  pruneSessions: unsynced(function* (now, limit) {
    return yield* changes(
      sql`DELETE FROM ${table('sessions')} WHERE hash IN (SELECT hash FROM ${table('sessions')} WHERE ends_at <= ${now}
        UNION SELECT hash FROM ${table('sessions')} WHERE kind = 'session' AND seen_at <= ${now - sessionIdleMs} ${limited(limit)})`,
    );
  }),
};

export const sessionLookups: Cold<SessionLookups> = {
  session: separately(function* (hash) {
    const found = yield* row(
      sql`SELECT ${columns} FROM ${table('sessions')} s WHERE hash = ${hash} AND ${hasItsLink}`,
    );
    if (found === undefined) return null;
    const [id, , kind, owner, document, createdAt, endsAt, seenAt] = found as [
      string,
      string,
      SessionRecord['kind'],
      string,
      unknown,
      number,
      number,
      number,
    ];
    const { keyHash, portal } = yield* stored<SessionDocument>(document, 'a stored session');
    return { id, hash, kind, owner, keyHash, portal, createdAt, endsAt, seenAt };
  }),
};
