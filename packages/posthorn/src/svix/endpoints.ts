import { z } from 'zod';
import type { Answer } from '../contract/table.ts';
import { PosthornError } from '../domain/errors.ts';
import { revealSecret } from '../service/endpoint-secret.ts';
import { tenantIn } from './applications.ts';
import { conflict, missing, Refusal, unsupported } from './errors.ts';
import {
  endpointIn,
  endpointOut,
  endpointPatch,
  endpointUpdate,
  ownFields,
  prefixedSecret,
  secretIn,
  usualFields,
  wireCompatible,
} from './endpoint-fields.ts';
import { listAnswer, readPage } from './lists.ts';
import { type Context, parseBody, type Route } from './request.ts';

type Endpoint = Answer<'endpoints.get'>;

/** The endpoint of a path, by its id or uid, in its application. */
interface Place {
  readonly tenant: string;
  readonly params: { readonly id: string };
  readonly query: { readonly tenant: string };
}

/** The endpoint that the path names; 404 if the application or the endpoint does not exist. */
export async function endpointPlace(context: Context): Promise<Place & { readonly endpoint: Endpoint }> {
  const { name: tenant } = await tenantIn(context);
  const place = { tenant, params: { id: context.params['endpoint']! }, query: { tenant } };
  try {
    const endpoint = await context.own('endpoints.get', place);
    return { ...place, params: { id: endpoint.id }, endpoint };
  } catch (error) {
    throw error instanceof PosthornError && error.code === 'not_found' ? missing() : error;
  }
}

async function endpointOrNull(context: Context): Promise<Endpoint | null> {
  try {
    return (await endpointPlace(context)).endpoint;
  } catch (error) {
    if (error instanceof Refusal && error.answer.status === 404) return null;
    throw error;
  }
}

async function create(context: Context, tenant: string, fields: object): Promise<object> {
  try {
    const body = { ...wireCompatible, ...fields, tenant };
    return endpointOut(await context.own('endpoints.create', { body }));
  } catch (error) {
    if (error instanceof PosthornError && error.code === 'name_taken')
      throw conflict('An endpoint with this uid exists.');
    throw error;
  }
}

async function update(context: Context, { tenant, id }: Endpoint, body: object): Promise<object> {
  const request = { params: { id }, query: { tenant }, body };
  return endpointOut(await context.own('endpoints.update', request));
}

const rotation = z.object({
  key: secretIn.nullish(),
  gracePeriodSeconds: z.int().min(0).max(604_800).nullish(),
});

/** Clients before 2.7 expect no body after a rotation; others, and those that do not say, the new secret. */
function expectsNoSecret(userAgent: string): boolean {
  const [, major, minor] = /svix-libs\/(\d+)\.(\d+)/.exec(userAgent) ?? [];
  return major !== undefined && (Number(major) < 2 || (Number(major) === 2 && Number(minor) < 7));
}

const collection: readonly Route[] = [
  {
    method: 'GET',
    path: 'app/{app}/endpoint',
    scope: 'read',
    handle: async (context) => {
      const { name: tenant } = await tenantIn(context);
      const page = await readPage(
        context,
        'desc',
        (query) => context.own('endpoints.list', { query: { tenant, ...query } }),
        ({ id }) => id,
      );
      return { status: 200, body: listAnswer(page.items.map(endpointOut), page) };
    },
  },
  {
    method: 'POST',
    path: 'app/{app}/endpoint',
    scope: 'operate',
    handle: async (context) => {
      const { name: tenant } = await tenantIn(context);
      return {
        status: 201,
        body: await create(context, tenant, ownFields(parseBody(endpointIn, context))),
      };
    },
  },
];

const single: readonly Route[] = [
  {
    method: 'GET',
    path: 'app/{app}/endpoint/{endpoint}',
    scope: 'read',
    handle: async (context) => ({ status: 200, body: endpointOut((await endpointPlace(context)).endpoint) }),
  },
  {
    method: 'PUT',
    path: 'app/{app}/endpoint/{endpoint}',
    scope: 'operate',
    handle: async (context) => {
      const given = parseBody(endpointUpdate, context);
      const { name: tenant } = await tenantIn(context);
      const found = await endpointOrNull(context);
      const said = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
      const { uid, ...fields } = { ...usualFields, ...said } as typeof given;
      const named = uid === undefined || uid === null ? {} : { uid };
      if (found !== null)
        return { status: 200, body: await update(context, found, ownFields({ ...fields, ...named })) };
      const reference = context.params['endpoint']!;
      if (reference.startsWith('ep_')) throw missing();
      const body = ownFields({ uid: reference, ...fields, ...named });
      return { status: 201, body: await create(context, tenant, body) };
    },
  },
  {
    method: 'PATCH',
    path: 'app/{app}/endpoint/{endpoint}',
    scope: 'operate',
    handle: async (context) => {
      const { secret, ...fields } = parseBody(endpointPatch, context);
      const { endpoint, params, query } = await endpointPlace(context);
      const updated = await update(context, endpoint, ownFields(fields));
      if (secret !== undefined && secret !== null)
        await context.own('endpoints.rotateSecret', {
          params,
          query,
          body: { secret: prefixedSecret(secret), grace_s: 0 },
        });
      return { status: 200, body: updated };
    },
  },
  {
    method: 'DELETE',
    path: 'app/{app}/endpoint/{endpoint}',
    scope: 'operate',
    handle: async (context) => {
      await context.own('endpoints.delete', await endpointPlace(context));
      return { status: 204 };
    },
  },
];

const secrets: readonly Route[] = [
  {
    method: 'GET',
    path: 'app/{app}/endpoint/{endpoint}/secret',
    scope: 'operate',
    handle: async (context) => {
      const { endpoint } = await endpointPlace(context);
      const { caller, call, deps } = context;
      // A key of everything must be an admin's; a key of one application reads what its receiver has too.
      if (caller.tenant === null && !caller.scopes.includes('admin'))
        throw new Refusal(
          403,
          'insufficient access',
          'Reading a secret needs a key with the scope admin, or a key of the application.',
        );
      if (caller.can !== null && !caller.can.includes('rotate'))
        throw new Refusal(403, 'insufficient access', 'This portal link does not show secrets.');
      return { status: 200, body: { key: await revealSecret(deps, endpoint.id, call) } };
    },
  },
  {
    method: 'POST',
    path: 'app/{app}/endpoint/{endpoint}/secret/rotate',
    scope: 'operate',
    handle: async (context) => {
      const { key, gracePeriodSeconds } = parseBody(rotation, context);
      const { params, query } = await endpointPlace(context);
      const { secret } = await context.own('endpoints.rotateSecret', {
        params,
        query,
        body: {
          ...(key === undefined || key === null ? {} : { secret: prefixedSecret(key) }),
          ...(typeof gracePeriodSeconds === 'number' ? { grace_s: gracePeriodSeconds } : {}),
        },
      });
      return expectsNoSecret(context.userAgent) ? { status: 204 } : { status: 200, body: { key: secret } };
    },
  },
];

const headersIn = z.object({ headers: z.record(z.string(), z.string()) });
const headersPatch = z.object({
  headers: z.record(z.string(), z.string().nullable()).default({}),
  deleteHeaders: z.array(z.string()).nullish(),
});

/** Values are write-only, so all are named as sensitive. */
const headers: readonly Route[] = [
  {
    method: 'GET',
    path: 'app/{app}/endpoint/{endpoint}/headers',
    scope: 'read',
    handle: async (context) => {
      const { endpoint } = await endpointPlace(context);
      return { status: 200, body: { headers: {}, sensitive: Object.keys(endpoint.headers) } };
    },
  },
  {
    method: 'PUT',
    path: 'app/{app}/endpoint/{endpoint}/headers',
    scope: 'operate',
    handle: async (context) => {
      const body = parseBody(headersIn, context);
      await update(context, (await endpointPlace(context)).endpoint, body);
      return { status: 204 };
    },
  },
  {
    method: 'PATCH',
    path: 'app/{app}/endpoint/{endpoint}/headers',
    scope: 'operate',
    handle: async (context) => {
      const { headers: given, deleteHeaders } = parseBody(headersPatch, context);
      const { endpoint } = await endpointPlace(context);
      const gone = new Set([
        ...(deleteHeaders ?? []).map((name) => name.toLowerCase()),
        ...Object.keys(given).map((name) => name.toLowerCase()),
      ]);
      // Null keeps the stored value.
      const kept = Object.keys(endpoint.headers)
        .filter((name) => !gone.has(name.toLowerCase()))
        .map((name) => [name, null]);
      const fresh = Object.entries(given).filter(([, value]) => value !== null);
      await update(context, endpoint, { headers: Object.fromEntries([...kept, ...fresh]) });
      return { status: 204 };
    },
  },
];

const transformations: readonly Route[] = [
  {
    method: 'GET',
    path: 'app/{app}/endpoint/{endpoint}/transformation',
    scope: 'read',
    handle: async (context) => {
      await endpointPlace(context);
      return { status: 200, body: { enabled: false } };
    },
  },
  {
    method: 'PATCH',
    path: 'app/{app}/endpoint/{endpoint}/transformation',
    scope: 'operate',
    handle: async (context) => {
      await endpointPlace(context);
      throw unsupported('body', 'code', 'declare a transformation of the endpoint in its own API');
    },
  },
];

export const endpointRoutes: readonly Route[] = [
  ...collection,
  ...single,
  ...secrets,
  ...headers,
  ...transformations,
];
