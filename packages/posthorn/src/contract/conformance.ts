import { z } from 'zod';
import { count, pageOf, pageQuery } from './fields.ts';
import { operations } from './operation.ts';

const nonConforming = z
  .strictObject({
    kind: z.enum(['endpoint', 'event_type']),
    id: z.string().describe("The endpoint's id, or the type."),
    tenant: z.string().nullable().describe('Of an endpoint; a type has none.'),
    owner: z.string().nullable().describe('Not null, but missing: no team of this name is declared.'),
    missing: z.array(z.enum(['declaration', 'template', 'slo', 'owner'])),
  })
  .meta({ id: 'NonConforming' });

const conformance = pageOf('Conformance', nonConforming, {
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
    summary: 'List what has no owner, template or objective',
    description:
      'Endpoints and event types that nobody owns, that follow no template, or that no objective covers; and event types that are published but not declared.',
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
