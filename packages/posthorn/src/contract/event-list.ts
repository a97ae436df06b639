import { z } from 'zod';
import { boundedSearch, dataDeletedAt, searchedFields, value } from './delivery-search.ts';
import {
  anyId,
  count,
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

const listedEvent = z
  .strictObject({
    id: z.string(),
    tenant: z.string(),
    type: z.string(),
    accepted_at: timestamp,
    occurred_at: timestamp.nullable(),
    ordering_key: z.string().nullable(),
    routing_keys: z.array(z.string()),
    value: value.nullable(),
    deliveries: count.describe('Deliveries created when it was accepted.'),
    suppressed: count.describe('Deliveries among them that were suppressed.'),
    unmatched: z.boolean().describe('True if no endpoint matched.'),
    data_deleted_at: dataDeletedAt,
  })
  .meta({ id: 'ListedEvent' });

export const eventListOperations = operations({
  'events.list': {
    method: 'GET',
    path: '/v1/events',
    tag: 'events',
    scope: 'read',
    summary: 'List events',
    description: `Returns events without their data, newest first unless \`order\` is \`asc\`. ${boundedSearch}`,
    query: z.strictObject({
      tenant: severalInQuery(tenantName).optional(),
      type: severalInQuery(eventType).optional(),
      endpoint_id: severalInQuery(anyId).optional().describe('Events with a delivery to any of these.'),
      ordering_key: severalRepeated(eventId).optional(),
      routing_key: severalInQuery(routingKey).optional().describe('Events with any of these routing keys.'),
      unmatched: z
        .enum(['true', 'false'])
        .optional()
        .describe('`true`: only events that no endpoint matched. `false`: only the others.'),
      since: timestamp.optional().describe('Accepted at or after this time.'),
      until: timestamp.optional().describe('Accepted before this time.'),
      ...pageIn('desc'),
    }),
    status: 200,
    answer: pageSchema('EventList', listedEvent, searchedFields),
    errors: [],
    example: {
      query: { type: 'refund.updated', unmatched: 'true' },
      answer: {
        items: [
          {
            id: 're_1Pgc72B7WZ01zgkWqPvrRrPE-updated',
            tenant: 'default',
            type: 'refund.updated',
            accepted_at: '2026-11-20T08:15:00.000Z',
            occurred_at: null,
            ordering_key: null,
            routing_keys: [],
            value: { amount_minor: 100, currency: 'USD' },
            deliveries: 0,
            suppressed: 0,
            unmatched: true,
            data_deleted_at: null,
          },
        ],
        next_cursor: null,
        searched_to: null,
        rows_read: 1,
      },
    },
  },
});
