import { z } from 'zod';
import { errorClass } from './delivery-filter.ts';
import { anyId, count, pageIn, pageSchema, tenantName, timestamp } from './fields.ts';
import { operations } from './operation.ts';
import { severalInQuery } from './several.ts';

const blockedKey = z
  .strictObject({
    endpoint_id: z.string(),
    tenant: z.string(),
    ordering_key: z.string(),
    blocked_by: z
      .string()
      .describe('The first dead letter of the key. Redrive it, or cancel it to continue without it.'),
    event_id: z.string().describe('Endpoint of the dead letter.'),
    event_type: z.string(),
    error_class: errorClass.nullable().describe('Error class of its last attempt.'),
    reason: z.string().describe('Why it is dead.'),
    since: timestamp.describe('When it became a dead letter.'),
    waiting: count.describe('Deliveries that it blocks, counted up to 1,000.'),
  })
  .meta({ id: 'BlockedKey' });

export const blockedKeyOperations = operations({
  'blockedKeys.list': {
    method: 'GET',
    path: '/v1/blocked-keys',
    tag: 'deliveries',
    scope: 'read',
    summary: 'List blocked ordering keys',
    description:
      'Returns ordering keys of endpoints with `on_dead: block` that have a dead letter, and what waits behind it. Sorted by endpoint, oldest first.',
    query: z.strictObject({
      tenant: severalInQuery(tenantName).optional(),
      endpoint_id: severalInQuery(anyId).optional(),
      limit: pageIn('asc').limit,
      cursor: pageIn('asc').cursor,
    }),
    status: 200,
    answer: pageSchema('BlockedKeyList', blockedKey),
    errors: [],
    example: {
      query: { endpoint_id: 'ep_01jd8z0c3r5s7u9w1y3a5c7e9g' },
      answer: {
        items: [
          {
            endpoint_id: 'ep_01jd8z0c3r5s7u9w1y3a5c7e9g',
            tenant: 'default',
            ordering_key: 'order-1041',
            blocked_by: 'dlv_00000gq7v2m',
            event_id: 'ch_1PgafmB7WZ01zgkWoe0TuiTN-refunded',
            event_type: 'charge.refunded',
            error_class: 'http_5xx',
            reason: 'schedule_exhausted',
            since: '2026-11-21T13:02:41.730Z',
            waiting: 3,
          },
        ],
        next_cursor: null,
      },
    },
  },
});
