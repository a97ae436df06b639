import { z } from 'zod';
import { count, pageSchema, pageQuery } from './fields.ts';
import { operations } from './operation.ts';

const nonConforming = z
  .strictObject({
    kind: z.enum(['endpoint', 'event_type']),
    id: z.string().describe('Id of the endpoint, or name of the event type.'),
    tenant: z.string().nullable().describe('Tenant of the endpoint; null for an event type.'),
    owner: z.string().nullable().describe('The owner; `missing` if no team of this name is declared.'),
    missing: z.array(z.enum(['declaration', 'template', 'slo', 'owner'])),
  })
  .meta({ id: 'NonConforming' });

const conformance = pageSchema('Conformance', nonConforming, {
  total: count.describe(
    'Endpoints, and event types that are declared or were published in the last 30 days.',
  ),
  conforming: count,
});

export const conformanceOperations = operations({
  'conformance.get': {
    method: 'GET',
    path: '/v1/conformance',
    tag: 'conformance',
    scope: 'read',
    summary: 'List what lacks an owner, template or objective',
    description:
      'Returns endpoints and event types that have no owner, follow no template, or are covered by no objective; and event types that are published but not declared.',
    query: pageQuery,
    status: 200,
    answer: conformance,
    errors: [],
    example: {
      query: { limit: '20' },
      answer: {
        total: 31,
        conforming: 30,
        items: [
          {
            kind: 'endpoint',
            id: 'ep_01jd8z0c3r5s7u9w1y3a5c7e9g',
            tenant: 'default',
            owner: null,
            missing: ['owner'],
          },
        ],
        next_cursor: null,
      },
    },
  },
});
