import { hash } from 'node:crypto';
import type { Answer } from '../contract/table.ts';
import { type Fault, PosthornError } from '../domain/errors.ts';
import { timeOrderedId } from '../domain/ids.ts';
import { maxSessionMs, maxSessions, type SessionKind, type SessionRecord } from '../domain/session.ts';
import { iso, isoOrNull, secondMs } from '../domain/time.ts';
import type { StoreRead } from '../store/store.ts';
import { auditEntry } from './audit.ts';
import { refuseFaults } from './declared.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { findEndpoint } from './endpoint-ref.ts';
import { type Call, type Handlers, type Of, Reply } from './handler.ts';

const tokenBytes = 32;
const prefixes: Readonly<Record<SessionKind, string>> = { session: 'phs', portal: 'phs', link: 'phl' };

/** A new session, with its token, which is stored nowhere else. */
interface Begun {
  readonly session: SessionRecord;
  readonly token: string;
}

function newSession(
  { random }: Pick<ServiceDependencies, 'random'>,
  fields: Pick<SessionRecord, 'kind' | 'owner' | 'keyHash' | 'portal' | 'endsAt'>,
  now: number,
): Begun {
  const token = `${prefixes[fields.kind]}_${Buffer.from(random.bytes(tokenBytes)).toString('base64url')}`;
  const id = timeOrderedId(fields.kind === 'link' ? 'lnk' : 'ses', now, random.bytes(12));
  return { token, session: { ...fields, id, hash: hash('sha256', token), createdAt: now, seenAt: now } };
}

/** A session ends with the key that started it, as far as its end is known. */
async function keyExpiry({ store }: Pick<ServiceDependencies, 'store'>, { caller }: Call): Promise<number> {
  const key = caller.kind === 'key' ? await store.read.key(caller.id) : null;
  return key?.expiresAt ?? Number.POSITIVE_INFINITY;
}

/** Signing in and out, the caller's identity, and links for receivers (G9). */
export function sessionService(
  deps: ServiceDependencies,
): Handlers<Of<'me'> | Of<'sessions'> | Of<'portalLinks'>> {
  return { ...signingIn(deps), ...portalLinks(deps) };
}

async function callerIdentity(
  { store, clock, version, publicUrl }: ServiceDependencies,
  { caller: { name, kind, scopes, tenant, endpointIds, payloads, can, id } }: Pick<Call, 'caller'>,
  session: SessionRecord | null,
): Promise<Answer<'me.get'>> {
  const key = kind === 'key' ? await store.read.key(id) : null;
  return {
    name,
    kind,
    scopes,
    tenant,
    endpoint_ids: endpointIds,
    payloads,
    can,
    version,
    public_url: publicUrl(),
    now: iso(clock.now()),
    expires_at: isoOrNull(session?.endsAt ?? key?.expiresAt ?? null),
  };
}

function signingIn(deps: ServiceDependencies): Handlers<Of<'me'> | Of<'sessions'>> {
  const { store, clock, sessionTable } = deps;
  return {
    'me.get': async (_, call) => await callerIdentity(deps, call, call.credential()?.session ?? null),

    'sessions.create': async (_, call) => {
      const credential = call.credential();
      if (credential === null)
        throw new PosthornError(
          'unauthorized',
          'Sessions begin over HTTP, with an API key or a portal link.',
        );
      const now = clock.now();
      const { keyHash, session: link } = credential;
      const keyEndsAt = await keyExpiry(deps, call);
      const { session, token } = newSession(
        deps,
        link === null
          ? {
              kind: 'session',
              owner: keyHash ?? call.caller.id,
              keyHash,
              portal: null,
              endsAt: Math.min(now + maxSessionMs, keyEndsAt),
            }
          : { kind: 'portal', owner: link.hash, keyHash, portal: link.portal, endsAt: link.endsAt },
        now,
      );
      const kind = link === null ? 'session' : 'portal';
      const audit = auditEntry(call, now, {
        action: 'sessions.create',
        target: { kind: 'session', id: session.id },
        tenant: call.caller.tenant,
        after: { id: session.id, kind, expires_at: iso(session.endsAt) },
      });
      await store.write.createSession(session, maxSessions[session.kind], audit);
      return new Reply<Answer<'me.get'>>(
        await callerIdentity(deps, { caller: { ...call.caller, kind } }, session),
        {
          session: { token, endsAt: session.endsAt },
        },
      );
    },

    'sessions.delete': async (_, call) => {
      const session = call.credential()?.session ?? null;
      if (session !== null) {
        const audit = auditEntry(call, clock.now(), {
          action: 'sessions.delete',
          target: { kind: 'session', id: session.id },
          tenant: call.caller.tenant,
          before: { id: session.id, kind: session.kind, expires_at: iso(session.endsAt) },
        });
        await store.write.deleteSession(session.hash, audit);
        sessionTable.forget(session.hash);
      }
      return new Reply<undefined>(undefined, { session: 'ended' });
    },
  };
}

function portalLinks(deps: ServiceDependencies): Handlers<Of<'portalLinks'>> {
  const { store, clock, publicUrl } = deps;
  return {
    'portalLinks.create': async ({ body }, call) => {
      const { tenant, endpoint_ids: references, can, expires_in_s: expiresInS } = body;
      const now = clock.now();
      const endpointIds =
        references === undefined ? null : await findEndpointIds(store.read, tenant, references);
      const portal = { tenant, endpointIds, can: [...new Set(can)] };
      const keyHash = call.credential()?.keyHash ?? null;
      const { session, token } = newSession(
        deps,
        {
          kind: 'link',
          owner: keyHash ?? call.caller.id,
          keyHash,
          portal,
          endsAt: Math.min(now + expiresInS * secondMs, await keyExpiry(deps, call)),
        },
        now,
      );
      const audit = auditEntry(call, now, {
        action: 'portalLinks.create',
        target: { kind: 'portal_link', id: session.id },
        tenant,
        after: {
          id: session.id,
          tenant,
          endpoint_ids: endpointIds,
          can: portal.can,
          expires_at: iso(session.endsAt),
        },
      });
      await store.write.createSession(session, maxSessions.link, audit);
      return { url: `${publicUrl() ?? ''}/portal#t=${token}`, token, expires_at: iso(session.endsAt) };
    },
  };
}

/** The ids of these endpoints; refuses those that the tenant does not have. */
async function findEndpointIds(
  store: Pick<StoreRead, 'endpoint' | 'endpointsNamed'>,
  tenant: string,
  references: readonly string[],
): Promise<readonly string[]> {
  const ids = new Set<string>();
  const faults: Fault[] = [];
  for (const [at, reference] of references.entries()) {
    try {
      ids.add((await findEndpoint(store, { reference, tenant })).id);
    } catch (error) {
      if (!(error instanceof PosthornError)) throw error;
      faults.push({ path: `/endpoint_ids/${at}`, message: error.message });
    }
  }
  refuseFaults(faults);
  return [...ids];
}
