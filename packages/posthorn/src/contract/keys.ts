import { z } from 'zod';
import { keyScopes, payloadAccesses } from '../domain/caller.ts';
import { anyId, ownTenant, pageIn, pageSchema, printableName, tenantName, timestamp } from './fields.ts';
import { operations } from './operation.ts';
import { severalInQuery } from './several.ts';

const scopes = z
  .array(z.enum(keyScopes))
  .min(1)
  .max(keyScopes.length)
  .describe(
    '`publish`: only publish events. `read`: read everything except keys and the audit log. `operate`: change, redrive and replay. `admin`: everything. No scope includes another, except that `admin` includes all.',
  );
const payloads = z
  .enum(payloadAccesses)
  .describe(
    "How much the key sees of event data and of receivers' answers. `masked`: card numbers, bank accounts and email addresses are replaced.",
  );
const ratePerS = z
  .number()
  .min(0.01)
  .max(100_000)
  .nullable()
  .describe("Requests per second on each node; null means no limit. One second's requests may come at once.");

const keyRequest = z
  .strictObject({
    name: printableName(128).describe('Human-readable: what the key is for.'),
    scopes,
    tenant: ownTenant.optional().describe('Binds the key to this tenant: it sees and changes nothing else.'),
    endpoint_ids: z
      .array(anyId)
      .min(1)
      .max(100)
      .optional()
      .describe(
        'Binds the key to these endpoints, by id or name. They must belong to one tenant, which the key is bound to as well. Not possible with the scopes `publish` and `admin`.',
      ),
    payloads: payloads.optional().describe('Default: `full` with the scope `admin`, else `masked`.'),
    expires_at: timestamp.optional().describe('In the future. Default: the key does not expire.'),
    rate_limit_per_s: ratePerS.optional(),
  })
  .meta({ id: 'KeyRequest' });

const keyFields = {
  id: z.string(),
  name: z.string(),
  state: z.enum(['active', 'expired', 'revoked']),
  scopes,
  tenant: z.string().nullable().describe('The only tenant that it sees; null means all.'),
  endpoint_ids: z
    .array(z.string())
    .nullable()
    .describe('The only endpoints that it sees; null means all of its tenant.'),
  payloads,
  rate_limit_per_s: ratePerS,
  created_at: timestamp,
  expires_at: timestamp.nullable(),
  revoked_at: timestamp.nullable(),
  former_until: timestamp
    .nullable()
    .describe('Until when the key before the last rotation works too; null if none does.'),
  last_used_at: timestamp.nullable().describe('Up to ten seconds behind.'),
  last_used_from: z.string().nullable().describe('Address of the last request.'),
};
const key = z.strictObject(keyFields).meta({ id: 'Key' });
const keyWithSecret = z
  .strictObject({ ...keyFields, key: z.string().describe('The key itself, `phk_…`. Shown only once.') })
  .meta({ id: 'KeyWithSecret' });
const keyList = pageSchema('KeyList', key);

const rotation = z
  .strictObject({
    grace_s: z
      .int()
      .min(0)
      .max(30 * 86_400)
      .default(86_400)
      .describe('How long the current key keeps working too.'),
  })
  .meta({ id: 'KeyRotation' });

const params = z.strictObject({ id: anyId });
const example = {
  id: 'key_01jd8z0c3r5s7u9w1y3a5c',
  name: 'checkout, production',
  state: 'active',
  scopes: ['publish'],
  tenant: 'acme',
  endpoint_ids: null,
  payloads: 'masked',
  rate_limit_per_s: 500,
  created_at: '2026-11-20T08:00:00.000Z',
  expires_at: '2027-11-20T08:00:00.000Z',
  revoked_at: null,
  former_until: null,
  last_used_at: '2026-11-20T09:41:07.120Z',
  last_used_from: '203.0.113.7',
} as const;
const fresh = { ...example, last_used_at: null, last_used_from: null };
const exampleKey = 'phk_rX0b6v4mJ1Zt8yQn3cKfWq7uHs5eLd2aGi9oPxT0VwE';
const exampleParams = { id: example.id };

export const keyOperations = operations({
  'keys.create': {
    method: 'POST',
    path: '/v1/keys',
    tag: 'keys',
    scope: 'admin',
    summary: 'Create a key',
    description:
      'Only this response shows the key. It works at once on this node, and within a second on others.',
    body: keyRequest,
    status: 201,
    answer: keyWithSecret,
    errors: ['not_found', 'too_many_keys'],
    example: {
      body: {
        name: example.name,
        scopes: example.scopes,
        tenant: example.tenant,
        expires_at: example.expires_at,
        rate_limit_per_s: example.rate_limit_per_s,
      },
      answer: { ...fresh, key: exampleKey },
    },
  },
  'keys.list': {
    method: 'GET',
    path: '/v1/keys',
    tag: 'keys',
    scope: 'admin',
    summary: 'List keys',
    description:
      'Returns the oldest first, including expired and revoked keys. The first admin key is not included.',
    query: z.strictObject({ tenant: severalInQuery(tenantName).optional(), ...pageIn('asc') }),
    status: 200,
    answer: keyList,
    errors: [],
    example: { query: { limit: '20' }, answer: { items: [example], next_cursor: null } },
  },
  'keys.get': {
    method: 'GET',
    path: '/v1/keys/{id}',
    tag: 'keys',
    scope: 'admin',
    summary: 'Get a key',
    description:
      'Returns what it may do, and when and from where it was last used. Never returns the key itself.',
    params,
    status: 200,
    answer: key,
    errors: ['not_found'],
    example: { params: exampleParams, answer: example },
  },
  'keys.delete': {
    method: 'DELETE',
    path: '/v1/keys/{id}',
    tag: 'keys',
    scope: 'admin',
    summary: 'Revoke a key',
    description:
      'The key stops working at once on this node, and within a second on others; so do the sessions it started. Lists keep showing it, as revoked.',
    params,
    status: 204,
    answer: null,
    errors: ['not_found'],
    example: { params: exampleParams },
  },
  'keys.rotate': {
    method: 'POST',
    path: '/v1/keys/{id}/rotate',
    tag: 'keys',
    scope: 'admin',
    summary: 'Rotate a key',
    description:
      'Generates a new key with the same id and rights; the current one works until the grace period ends. If it was rotated before, the key before that stops working now. Only this response shows the new key.',
    params,
    body: rotation,
    status: 200,
    answer: keyWithSecret,
    errors: ['not_found', 'wrong_state'],
    example: {
      params: exampleParams,
      body: { grace_s: 3600 },
      answer: { ...example, former_until: '2026-11-20T11:00:00.000Z', key: exampleKey },
    },
  },
});
