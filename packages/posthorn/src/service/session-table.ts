import { hasEnded, seenEveryMs, type SessionRecord } from '../domain/session.ts';
import { secondMs } from '../domain/time.ts';
import type { Clock } from '../runtime/clock.ts';
import type { StorePart } from '../store/store.ts';

/** A session is read again after this long: no node honors one longer than this after another has ended it. */
const freshMs = secondMs;
/** Sessions that are cached; beyond, the least recently read one is removed. */
const maxKept = 10_000;

/** Sessions and portal links by what opens them: while they are used, read from the store at most once per second. */
export interface SessionTable {
  /** By the SHA-256 (hex); null: there is none, or it has expired. */
  find(hash: string): Promise<SessionRecord | null>;
  /** Whether it was found before: then finding it again does not count against the address. */
  knows(hash: string): boolean;
  /** Records a use; it is written in the background. */
  used(session: SessionRecord): void;
  /** It was ended here. */
  forget(hash: string): void;
}

interface Kept {
  readonly session: SessionRecord;
  readonly readAt: number;
}

export function createSessionTable(
  store: StorePart<'sessionSeen', 'session'>,
  clock: Pick<Clock, 'now' | 'monotonic'>,
): SessionTable {
  const kept = new Map<string, Kept>();
  const reading = new Map<string, Promise<SessionRecord | null>>();

  const read = async (hash: string): Promise<SessionRecord | null> => {
    const readAt = clock.monotonic();
    const session = await store.read.session(hash);
    kept.delete(hash);
    if (session === null) return null;
    if (kept.size >= maxKept) kept.delete(kept.keys().next().value!);
    kept.set(hash, { session, readAt });
    return session;
  };

  return {
    find: async (hash) => {
      const known = kept.get(hash);
      let session: SessionRecord | null;
      if (known !== undefined && clock.monotonic() - known.readAt < freshMs) session = known.session;
      else {
        let running = reading.get(hash);
        if (running === undefined) {
          running = read(hash).finally(() => reading.delete(hash));
          reading.set(hash, running);
        }
        session = await running;
      }
      return session === null || hasEnded(session, clock.now()) ? null : session;
    },
    knows: (hash) => kept.has(hash),
    used: (session) => {
      const now = clock.now();
      if (now - session.seenAt < seenEveryMs) return;
      const known = kept.get(session.hash);
      // Concurrent requests do not write it again.
      if (known !== undefined) kept.set(session.hash, { ...known, session: { ...session, seenAt: now } });
      // If it fails, a later use is written.
      void store.write.sessionSeen(session.hash, now).catch(() => {});
    },
    forget: (hash) => void kept.delete(hash),
  };
}
