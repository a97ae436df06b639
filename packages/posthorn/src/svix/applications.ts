import { z } from 'zod';
import type { Answer } from '../contract/table.ts';
import { PosthornError } from '../domain/errors.ts';
import { conflict, InvalidFields, missing, unsupported } from './errors.ts';
import { appId, idBytes, newAppName, tenantFrom, uidFrom } from './ids.ts';
import { listAnswer, readPage } from './lists.ts';
import { type Context, parseBody, type Route } from './request.ts';

// Applications are tenants: the uid is the tenant's name. A tenant that was used but never declared is not an application.

export const uid = z
  .string()
  .min(1)
  .max(256)
  .regex(/^[a-zA-Z0-9\-_.]+$/, 'letters, digits, - _ and .');

const appUid = uid
  .max(128, 'at most 128 characters')
  .refine((text) => !text.startsWith('app_'), 'must not begin with app_');
const textMap = z.record(z.string(), z.string());

export const applicationIn = z.object({
  name: z.string().min(1).max(256),
  uid: appUid.nullish(),
  metadata: textMap.nullish(),
  throttleRate: z.unknown().optional(),
  rateLimit: z.unknown().optional(),
});
type ApplicationIn = z.output<typeof applicationIn>;

const applicationPatch = applicationIn.partial();
type ApplicationPatch = z.output<typeof applicationPatch>;

function refuseRates({ throttleRate, rateLimit }: ApplicationPatch): void {
  const why = 'limit each endpoint, or the tenant by limits in its declaration';
  if (throttleRate !== undefined && throttleRate !== null) throw unsupported('body', 'throttleRate', why);
  if (rateLimit !== undefined && rateLimit !== null) throw unsupported('body', 'rateLimit', why);
}

type Tenant = Answer<'tenants.get'>;
const longAgo = '1970-01-01T00:00:00.000Z';

function applicationOut({ name, display_name: shown, metadata, created_at: at, updated_at }: Tenant): object {
  const ownUid = uidFrom(name);
  return {
    id: appId(name),
    ...(ownUid === null ? {} : { uid: ownUid }),
    name: shown === '' ? name : shown,
    metadata,
    createdAt: at ?? longAgo,
    updatedAt: updated_at ?? at ?? longAgo,
  };
}

async function tenantNamed({ own }: Pick<Context, 'own'>, name: string): Promise<Tenant | null> {
  try {
    return await own('tenants.get', { params: { name } });
  } catch (error) {
    // A reference that cannot be the name of a tenant is not one.
    if (error instanceof PosthornError && ['not_found', 'invalid_request'].includes(error.code)) return null;
    throw error;
  }
}

/** The tenant that the path's application is; 404 if there is none. */
export async function tenantIn(context: Context, detail?: string): Promise<Tenant> {
  const tenant = await tenantNamed(context, tenantFrom(context.params['app']!));
  if (tenant === null) throw missing(detail);
  return tenant;
}

async function declare(
  { own, deps: { clock, random } }: Context,
  { name, uid: given, metadata }: ApplicationIn,
): Promise<Tenant> {
  const tenant = given ?? newAppName(clock.now(), random.bytes(idBytes));
  return await own('tenants.put', {
    params: { name: tenant },
    body: { display_name: name, metadata: metadata ?? {} },
  });
}

async function redeclare(context: Context, before: Tenant, change: ApplicationPatch): Promise<Tenant> {
  refuseRates(change);
  if (change.uid !== undefined && change.uid !== null && change.uid !== before.name)
    throw new InvalidFields('body', [
      {
        path: '/uid',
        message: 'cannot be changed: it is the name of the tenant. Create another application.',
      },
    ]);
  return await context.own('tenants.put', {
    params: { name: before.name },
    body: {
      display_name: change.name ?? before.display_name,
      metadata: change.metadata ?? before.metadata,
      limits: before.limits,
    },
  });
}

/** The application that a message brings along: made if the path's uid is its own and it does not exist. */
export async function ensureApplication(context: Context, given: ApplicationIn): Promise<Tenant> {
  refuseRates(given);
  return (await tenantNamed(context, given.uid!)) ?? (await declare(context, given));
}

/** Deletes everything that keeps a tenant from being deleted: its endpoints, and its keys. */
async function empty({ own }: Context, tenant: string): Promise<void> {
  for (;;) {
    const { items } = await own('endpoints.list', { query: { tenant, limit: 250 } });
    if (items.length === 0) break;
    for (const { id } of items) await own('endpoints.delete', { params: { id }, query: { tenant } });
  }
  await revokeKeys({ own }, tenant, () => true);
}

type Key = Answer<'keys.get'>;

/** Revokes the tenant's active keys that `which` chooses. */
export async function revokeKeys(
  { own }: Pick<Context, 'own'>,
  tenant: string,
  which: (key: Key) => boolean,
): Promise<void> {
  for (let cursor: string | null | undefined; cursor !== null;) {
    const page: Answer<'keys.list'> = await own('keys.list', {
      query: { tenant, limit: 250, ...(cursor === undefined ? {} : { cursor }) },
    });
    for (const key of page.items)
      if (key.state === 'active' && which(key)) await own('keys.delete', { params: { id: key.id } });
    cursor = page.next_cursor;
  }
}

const unfiltered = [
  'exclude_apps_with_no_endpoints',
  'exclude_apps_with_disabled_endpoints',
  'exclude_apps_with_svix_play_endpoints',
];

export const applicationRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: 'app',
    scope: 'read',
    orgOnly: true,
    handle: async (context) => {
      context.query.refuse(unfiltered, 'list all applications, and their endpoints');
      const page = await readPage(
        context,
        'asc',
        (query) => context.own('tenants.list', { query }),
        ({ name }) => name,
      );
      return { status: 200, body: listAnswer(page.items.map(applicationOut), page) };
    },
  },
  {
    method: 'POST',
    path: 'app',
    scope: 'operate',
    orgOnly: true,
    handle: async (context) => {
      const body = parseBody(applicationIn, context);
      refuseRates(body);
      const found = body.uid === undefined || body.uid === null ? null : await tenantNamed(context, body.uid);
      if (found === null) return { status: 201, body: applicationOut(await declare(context, body)) };
      if (context.query.flag('get_if_exists')) return { status: 200, body: applicationOut(found) };
      throw conflict(`An application with the uid ${found.name} exists. Use PUT, or get_if_exists=true.`);
    },
  },
  {
    method: 'GET',
    path: 'app/{app}',
    scope: 'read',
    handle: async (context) => ({ status: 200, body: applicationOut(await tenantIn(context)) }),
  },
  {
    method: 'PUT',
    path: 'app/{app}',
    scope: 'operate',
    orgOnly: true,
    handle: async (context) => {
      const body = parseBody(applicationIn, context);
      const reference = tenantFrom(context.params['app']!);
      const found = await tenantNamed(context, reference);
      if (found !== null) {
        const all = { ...body, metadata: body.metadata ?? {} };
        return { status: 200, body: applicationOut(await redeclare(context, found, all)) };
      }
      refuseRates(body);
      const named = appUid.safeParse(body.uid ?? reference);
      if (!named.success) throw missing();
      return { status: 201, body: applicationOut(await declare(context, { ...body, uid: named.data })) };
    },
  },
  {
    method: 'PATCH',
    path: 'app/{app}',
    scope: 'operate',
    orgOnly: true,
    handle: async (context) => {
      const body = parseBody(applicationPatch, context);
      return { status: 200, body: applicationOut(await redeclare(context, await tenantIn(context), body)) };
    },
  },
  {
    method: 'DELETE',
    path: 'app/{app}',
    scope: 'operate',
    orgOnly: true,
    handle: async (context) => {
      const { name } = await tenantIn(context);
      await empty(context, name);
      await context.own('tenants.delete', { params: { name } });
      return { status: 204 };
    },
  },
];
