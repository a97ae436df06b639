import { z } from 'zod';
import { keyScopes, payloadAccesses, portalActions } from '../domain/caller.ts';
import { anyId, ownTenant, timestamp } from './fields.ts';
import { operations } from './operation.ts';

const defaultLinkS = 3600;
const maxLinkS = 7 * 86_400;

const me = z
  .strictObject({
    name: z.string().describe('Name of the key; human-readable.'),
    kind: z
      .enum(['key', 'session', 'portal', 'library', 'cli'])
      .describe(
        '`key`: an API key; `session`: a browser that signed in with one; `portal`: the holder of a portal link.',
      ),
    scopes: z.array(z.enum(keyScopes)),
    tenant: z.string().nullable().describe('The only tenant that it sees; null means all.'),
    endpoint_ids: z
      .array(z.string())
      .nullable()
      .describe('The only endpoints that it sees; null means all of its tenant.'),
    payloads: z.enum(payloadAccesses),
    can: z
      .array(z.enum(portalActions))
      .nullable()
      .describe('What a portal link allows its holder besides reading; null if it is not a portal link.'),
    version: z.string().describe('Version of the server.'),
    public_url: z.string().nullable().describe('Public URL of this server; null if it is not configured.'),
    now: timestamp.describe('Clock of the server.'),
    expires_at: timestamp.nullable().describe('When this session or key ends; null if it does not.'),
  })
  .meta({ id: 'Me' });

const signIn = z
  .strictObject({
    key: z.string().min(1).max(512).optional().describe('An API key, unless `Authorization` has it.'),
    token: z.string().min(1).max(512).optional().describe('The token of a portal link, instead of a key.'),
  })
  .refine(
    ({ key, token }) => key === undefined || token === undefined,
    'must not have both a key and a token',
  )
  .meta({ id: 'SignIn' });

const linkRequest = z
  .strictObject({
    tenant: ownTenant.describe('The tenant whose endpoints, deliveries and events it shows.'),
    endpoint_ids: z
      .array(anyId)
      .min(1)
      .max(100)
      .optional()
      .describe('Shows only these endpoints of the tenant, by id or name. Default: all of them.'),
    can: z
      .array(z.enum(portalActions))
      .max(portalActions.length)
      .default([])
      .describe('What it allows its holder besides reading.'),
    expires_in_s: z
      .int()
      .min(60)
      .max(maxLinkS)
      .default(defaultLinkS)
      .describe('How long the link, and every session that it opens, lasts.'),
  })
  .meta({ id: 'PortalLinkRequest' });

const link = z
  .strictObject({
    url: z
      .string()
      .describe(
        "Give it to the receiver. The token is in the fragment, which server logs do not contain. Only a path if the server's public URL is not configured.",
      ),
    token: z
      .string()
      .describe(
        '`phl_…`: opens sessions until it expires, and works as `Authorization: Bearer` without cookies, as in a frame of another site. Shown only once.',
      ),
    expires_at: timestamp,
  })
  .meta({ id: 'PortalLink' });

const exampleMe = {
  name: 'operations',
  kind: 'session',
  scopes: ['read', 'operate'],
  tenant: null,
  endpoint_ids: null,
  payloads: 'masked',
  can: null,
  version: '0.1.0',
  public_url: 'https://posthorn.example.com',
  now: '2026-11-20T09:41:07.120Z',
  expires_at: '2026-11-27T09:41:07.120Z',
} as const;
const exampleToken = 'phl_C2FVsBQIhrscChlQIMVb5sYSspob7oDzP0xk1uRw9Qg';

export const sessionOperations = operations({
  'me.get': {
    method: 'GET',
    path: '/v1/me',
    tag: 'sessions',
    scope: 'any',
    summary: 'Show the caller',
    description: 'Returns what this key, session or portal link may see and do, and when it ends.',
    status: 200,
    answer: me,
    errors: [],
    example: { answer: exampleMe },
  },
  'sessions.create': {
    method: 'POST',
    path: '/v1/sessions',
    tag: 'sessions',
    scope: 'none',
    summary: 'Sign in',
    description:
      'Exchanges an API key, or the token of a portal link, for a session cookie: `HttpOnly`, `SameSite=Strict`, over HTTPS `__Host-posthorn`. A session ends after 12 hours without use, after 7 days at most, and as soon as its key is revoked, expires or is rotated; a session of a portal link ends with the link. Refused over plain HTTP from other machines, unless the server allows it. A changing request with the cookie must come from a page of this server, with `Content-Type: application/json`.',
    body: signIn,
    maxBodyBytes: 4096,
    isRepeatable: false,
    status: 201,
    answer: me,
    errors: ['unauthorized', 'too_many_failures', 'rate_limited', 'cross_site', 'insecure_connection'],
    example: { body: { key: 'phk_rX0b6v4mJ1Zt8yQn3cKfWq7uHs5eLd2aGi9oPxT0VwE' }, answer: exampleMe },
  },
  'sessions.delete': {
    method: 'DELETE',
    path: '/v1/sessions',
    tag: 'sessions',
    scope: 'any',
    summary: 'Sign out',
    description:
      'Ends the calling session and clears its cookie. With the token of a portal link, it ends the link and the sessions that the link has opened. It does not end a key.',
    status: 204,
    answer: null,
    errors: [],
    example: {},
  },
  'portalLinks.create': {
    method: 'POST',
    path: '/v1/portal-links',
    tag: 'sessions',
    scope: 'admin',
    summary: 'Create a portal link',
    description:
      'Lets a receiver see its own endpoints, deliveries, dead letters and events, with payloads as far as the creating key sees them, and do what `can` allows. The link works until it expires, in as many browsers as open it, and ends with the key that created it.',
    body: linkRequest,
    status: 201,
    answer: link,
    errors: ['not_found'],
    example: {
      body: { tenant: 'acme', can: ['redrive', 'replay'], expires_in_s: 3600 },
      answer: {
        url: `https://posthorn.example.com/portal#t=${exampleToken}`,
        token: exampleToken,
        expires_at: '2026-11-20T10:41:07.120Z',
      },
    },
  },
});
