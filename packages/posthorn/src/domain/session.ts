import { type Caller, libraryCaller, type PortalAction } from './caller.ts';
import { dayMs, hourMs, minuteMs } from './time.ts';

/** A session that is not used ends after so long, and one that is after so long at most. */
export const sessionIdleMs = 12 * hourMs;
export const maxSessionMs = 7 * dayMs;
/** The last use is written this often at most. */
export const seenEveryMs = minuteMs;

/**
 * Sessions of one key, links of one key, and sessions of one link: beginning another one ends the oldest of them. Each is
 * a few hundred bytes.
 */
export const maxSessions: Readonly<Record<SessionKind, number>> = { session: 100, link: 10_000, portal: 20 };

/** `session`: a browser that signed in with a key; `link`: a portal link's token; `portal`: a browser that came by such a link. */
export type SessionKind = 'session' | 'link' | 'portal';

/** What a portal link shows, and what it lets its holder do. */
export interface Portal {
  readonly tenant: string;
  /** Null: all of the tenant. */
  readonly endpointIds: readonly string[] | null;
  readonly can: readonly PortalAction[];
}

/** A session as it is stored: what opens it is nowhere (G9). */
export interface SessionRecord {
  readonly id: string;
  /** SHA-256 of what is presented, in hexadecimal. */
  readonly hash: string;
  readonly kind: SessionKind;
  /** Sessions of one owner are bounded: the hash of the key, or of a `portal`'s link. */
  readonly owner: string;
  /** SHA-256 of the key that it was begun with, or whose link it was: it ends when that key does. Null: the application's own. */
  readonly keyHash: string | null;
  /** Null for a session of a key, which sees what the key sees. */
  readonly portal: Portal | null;
  readonly createdAt: number;
  readonly endsAt: number;
  /** At most `seenEveryMs` behind. */
  readonly seenAt: number;
}

/** Whether its time is over. */
export function hasEnded(
  { kind, endsAt, seenAt }: Pick<SessionRecord, 'kind' | 'endsAt' | 'seenAt'>,
  now: number,
): boolean {
  return endsAt <= now || (kind === 'session' && seenAt + sessionIdleMs <= now);
}

/** Who calls by a session; `holder` has the key that it was begun with, null: it is the application's own. */
export function sessionCaller(
  { id, portal }: Pick<SessionRecord, 'id' | 'portal'>,
  holder: Caller | null,
): Caller {
  if (portal === null) return { ...(holder ?? libraryCaller), kind: 'session', id };
  const { tenant, endpointIds, can } = portal;
  return {
    kind: 'portal',
    id,
    name: `portal of ${tenant}`,
    scopes: ['read'],
    tenant,
    endpointIds,
    // No key lets others see more than itself.
    payloads: holder?.payloads ?? libraryCaller.payloads,
    can,
  };
}
