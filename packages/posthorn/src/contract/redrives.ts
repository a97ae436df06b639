import { z } from 'zod';
import { redriveFilter, redriveFilterAnswer } from './delivery-filter.ts';
import { anyId, count, moneyAnswer, pageIn, pageOf, printableName, tenantName, timestamp } from './fields.ts';
import { operations } from './operation.ts';
import { severalInQuery } from './several.ts';

const rate = z
  .number()
  .min(0.001)
  .max(100_000)
  .nullable()
  .describe('Deliveries a second, over the whole redrive; null: as fast as the store allows.');
const name = printableName(128);

const redriveRequest = z
  .strictObject({
    filter: redriveFilter.describe(
      'Which deliveries, by any of the values of each field; those in state `dead` if it names no state.',
    ),
    rate_per_s: rate.optional(),
    name: name.optional(),
    dry_run: z.boolean().default(false).describe('Count what would be redriven, and redrive nothing.'),
  })
  .meta({ id: 'RedriveRequest' });

const redriveChange = z
  .strictObject({ rate_per_s: rate.optional(), name: name.nullable().optional() })
  .meta({ id: 'RedriveChange' });

const redrive = z
  .strictObject({
    id: z.string(),
    name: z.string().nullable(),
    state: z.enum(['running', 'done', 'stopped']),
    matched: count.describe('Deliveries that the filter matched when the redrive was created.'),
    redriven: count,
    skipped: count.describe('No longer dead or suppressed when their turn came, or without an endpoint.'),
    value: z.array(moneyAnswer).describe('Of what matched, by currency.'),
    oldest_at: timestamp.nullable(),
    newest_at: timestamp.nullable(),
    filter: redriveFilterAnswer,
    dry_run: z.boolean(),
    rate_per_s: z.number().nullable(),
    created_at: timestamp,
    finished_at: timestamp.nullable(),
  })
  .meta({ id: 'Redrive' });
const redriveList = pageOf('RedriveList', redrive);

const params = z.strictObject({ id: anyId });
const example = {
  id: 'rdr_01jd8z2m9k4x7v0q5t3n6w8y1a',
  name: 'after the outage',
  state: 'running',
  matched: 1250,
  redriven: 300,
  skipped: 0,
  value: [{ currency: 'EUR', amount_minor: 1_843_200, events: 1250 }],
  oldest_at: '2026-11-20T08:15:00.000Z',
  newest_at: '2026-11-20T09:40:00.000Z',
  filter: { endpoint_id: ['ep_01jd8z0c3r5s7u9w1y3a5c7e9g'], state: ['dead'] },
  dry_run: false,
  rate_per_s: 50,
  created_at: '2026-11-20T10:00:00.000Z',
  finished_at: null,
} as const;
const exampleParams = { id: example.id };

export const redriveOperations = operations({
  'redrives.create': {
    method: 'POST',
    path: '/v1/redrives',
    tag: 'redrives',
    scope: 'operate',
    summary: 'Redrive deliveries in bulk',
    description:
      'Makes all dead or suppressed deliveries that match the filter pending again, with a fresh schedule. The redrive is durable, goes on after a restart, and runs beside others.',
    body: redriveRequest,
    status: 202,
    answer: redrive,
    errors: ['not_found', 'too_many_redrives'],
    example: {
      body: { filter: { endpoint_id: example.filter.endpoint_id[0] }, rate_per_s: 50, name: example.name },
      answer: example,
    },
  },
  'redrives.list': {
    method: 'GET',
    path: '/v1/redrives',
    tag: 'redrives',
    scope: 'read',
    summary: 'List redrives',
    description: 'Newest first, unless another order is asked for.',
    query: z.strictObject({
      tenant: severalInQuery(tenantName)
        .optional()
        .describe('Only redrives whose filter names tenants, and none but these.'),
      endpoint_id: severalInQuery(anyId)
        .optional()
        .describe('Only redrives whose filter names endpoints, and none but these.'),
      ...pageIn('desc'),
    }),
    status: 200,
    answer: redriveList,
    errors: [],
    example: { query: { limit: '20' }, answer: { items: [example], next_cursor: null } },
  },
  'redrives.get': {
    method: 'GET',
    path: '/v1/redrives/{id}',
    tag: 'redrives',
    scope: 'read',
    summary: 'Get a redrive',
    description: 'Its progress.',
    params,
    status: 200,
    answer: redrive,
    errors: ['not_found'],
    example: { params: exampleParams, answer: example },
  },
  'redrives.update': {
    method: 'PATCH',
    path: '/v1/redrives/{id}',
    tag: 'redrives',
    scope: 'operate',
    summary: 'Change a redrive',
    description: 'Changes the rate or the name of a running redrive.',
    params,
    body: redriveChange,
    status: 200,
    answer: redrive,
    errors: ['not_found', 'wrong_state'],
    example: { params: exampleParams, body: { rate_per_s: 10 }, answer: { ...example, rate_per_s: 10 } },
  },
  'redrives.stop': {
    method: 'POST',
    path: '/v1/redrives/{id}/stop',
    tag: 'redrives',
    scope: 'operate',
    summary: 'Stop a redrive',
    description: 'What was redriven stays so; what was not stays dead or suppressed.',
    params,
    status: 200,
    answer: redrive,
    errors: ['not_found', 'wrong_state'],
    example: {
      params: exampleParams,
      answer: { ...example, state: 'stopped', finished_at: '2026-11-20T10:00:06.000Z' },
    },
  },
});
