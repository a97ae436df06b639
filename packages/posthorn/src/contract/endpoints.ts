import { z } from 'zod';
import {
  anyId,
  documentName,
  endpointName,
  eventTypePattern,
  maxRoutingKeys,
  ownTenant,
  routingKey,
  tenantLeftOut,
  pageIn,
  pageSchema,
  tenantName,
  timestamp,
} from './fields.ts';
import { lifecycleFields, lifecycleSettings } from './endpoint-lifecycle.ts';
import { limitFields, limitSettings } from './endpoint-limits.ts';
import { orderingFields, orderingSettings } from './endpoint-ordering.ts';
import { keptReach, newReach, shownReach } from './endpoint-reach.ts';
import { isReservedHeader } from '../domain/header-names.ts';
import {
  bodyKind,
  examplePublicKeys,
  headerPrefixes,
  keySet,
  publicKeyList,
  signatures,
} from './endpoint-body.ts';
import { endpointHealth, endpointState, healthExample } from './endpoint-health.ts';
import { metadata } from './metadata.ts';
import { filter } from './filters.ts';
import { operations } from './operation.ts';
import { transformation } from './transformations.ts';
import { deliverWithinS, retryPolicy, timeoutMs } from './retry.ts';
import { severalInQuery } from './several.ts';

const headerName = z
  .string()
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/, 'a header name')
  .refine((name) => !isReservedHeader(name), 'is set by Posthorn');
const headerValue = z
  .string()
  .max(4096)
  .regex(/^[\t\x20-\x7e]*$/, 'visible ASCII');
const fewHeaders = (all: object): boolean => Object.keys(all).length <= 20;
const eachOnce = (all: object): boolean =>
  new Set(Object.keys(all).map((name) => name.toLowerCase())).size === Object.keys(all).length;

const asTemplate = "Null means the template's value.";
const settings = {
  name: endpointName.nullable().describe('Your own name for it, unique in its tenant.'),
  url: z.string().max(2048).describe('An http or https URL without credentials or fragment.'),
  event_types: z
    .array(eventTypePattern)
    .min(1)
    .max(100)
    .describe('Types, trailing wildcards such as `payment.*`, or `*` for all.'),
  description: z.string().max(1024).nullable(),
  owner: documentName
    .nullable()
    .describe('The team that receives, and that is notified of its dead letters.'),
  template: documentName.nullable().describe('The delivery policy that the endpoint follows.'),
  headers: z
    .record(headerName, headerValue)
    .refine(fewHeaders, 'must have at most 20 headers')
    .refine(eachOnce, 'must not contain a header twice in different spellings')
    .describe('Sent with every request. Values are write-only.'),
  timeout_ms: timeoutMs.nullable().describe(`Timeout of one attempt. ${asTemplate}`),
  ...limitSettings,
  ...orderingSettings,
  filter: filter.nullable().describe('Selects events by their data; null means all that it subscribes to.'),
  routing_keys: z
    .array(routingKey)
    .min(1)
    .max(maxRoutingKeys)
    .refine((keys) => new Set(keys).size === keys.length, 'must not contain a key twice')
    .nullable()
    .describe(
      'Only events that have at least one of these routing keys; null means whatever theirs are, and events without any.',
    ),
  transformation: transformation.nullable(),
  retry: retryPolicy.nullable().describe(asTemplate),
  deliver_within_s: deliverWithinS.nullable().describe(`The deadline. ${asTemplate}`),
  body: bodyKind,
  header_prefixes: headerPrefixes,
  signatures,
  metadata,
  ...lifecycleSettings,
  enabled: z.boolean().describe('A disabled endpoint receives nothing; its deliveries are suppressed.'),
};

const secret = z.string().max(128);
const newEndpoint = z
  .strictObject({
    tenant: ownTenant.describe(tenantLeftOut),
    ...settings,
    ...newReach,
    secret: secret.describe('`whsec_…`; generated if omitted. Write-only.'),
  })
  .partial()
  .required({ url: true })
  .meta({ id: 'EndpointRequest' });
const keptHeaders = z
  .record(headerName, headerValue.nullable())
  .refine(fewHeaders, 'must have at most 20 headers')
  .refine(eachOnce, 'must not contain a header twice in different spellings')
  .describe('All headers; null keeps the stored value, which responses do not show.');
const endpointChange = z
  .strictObject({ ...settings, ...keptReach, headers: keptHeaders })
  .partial()
  .meta({ id: 'EndpointChange' });
/** Also what `endpoints` of a posthorn.yaml holds. */
export const namedEndpoint = z
  .strictObject({
    tenant: ownTenant,
    ...settings,
    ...keptReach,
    headers: keptHeaders,
    secret: secret.describe(
      '`whsec_…`; if omitted, the stored secret is kept, or one is generated. Write-only.',
    ),
  })
  .partial()
  .required({ url: true })
  .meta({ id: 'NamedEndpointRequest' });

const endpointFields = {
  id: z.string(),
  name: z.string().nullable(),
  tenant: z.string(),
  url: z.string().describe('For a notification channel only the host.'),
  event_types: z.array(z.string()),
  description: z.string().nullable(),
  owner: z.string().nullable(),
  template: z.string().nullable(),
  template_version: z.int().nullable(),
  overrides: z
    .array(z.enum(['timeout_ms', 'deliver_within_s', 'retry']))
    .describe('The fields that override the template.'),
  headers: z.record(z.string(), z.null()).describe('Header names; values are write-only.'),
  ...shownReach,
  timeout_ms: z.int(),
  ...limitFields,
  ...orderingFields,
  filter: filter.nullable(),
  routing_keys: z.array(z.string()).nullable(),
  transformation: transformation.nullable(),
  retry: retryPolicy,
  deliver_within_s: z.number(),
  body: bodyKind,
  header_prefixes: headerPrefixes,
  signatures,
  key_set: keySet,
  metadata,
  secrets_error: z
    .string()
    .nullable()
    .describe(
      'Why its secrets cannot be decrypted: nothing is sent until the key is restored, or until the secret and the headers are set again.',
    ),
  ...lifecycleFields,
  enabled: z.boolean(),
  paused_reason: z
    .string()
    .nullable()
    .describe("The operator's reason; `gone`: the receiver answered 410; `failing`: see `disable_after_s`."),
  breaker: z
    .strictObject({ state: z.enum(['closed', 'open']), since: timestamp.nullable() })
    .describe(
      'Open after 20 failed attempts in a row: until the next success, a sixteenth of `max_in_flight` is attempted at once, or 4 if it is adaptive.',
    ),
  last_success_at: timestamp.nullable().describe('Attempts at its URL; written at most every 5 s.'),
  last_failure_at: timestamp.nullable(),
  throttled_until: timestamp.nullable().describe('The receiver asked for a pause until then (Retry-After).'),
  created_at: timestamp,
  updated_at: timestamp,
};
const endpoint = z.strictObject(endpointFields).meta({ id: 'Endpoint' });
const endpointWithSecret = z
  .strictObject({ ...endpointFields, secret: z.string().describe('Shown only once.') })
  .meta({ id: 'EndpointWithSecret' });
const listed = z
  .strictObject({
    ...endpointFields,
    health: endpointHealth.optional().describe('Present with `include=health`.'),
  })
  .meta({ id: 'ListedEndpoint' });
const listQuery = z.strictObject({
  tenant: severalInQuery(tenantName).optional(),
  endpoint_id: severalInQuery(anyId).optional().describe('Only these endpoints, by id or name.'),
  q: z
    .string()
    .min(1)
    .max(256)
    .optional()
    .describe('Only endpoints with this text in their id, name, URL, description or owner.'),
  owner: severalInQuery(documentName).optional().describe('Only endpoints of these teams.'),
  unowned: z
    .enum(['true'], 'must be true')
    .optional()
    .describe('Only endpoints without an owner, or whose owner is not a declared team.'),
  template: severalInQuery(documentName).optional(),
  state: severalInQuery(endpointState).optional(),
  include: severalInQuery(z.enum(['health'])).optional(),
  sort: z
    .enum(['created', 'name', 'need'])
    .default('created')
    .describe('`need`: those that need attention first, by state, dead letters and what waits.'),
  ...pageIn('asc'),
});
const endpointMaybeWithSecret = z
  .strictObject({
    ...endpointFields,
    secret: z.string().optional().describe('Present only if the endpoint was created.'),
    dry_run: z
      .strictObject({
        action: z.enum(['create', 'change', 'keep']),
        changes: z
          .array(z.strictObject({ field: z.string(), before: z.unknown(), after: z.unknown() }))
          .describe('The fields that would differ. Both sides of a write-only field are null.'),
      })
      .optional()
      .describe(
        'With `dry_run`: what the call would do. Nothing was stored; the id of a new endpoint is not kept.',
      ),
  })
  .meta({ id: 'EnsuredEndpoint' });
const rotatedEndpoint = z
  .strictObject({
    ...endpointFields,
    secret: z
      .string()
      .optional()
      .describe('The new secret, shown only once. Absent if the endpoint signs only with `v1a`.'),
  })
  .meta({ id: 'RotatedEndpoint' });
const endpointList = pageSchema('EndpointList', listed);

const rotation = z
  .strictObject({
    grace_s: z
      .int()
      .min(0)
      .max(7 * 86_400)
      .default(86_400)
      .describe('How long the previous secret keeps signing too.'),
    secret: secret.optional().describe('The new secret: `whsec_…`; generated if omitted.'),
  })
  .meta({ id: 'SecretRotation' });
const pause = z.strictObject({ reason: z.string().max(256).optional() }).meta({ id: 'EndpointPause' });

const params = z.strictObject({ id: anyId.describe('Id or name of the endpoint.') });
const inTenant = z.strictObject({
  tenant: tenantName
    .optional()
    .describe(`Tenant of the endpoint, if it is given by its name. ${tenantLeftOut}`),
});
const example = {
  id: 'ep_01jd8z0c3r5s7u9w1y3a5c7e9g',
  name: 'orders',
  tenant: 'default',
  url: 'https://orders.example.com/webhooks',
  event_types: ['payment.*'],
  description: 'Confirms orders once they are paid',
  owner: 'orders',
  template: 'standard',
  template_version: 1,
  overrides: [],
  headers: { 'x-environment': null },
  auth: null,
  tls: null,
  proxy: null,
  certificates: [],
  timeout_ms: 15_000,
  max_in_flight: 64,
  concurrency: 'fixed',
  rate_limit_per_s: null,
  ordering: 'none',
  on_dead: 'skip',
  blocked_keys: 0,
  filter: null,
  routing_keys: null,
  transformation: null,
  retry: {
    schedule_s: [5, 30, 120, 600, 1800, 7200, 18_000, 36_000, 36_000],
    jitter: 0.1,
    give_up_after_s: 604_800,
  },
  deliver_within_s: 300,
  body: 'envelope',
  header_prefixes: ['webhook'],
  signatures: ['v1'],
  key_set: null,
  metadata: { account: 'acct_42' },
  secrets_error: null,
  disable_after_s: null,
  failing_since: null,
  disables_at: null,
  enabled: true,
  paused_reason: null,
  breaker: { state: 'closed', since: null },
  last_success_at: '2026-11-20T08:59:58.402Z',
  last_failure_at: null,
  throttled_until: null,
  created_at: '2026-11-20T08:00:00.000Z',
  updated_at: '2026-11-20T08:00:00.000Z',
} as const;
const exampleRequest = {
  name: example.name,
  url: example.url,
  event_types: example.event_types,
  owner: example.owner,
  template: example.template,
};
const exampleSecret = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';
const exampleParams = { id: example.id };

export const endpointOperations = operations({
  'endpoints.create': {
    method: 'POST',
    path: '/v1/endpoints',
    tag: 'endpoints',
    scope: 'operate',
    summary: 'Create an endpoint',
    description:
      'From now on the endpoint receives every event that it subscribes to. Only this response shows its signing secret.',
    body: newEndpoint,
    status: 201,
    answer: endpointWithSecret,
    errors: ['not_found', 'name_taken', 'tenant_limit'],
    example: { body: exampleRequest, answer: { ...example, secret: exampleSecret } },
  },
  'endpoints.list': {
    method: 'GET',
    path: '/v1/endpoints',
    tag: 'endpoints',
    scope: 'read',
    summary: 'List endpoints',
    description:
      'Returns the oldest first, unless `sort` says otherwise. With `include=health`, each endpoint has its last 24 hours, what waits and what is dead.',
    query: listQuery,
    status: 200,
    answer: endpointList,
    errors: [],
    example: {
      query: { include: 'health', sort: 'need' },
      answer: { items: [{ ...example, health: healthExample }], next_cursor: null },
    },
  },
  'endpoints.get': {
    method: 'GET',
    path: '/v1/endpoints/{id}',
    tag: 'endpoints',
    scope: 'read',
    summary: 'Get an endpoint',
    description: 'Returns its settings, and what attempts have found out about its receiver.',
    params,
    query: inTenant,
    status: 200,
    answer: endpoint,
    errors: ['not_found'],
    example: { params: exampleParams, answer: example },
  },
  'endpoints.ensure': {
    method: 'PUT',
    path: '/v1/endpoints/{id}',
    tag: 'endpoints',
    scope: 'operate',
    summary: 'Create or replace an endpoint by its name',
    description:
      'Safe to repeat: afterwards the tenant has one endpoint of that name with these settings. Omitted settings get their defaults; the secret stays the same, and a pause because of a 410 or of failures lasts until the URL changes or `enabled` is given. Answers 201 if the endpoint was created, and only then shows the secret.',
    // As for the other calls of this path: OpenAPI does not allow two names for the same part of a path.
    params: z.strictObject({ id: endpointName.describe('Name of the endpoint.') }),
    query: z.strictObject({
      tenant: ownTenant.optional(),
      dry_run: z
        .enum(['true'], 'must be true')
        .optional()
        .describe('Store nothing, and answer what would change.'),
    }),
    body: namedEndpoint,
    status: 200,
    otherStatus: 201,
    answer: endpointMaybeWithSecret,
    errors: ['not_found', 'tenant_limit'],
    example: {
      params: { id: example.name },
      body: { url: example.url, event_types: example.event_types },
      answer: example,
    },
  },
  'endpoints.update': {
    method: 'PATCH',
    path: '/v1/endpoints/{id}',
    tag: 'endpoints',
    scope: 'operate',
    summary: 'Change an endpoint',
    description:
      'Changes the given settings. A new URL resets everything learned about the old one: its breaker, its failures, its Retry-After throttle, and a pause because of a 410 or of failures. With new `auth`, `tls` or `proxy`, waiting retries are made at once.',
    params,
    query: inTenant,
    body: endpointChange,
    status: 200,
    answer: endpoint,
    errors: ['not_found', 'name_taken'],
    example: {
      params: exampleParams,
      body: { rate_limit_per_s: 20 },
      answer: { ...example, rate_limit_per_s: 20, updated_at: '2026-11-20T09:00:00.000Z' },
    },
  },
  'endpoints.delete': {
    method: 'DELETE',
    path: '/v1/endpoints/{id}',
    tag: 'endpoints',
    scope: 'operate',
    summary: 'Delete an endpoint',
    description: 'Cancels its pending deliveries, with that reason, and frees its name.',
    params,
    query: inTenant,
    status: 204,
    answer: null,
    errors: ['not_found'],
    example: { params: exampleParams },
  },
  'endpoints.pause': {
    method: 'POST',
    path: '/v1/endpoints/{id}/pause',
    tag: 'endpoints',
    scope: 'operate',
    summary: 'Pause an endpoint',
    description:
      'Pending deliveries wait. Deliveries of new events are suppressed: stored, and delivered only if an operator redrives them.',
    params,
    query: inTenant,
    body: pause,
    status: 200,
    answer: endpoint,
    errors: ['not_found'],
    example: {
      params: exampleParams,
      body: { reason: 'maintenance until 10:00' },
      answer: { ...example, enabled: false, paused_reason: 'maintenance until 10:00' },
    },
  },
  'endpoints.resume': {
    method: 'POST',
    path: '/v1/endpoints/{id}/resume',
    tag: 'endpoints',
    scope: 'operate',
    summary: 'Resume an endpoint',
    description:
      'Continues with pending deliveries, even if the receiver asked for a pause (Retry-After). Suppressed deliveries stay suppressed until they are redriven. Failures are counted from zero.',
    params,
    query: inTenant,
    status: 200,
    answer: endpoint,
    errors: ['not_found'],
    example: { params: exampleParams, answer: example },
  },
  'endpoints.rotateSecret': {
    method: 'POST',
    path: '/v1/endpoints/{id}/rotate-secret',
    tag: 'endpoints',
    scope: 'operate',
    summary: 'Rotate the signing secret',
    description:
      'Generates a new secret and a new key pair, whichever the endpoint signs with (`signatures`); until the grace period ends, requests are signed with the previous ones too. Only this response shows the new secret; public keys are in `/v1/endpoints/{id}/public-keys`.',
    params,
    query: inTenant,
    body: rotation,
    status: 200,
    answer: rotatedEndpoint,
    errors: ['not_found', 'too_many_secrets'],
    example: {
      params: exampleParams,
      body: { grace_s: 86_400 },
      answer: { ...example, secret: exampleSecret },
    },
  },
  'endpoints.publicKeys': {
    method: 'GET',
    path: '/v1/endpoints/{id}/public-keys',
    tag: 'endpoints',
    scope: 'read',
    summary: 'List the public keys of an endpoint',
    description:
      'Returns the keys that verify its `v1a` signatures; empty if it never signed with `v1a`. The same keys are published without an API key under its `key_set`.',
    params,
    query: inTenant,
    status: 200,
    answer: publicKeyList,
    errors: ['not_found'],
    example: { params: exampleParams, answer: examplePublicKeys },
  },
});
