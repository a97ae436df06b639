import { expect, test } from 'vitest';
import { auditEntry } from '../../../packages/posthorn/src/service/audit.ts';
import {
  maxSessionMs,
  sessionIdleMs,
  type SessionRecord,
} from '../../../packages/posthorn/src/domain/session.ts';
import { start } from '../../support.ts';
import type { Subject } from './subject.ts';

let made = 0;
function aSession(fields: Partial<SessionRecord> = {}): SessionRecord {
  const n = String(made++).padStart(6, '0');
  return {
    id: `ses_${n}`,
    hash: n.padStart(64, '0'),
    kind: 'session',
    owner: 'key_1',
    keyHash: 'a'.repeat(64),
    portal: null,
    createdAt: start,
    endsAt: start + maxSessionMs,
    seenAt: start,
    ...fields,
  };
}

/** Sessions and portal links: known by hash, bounded, ended for good. */
export function describeSessions(subject: Subject): void {
  const create = (session: SessionRecord, max = 10) => subject.store.write.createSession(session, max, null);
  const left = async (sessions: readonly SessionRecord[]): Promise<string[]> => {
    const found = await Promise.all(sessions.map(({ hash }) => subject.store.read.session(hash)));
    return found.flatMap((one) => (one === null ? [] : [one.id]));
  };

  test('G9: a session comes back as it was begun, until it is ended', async () => {
    const own = aSession();
    const link = aSession({
      kind: 'link',
      keyHash: null,
      portal: { tenant: 'acme', endpointIds: ['ep_1'], can: ['redrive', 'test'] },
    });
    for (const session of [own, link]) await create(session);
    expect(await subject.store.read.session(own.hash)).toEqual(own);
    expect(await subject.store.read.session(link.hash)).toEqual(link);
    expect(await subject.store.read.session('b'.repeat(64))).toBeNull();
    expect([
      await subject.store.write.deleteSession(own.hash, null),
      await subject.store.write.deleteSession(own.hash, null),
    ]).toEqual([true, false]);
    expect(await left([own, link])).toEqual([link.id]);
  });

  test('G9: the oldest sessions of an owner beyond its limit end, and only those', async () => {
    const sessions = [3, 1, 2, 2].map((at) => aSession({ createdAt: start + at }));
    const others = [aSession({ owner: 'key_2' }), aSession({ kind: 'link' })];
    for (const session of [...others, ...sessions]) await create(session, 2);
    // Within one millisecond, the later id is the newer one.
    expect(await left([...sessions, ...others])).toEqual([
      sessions[0]!.id,
      sessions[3]!.id,
      ...others.map(({ id }) => id),
    ]);
  });

  test('G9: a session of a portal is none once its link was ended, whenever it began', async () => {
    const [link, other] = [aSession({ kind: 'link' }), aSession({ kind: 'link' })];
    const of = (owner: SessionRecord) => aSession({ kind: 'portal', owner: owner.hash });
    const [before, after, others] = [of(link), of(link), of(other)];
    for (const session of [link, other, before, others]) await create(session);
    expect(await left([before, others])).toEqual([before.id, others.id]);
    await subject.store.write.deleteSession(link.hash, null);
    await create(after);
    expect(await left([before, after, others])).toEqual([others.id]);
  });

  test('the last use is kept, whatever order uses are written in', async () => {
    const session = aSession();
    await create(session);
    await subject.store.write.sessionSeen(session.hash, start + 5);
    await subject.store.write.sessionSeen(session.hash, start + 4);
    await subject.store.write.sessionSeen('c'.repeat(64), start + 4);
    expect((await subject.store.read.session(session.hash))?.seenAt).toBe(start + 5);
  });

  test('what is over is deleted, a bounded number at a time', async () => {
    const now = start + sessionIdleMs;
    const sessions = [
      aSession({ endsAt: now }),
      aSession({ seenAt: start }),
      aSession({ seenAt: start + 1 }),
      // A portal link is not idle: it ends when it ends.
      aSession({ kind: 'link', seenAt: start, endsAt: now + 1 }),
      aSession({ kind: 'link', seenAt: now, endsAt: now - 1 }),
    ];
    for (const session of sessions) await create(session);
    expect([
      await subject.store.write.pruneSessions(now, 2),
      await subject.store.write.pruneSessions(now, 2),
      await subject.store.write.pruneSessions(now, 2),
    ]).toEqual([2, 1, 0]);
    expect(await left(sessions)).toEqual([sessions[2]!.id, sessions[3]!.id]);
  });

  test('G4, G9: beginning and ending are in the audit log together with the session, or not at all', async () => {
    const session = aSession();
    const entry = (action: 'sessions.create' | 'sessions.delete') =>
      auditEntry(null, start, { action, target: { kind: 'session', id: session.id }, tenant: null });
    await subject.store.write.createSession(session, 10, entry('sessions.create'));
    await expect(subject.store.write.createSession(session, 10, entry('sessions.create'))).rejects.toThrow(
      /unique/i,
    );
    await subject.store.write.deleteSession(session.hash, entry('sessions.delete'));
    await subject.store.write.deleteSession(session.hash, entry('sessions.delete'));
    const log = await subject.store.read.auditLog({}, { after: null, limit: 10 });
    expect(log.map(({ document: { action } }) => action)).toEqual(['sessions.delete', 'sessions.create']);
    // The hash before the first entry is as many zeros as the hash of the first session here.
    expect(JSON.stringify(log.map(({ document }) => document))).not.toContain(session.hash);
  });
}
