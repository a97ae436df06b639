import { z } from 'zod';
import { payloadAccesses } from '../domain/caller.ts';
import { headers } from './delivery-details.ts';
import { anyId, count, timestamp } from './fields.ts';
import { operations } from './operation.ts';

const deliveryRequest = z
  .strictObject({
    attempt: z.int().min(1).describe('Whose request it is; of a delivery without attempts the first one.'),
    sent_at: timestamp.nullable().describe('When that attempt began; null: it has not.'),
    changed_since: z
      .boolean()
      .describe(
        'The endpoint was changed after the attempt began: URL, headers and the form of the body are as they are now.',
      ),
    method: z.literal('POST'),
    url: z.string(),
    headers: headers.describe(
      'In their order. Signatures, credentials and values of your own headers are not shown; `traceparent` is not kept.',
    ),
    body: z
      .string()
      .nullable()
      .describe(
        'Byte for byte, if `payloads` is `full`. Null: the key sees no payloads, or the expression of the endpoint gives no body.',
      ),
    body_bytes: count.nullable().describe('Null: the expression of the endpoint gives no body.'),
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
      'What is sent to the receiver: made again from the stored event and the endpoint, by the code that sends it. Looking at a full payload is recorded in the audit log.',
    params: z.strictObject({ id: anyId.describe('`dlv_…`') }),
    query: z.strictObject({
      attempt: z.coerce
        .number()
        .int()
        .min(1)
        .optional()
        .describe('The number of an attempt. If left out: the last one.'),
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
        payloads: 'full',
      },
    },
  },
});
