import { hash } from 'node:crypto';
import { z } from 'zod';
import { dayMs, iso, secondMs } from '../domain/time.ts';
import { applicationIn, ensureApplication, revokeKeys, tenantIn } from './applications.ts';
import { InvalidFields, unsupported } from './errors.ts';
import { tenantFrom } from './ids.ts';
import { type Context, ownOperations, parseBody, type Route } from './request.ts';

// What a receiver gets: a key of its application, for pages that call this API, and a link to Posthorn's own portal. The link ends
// with the key.

const usualDays = 7;
const accessIn = z.object({
  application: applicationIn.nullish(),
  expiry: z.int().min(3600).max(604_800).nullish(),
  readOnly: z.boolean().nullish(),
  capabilities: z.array(z.string()).nullish(),
  featureFlags: z.array(z.string()).nullish(),
  sessionId: z.string().max(64).nullish(),
});

const keyName = (session: string | null): string =>
  session === null ? 'app portal' : `app portal, session ${session}`;
const isPortalKey = (name: string): boolean =>
  name === 'app portal' || name.startsWith('app portal, session ');

async function applicationOf(context: Context, { application }: z.output<typeof accessIn>): Promise<string> {
  if (application === undefined || application === null) return (await tenantIn(context)).name;
  if (application.uid !== tenantFrom(context.params['app']!))
    throw new InvalidFields('body', [
      { path: '/application/uid', message: 'application_uid_mismatch: it is not the one in the path' },
    ]);
  return (await ensureApplication(context, application)).name;
}

async function grantAccess(context: Context): Promise<{ status: number; body: object }> {
  const body = parseBody(accessIn, context);
  const { readOnly, expiry, sessionId, capabilities, featureFlags } = body;
  if ((featureFlags?.length ?? 0) > 0)
    throw unsupported('body', 'featureFlags', 'every declared event type is shown');
  if ((capabilities?.length ?? 0) > 0)
    throw unsupported('body', 'capabilities', 'use readOnly: true for access that only reads');
  const tenant = await applicationOf(context, body);
  const { deps, own, call, handlers } = context;
  const lastsS = expiry ?? (usualDays * dayMs) / secondMs;
  const { key: token } = await own('keys.create', {
    body: {
      name: keyName(sessionId ?? null),
      tenant,
      scopes: readOnly === true ? ['read'] : ['read', 'operate'],
      payloads: call.caller.payloads,
      expires_at: iso(deps.clock.now() + lastsS * secondMs),
    },
  });
  const byKey = { ...call, credential: () => ({ keyHash: hash('sha256', token), session: null }) };
  const { url } = await ownOperations(handlers, byKey).own('portalLinks.create', {
    body: {
      tenant,
      expires_in_s: lastsS,
      can: readOnly === true ? [] : ['redrive', 'replay', 'test', 'rotate'],
    },
  });
  return { status: 200, body: { url, token } };
}

const expireIn = z.object({
  expiry: z.int().min(0).nullish(),
  sessionIds: z.array(z.string().max(64)).max(100).nullish(),
});

async function expireAll(context: Context): Promise<{ status: number }> {
  const { expiry, sessionIds } = parseBody(expireIn, context);
  if (typeof expiry === 'number' && expiry > 0) throw unsupported('body', 'expiry', 'access ends at once');
  const { name: tenant } = await tenantIn(context);
  const names = sessionIds?.map(keyName) ?? [];
  await revokeKeys(context, tenant, ({ name }) =>
    names.length === 0 ? isPortalKey(name) : names.includes(name),
  );
  return { status: 204 };
}

export const portalRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: 'auth/app-portal-access/{app}',
    scope: 'admin',
    orgOnly: true,
    handle: grantAccess,
  },
  { method: 'POST', path: 'auth/app/{app}/expire-all', scope: 'admin', orgOnly: true, handle: expireAll },
];
