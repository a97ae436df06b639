import { z } from 'zod';
import { payloadAccesses } from '../domain/caller.ts';
import { headers } from './delivery-details.ts';
import { dataDeletedAt } from './delivery-search.ts';
import { anyId, count, timestamp } from './fields.ts';
import { operations } from './operation.ts';

const deliveryRequest = z
  .strictObject({
    attempt: z
      .int()
      .min(1)
      .describe('Number of the attempt; for a delivery without attempts, the first one.'),
    sent_at: timestamp.nullable().describe('When that attempt started; null if it has not.'),
    changed_since: z
      .boolean()
      .describe(
        'True if the endpoint was changed after the attempt started: URL, headers and the form of the body are the current ones.',
      ),
    method: z.literal('POST'),
    url: z.string(),
    headers: headers.describe(
      'In order. Signatures, credentials and values of your own headers are hidden; `traceparent` is not stored.',
    ),
    body: z
      .string()
      .nullable()
      .describe(
        "Byte for byte, if `payloads` is `full`. Null if the key sees no payloads, if the data of the event were deleted, or if the endpoint's expression returns no body.",
      ),
    body_bytes: count
      .nullable()
      .describe("Null if the data were deleted, or if the endpoint's expression returns no body."),
    data_deleted_at: dataDeletedAt,
    payloads: z.enum(payloadAccesses).describe('How much of the body the key may see.'),
  })
  .meta({ id: 'DeliveryRequest' });

export const deliveryRequestOperations = operations({
  'deliveries.request': {
    method: 'GET',
    path: '/v1/deliveries/{id}/request',
    tag: 'deliveries',
    scope: 'read',
    summary: 'Get the request of a delivery',
    description:
      'Returns what is sent to the receiver, rebuilt from the stored event and the endpoint by the code that sends it. The audit log records who looked at a full payload.',
    params: z.strictObject({ id: anyId.describe('`dlv_…`') }),
    query: z.strictObject({
      attempt: z.coerce
        .number()
        .int()
        .min(1)
        .optional()
        .describe('Number of an attempt. Default: the last one.'),
    }),
    status: 200,
    answer: deliveryRequest,
    errors: ['not_found', 'endpoint_deleted'],
    example: {
      params: { id: 'dlv_00000gq7v2k' },
      query: { attempt: '2' },
      answer: {
        attempt: 2,
        sent_at: '2026-11-20T08:15:05.183Z',
        changed_since: false,
        method: 'POST',
        url: 'https://orders.kestrel.example/webhooks',
        headers: [
          { name: 'host', value: 'orders.kestrel.example' },
          { name: 'content-type', value: 'application/json' },
          { name: 'webhook-id', value: 'evt_01jd8z2m9k4x7v0q5t3n6w8y1b' },
          { name: 'webhook-timestamp', value: '1763626505' },
          { name: 'webhook-signature', value: 'v1,…' },
        ],
        body: '{"id":"evt_01jd8z2m9k4x7v0q5t3n6w8y1b","type":"payment_intent.succeeded","timestamp":"2026-11-20T08:15:00.000Z","data":{"amount":1099}}',
        body_bytes: 137,
        data_deleted_at: null,
        payloads: 'full',
      },
    },
  },
});
