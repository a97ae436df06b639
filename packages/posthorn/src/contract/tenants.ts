import { z } from 'zod';
import { fingerprint, ownTenant, pageSchema, pageQuery, tenantName, timestamp } from './fields.ts';
import { metadata } from './metadata.ts';
import { operations } from './operation.ts';

const displayName = z.string().max(256).describe('Human-readable.');
const limitFields = {
  endpoints: z
    .int()
    .min(0)
    .max(1_000_000)
    .nullable()
    .describe('Maximum number of endpoints. Creating one more is refused with `tenant_limit`.'),
  events_per_s: z
    .number()
    .min(0.001)
    .max(1_000_000)
    .nullable()
    .describe(
      'Events that it may publish per second on each node, in bursts of up to one second. Beyond, publishing is refused with `too_many_events`. A batch is accepted whole if anything is left, and its excess is deducted before the next one.',
    ),
  pending_deliveries: z
    .int()
    .min(1)
    .max(1_000_000_000)
    .nullable()
    .describe(
      'Pending deliveries at which publishing is refused with `too_many_pending`. Counted at most once per second: it can be exceeded by what one request adds, and by what other nodes accept within a second.',
    ),
};

/** A declared tenant: in `posthorn.yaml` under `tenants`, by its name, and by `PUT /v1/tenants/{name}`. */
export const tenantDocument = z
  .strictObject({
    display_name: displayName.default(''),
    metadata: metadata.default({}),
    limits: z
      .strictObject({
        endpoints: limitFields.endpoints.default(null),
        events_per_s: limitFields.events_per_s.default(null),
        pending_deliveries: limitFields.pending_deliveries.default(null),
      })
      .default({ endpoints: null, events_per_s: null, pending_deliveries: null }),
  })
  .meta({ id: 'TenantDocument' });

const limits = z.strictObject(limitFields).describe('Null means no limit.').meta({ id: 'TenantLimits' });
const tenant = z
  .strictObject({
    name: tenantName,
    fingerprint,
    display_name: displayName,
    metadata,
    limits,
    created_at: timestamp
      .nullable()
      .describe('When it was first declared; null if that was before times were kept.'),
    updated_at: timestamp.nullable(),
  })
  .meta({ id: 'Tenant' });

const example = {
  name: 'kestrel',
  fingerprint: '0b6e1f5a9c3d7e42',
  display_name: 'Kestrel Pay',
  metadata: { crm_id: 'A-1042' },
  limits: { endpoints: 20, events_per_s: 100, pending_deliveries: 100_000 },
  created_at: '2026-11-20T08:00:00.000Z',
  updated_at: '2026-11-20T08:00:00.000Z',
};
const params = { name: example.name };
const named = z.strictObject({ name: tenantName });

export const tenantOperations = operations({
  'tenants.list': {
    method: 'GET',
    path: '/v1/tenants',
    tag: 'tenants',
    scope: 'read',
    summary: 'List tenants',
    description: 'Returns the declared tenants by name.',
    query: pageQuery,
    status: 200,
    answer: pageSchema('TenantList', tenant),
    errors: [],
    example: { answer: { items: [example], next_cursor: null } },
  },
  'tenants.get': {
    method: 'GET',
    path: '/v1/tenants/{name}',
    tag: 'tenants',
    scope: 'read',
    summary: 'Get a tenant',
    description:
      'Returns the tenant as it was declared. A tenant that is used but not declared is not found.',
    params: named,
    status: 200,
    answer: tenant,
    errors: ['not_found'],
    example: { params, answer: example },
  },
  'tenants.put': {
    method: 'PUT',
    path: '/v1/tenants/{name}',
    tag: 'tenants',
    scope: 'operate',
    summary: 'Declare a tenant',
    description:
      'Creates or replaces the tenant. A tenant need not be declared to be used; without a declaration it is not limited. Lower limits delete nothing: they apply to new requests.',
    params: z.strictObject({ name: ownTenant }),
    body: tenantDocument,
    status: 200,
    answer: tenant,
    errors: ['busy'],
    example: {
      params,
      body: {
        display_name: example.display_name,
        metadata: example.metadata,
        limits: example.limits,
      },
      answer: example,
    },
  },
  'tenants.delete': {
    method: 'DELETE',
    path: '/v1/tenants/{name}',
    tag: 'tenants',
    scope: 'operate',
    summary: 'Delete a tenant',
    description:
      'Deletes the declaration. Refused while the tenant has endpoints or keys. Its events and deliveries remain as long as retention keeps them.',
    params: named,
    status: 204,
    answer: null,
    errors: ['not_found', 'in_use', 'busy'],
    example: { params },
  },
});
