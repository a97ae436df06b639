import { z } from 'zod';
import { attemptExample, attemptFields } from './delivery-details.ts';
import { statusClass } from './delivery-filter.ts';
import { boundedSearch, searchedFields } from './delivery-search.ts';
import {
  anyId,
  eventId,
  eventType,
  pageIn,
  pageSchema,
  routingKey,
  tenantName,
  timestamp,
} from './fields.ts';
import { operations } from './operation.ts';
import { severalInQuery, severalRepeated } from './several.ts';

const listedAttempt = z
  .strictObject({
    ...attemptFields,
    delivery_id: z.string(),
    event_id: z.string(),
    event_type: z.string(),
    tenant: z.string(),
    endpoint_id: z.string(),
  })
  .meta({ id: 'ListedAttempt' });

export const attemptOperations = operations({
  'attempts.list': {
    method: 'GET',
    path: '/v1/attempts',
    tag: 'deliveries',
    scope: 'read',
    summary: 'List attempts',
    description: `Lists attempts across deliveries: the newest delivery first, its last attempt first, unless \`order\` is \`asc\`. ${boundedSearch}`,
    query: z.strictObject({
      tenant: severalInQuery(tenantName).optional(),
      endpoint_id: severalInQuery(anyId).optional(),
      event_id: severalRepeated(eventId).optional(),
      event_type: severalInQuery(eventType).optional(),
      routing_key: severalInQuery(routingKey).optional().describe('Any of the routing keys of the event.'),
      outcome: severalInQuery(z.enum(['delivered', 'retry', 'dead', 'superseded'])).optional(),
      status_class: severalInQuery(statusClass).optional().describe('`none`: without a response.'),
      since: timestamp.optional().describe('Started at or after this time.'),
      until: timestamp.optional().describe('Started before this time.'),
      ...pageIn('desc'),
    }),
    status: 200,
    answer: pageSchema('AttemptList', listedAttempt, searchedFields),
    errors: [],
    example: {
      query: { endpoint_id: 'ep_01jd8z0c3r5s7u9w1y3a5c7e9g', status_class: '5xx' },
      answer: {
        items: [
          {
            ...attemptExample,
            delivery_id: 'dlv_00000gq7v2k',
            event_id: 'evt_01jd8z2m9k4x7v0q5t3n6w8y1b',
            event_type: 'payment_intent.succeeded',
            tenant: 'default',
            endpoint_id: 'ep_01jd8z0c3r5s7u9w1y3a5c7e9g',
          },
        ],
        next_cursor: null,
        searched_to: null,
        rows_read: 12,
      },
    },
  },
});
