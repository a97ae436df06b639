import { z } from 'zod';
import { deliveryState, errorClass } from './delivery-filter.ts';
import { detailExample, detailFields } from './delivery-details.ts';
import {
  boundedSearch,
  deliveryEndpoint,
  deliveryEvent,
  deliveryListQuery,
  searchedFields,
  timelinessFields,
} from './delivery-search.ts';
import { anyId, count, pageSchema, timestamp } from './fields.ts';
import { operations } from './operation.ts';

const lastError = z.strictObject({
  class: errorClass,
  status_code: z.int().nullable().describe('HTTP status of the response; null if there was none.'),
  message: z.string().nullable(),
});

const fields = {
  id: z.string(),
  event_id: z.string(),
  event_type: z.string(),
  tenant: z.string(),
  endpoint_id: z.string(),
  state: deliveryState.describe('Only a `pending` delivery changes by itself.'),
  attempt_count: count.describe('Attempts made.'),
  due_at: timestamp
    .nullable()
    .describe('When a pending delivery is attempted next, or claimed again if its attempt never ends.'),
  created_at: timestamp,
  settled_at: timestamp.nullable().describe('When it left `pending`.'),
  reason: z
    .string()
    .nullable()
    .describe(
      "Why it is in its state: `delivered`, `schedule_exhausted`, `too_old`, `gone`, `corrupt`, `endpoint_paused`, `endpoint_deleted`, or `cancelled: …` with the operator's reason, or with what a former sender said of an imported one.",
    ),
  last_error: lastError.nullable().describe('Error class of the last attempt, if it failed.'),
  blocked_by: z
    .string()
    .nullable()
    .describe('The dead letter of its ordering key that blocks it (`on_dead: block`); null if none does.'),
};
export const delivery = z.strictObject(fields).meta({ id: 'Delivery' });

const deliveryDetails = z.strictObject({ ...fields, ...detailFields }).meta({ id: 'DeliveryDetails' });

const cancelRequest = z
  .strictObject({ reason: z.string().min(1).max(256).describe('Stored with the delivery.') })
  .meta({ id: 'CancelRequest' });

const listedDelivery = z
  .strictObject({
    ...fields,
    ...timelinessFields,
    event: deliveryEvent.optional().describe('With `include=event`.'),
    endpoint: deliveryEndpoint.optional().describe('With `include=endpoint`.'),
  })
  .meta({ id: 'ListedDelivery' });

const params = z.strictObject({ id: anyId.describe('`dlv_…`') });

export const deliveryExample = {
  id: 'dlv_00000gq7v2k',
  event_id: 'evt_01jd8z2m9k4x7v0q5t3n6w8y1b',
  event_type: 'payment_intent.succeeded',
  tenant: 'default',
  endpoint_id: 'ep_01jd8z0c3r5s7u9w1y3a5c7e9g',
  state: 'delivered',
  attempt_count: 2,
  due_at: null,
  created_at: '2026-11-20T08:15:00.000Z',
  settled_at: '2026-11-20T08:15:05.214Z',
  reason: 'delivered',
  last_error: null,
  blocked_by: null,
} as const;

const deadExample = {
  ...deliveryExample,
  id: 'dlv_00000gq7v2m',
  event_id: 'ch_1PgafmB7WZ01zgkWoe0TuiTN-refunded',
  event_type: 'charge.refunded',
  state: 'dead',
  attempt_count: 10,
  settled_at: '2026-11-21T13:02:41.730Z',
  reason: 'schedule_exhausted',
  last_error: { class: 'http_5xx', status_code: 502, message: null },
} as const;
const exampleParams = { id: deadExample.id };

export const deliveryOperations = operations({
  'deliveries.list': {
    method: 'GET',
    path: '/v1/deliveries',
    tag: 'deliveries',
    scope: 'read',
    summary: 'List deliveries',
    description: `Returns the newest first, unless \`order\` is \`asc\`. ${boundedSearch}`,
    query: deliveryListQuery,
    status: 200,
    answer: pageSchema('DeliveryList', listedDelivery, searchedFields),
    errors: [],
    example: {
      query: { endpoint_id: deadExample.endpoint_id, state: 'dead,suppressed', include: 'event,endpoint' },
      answer: {
        items: [
          {
            ...deadExample,
            deadline_at: '2026-11-20T08:16:00.000Z',
            late: false,
            event: {
              accepted_at: deadExample.created_at,
              occurred_at: null,
              ordering_key: 'ch_1PgafmB7WZ01zgkWoe0TuiTN',
              value: { amount_minor: 1099, currency: 'USD' },
              data_deleted_at: null,
            },
            endpoint: {
              name: 'orders',
              host: 'orders.kestrel.example',
              owner: 'shop',
              enabled: true,
              deleted: false,
            },
          },
        ],
        next_cursor: null,
        searched_to: null,
        rows_read: 1,
      },
    },
  },
  'deliveries.get': {
    method: 'GET',
    path: '/v1/deliveries/{id}',
    tag: 'deliveries',
    scope: 'read',
    summary: 'Get a delivery',
    description:
      'Returns the delivery and its attempts with their leases; what it waits for, when it is attempted next, and who has redriven it.',
    params,
    status: 200,
    answer: deliveryDetails,
    errors: ['not_found'],
    example: {
      params: { id: deliveryExample.id },
      answer: {
        ...deliveryExample,
        ...detailExample,
      },
    },
  },
  'deliveries.redrive': {
    method: 'POST',
    path: '/v1/deliveries/{id}/redrive',
    tag: 'deliveries',
    scope: 'operate',
    summary: 'Redrive a delivery',
    description:
      "Makes the delivery due now. A dead, suppressed or cancelled delivery gets a fresh schedule; a pending one comes due sooner, but still waits for earlier deliveries of its ordering key. Ends the receiver's `Retry-After` throttle.",
    params,
    status: 202,
    answer: delivery,
    errors: ['not_found', 'wrong_state', 'endpoint_deleted', 'event_data_deleted'],
    example: {
      params: exampleParams,
      answer: {
        ...deadExample,
        state: 'pending',
        due_at: '2026-11-22T09:00:00.000Z',
        settled_at: null,
        reason: null,
      },
    },
  },
  'deliveries.cancel': {
    method: 'POST',
    path: '/v1/deliveries/{id}/cancel',
    tag: 'deliveries',
    scope: 'operate',
    summary: 'Cancel a delivery',
    description:
      'A pending delivery is not attempted again unless it is redriven; an attempt in flight is not interrupted. A suppressed delivery no longer counts as a drop, and redrives in bulk leave it out. A dead letter can be cancelled if it blocks its ordering key (`on_dead: block`): the key then continues without it.',
    params,
    body: cancelRequest,
    status: 200,
    answer: delivery,
    errors: ['not_found', 'wrong_state'],
    example: {
      params: exampleParams,
      body: { reason: 'paid by bank transfer' },
      answer: {
        ...deadExample,
        state: 'cancelled',
        attempt_count: 3,
        settled_at: '2026-11-20T09:02:41.730Z',
        reason: 'cancelled: paid by bank transfer',
      },
    },
  },
});
