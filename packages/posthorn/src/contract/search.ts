import { z } from 'zod';
import { anyId, tenantName } from './fields.ts';
import { operations } from './operation.ts';
import { severalInQuery } from './several.ts';

const searchKind = z.enum([
  'delivery',
  'event',
  'endpoint',
  'redrive',
  'alert',
  'event_type',
  'team',
  'objective',
  'channel',
  'template',
]);

const searchResult = z
  .strictObject({
    kind: searchKind,
    id: z.string().describe('Id; for a declared resource, its name.'),
    tenant: z.string().nullable().describe('Null if it belongs to no tenant.'),
    title: z.string().describe('For an endpoint, the host and path of its URL.'),
    detail: z.string().nullable().describe('Tells it from others with the same title.'),
  })
  .meta({ id: 'SearchResult' });

export const searchOperations = operations({
  'search.find': {
    method: 'GET',
    path: '/v1/search',
    tag: 'service',
    scope: 'read',
    summary: 'Find anything by its id or part of its name',
    description:
      'Ids must be complete: of deliveries, events, endpoints, redrives and alerts. Endpoints are found by part of their URL, name or owner; event types, teams, objectives, channels and templates by part of their name. At most ten of each kind.',
    query: z.strictObject({
      q: z.string().trim().min(1).max(512),
      tenant: severalInQuery(tenantName).optional(),
      endpoint_id: severalInQuery(anyId).optional(),
    }),
    status: 200,
    answer: z
      .strictObject({ items: z.array(searchResult).describe('Ids first.') })
      .meta({ id: 'SearchResults' }),
    errors: [],
    example: {
      query: { q: 'orders' },
      answer: {
        items: [
          {
            kind: 'endpoint',
            id: 'ep_01jd8z0c3r5s7u9w1y3a5c7e9g',
            tenant: 'default',
            title: 'orders.kestrel.example/webhooks',
            detail: 'shop',
          },
        ],
      },
    },
  },
});
