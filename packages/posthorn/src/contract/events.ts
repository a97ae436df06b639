import { z } from 'zod';
import { payloadAccesses } from '../domain/caller.ts';
import { delivery, deliveryExample } from './deliveries.ts';
import { dataDeletedAt, value } from './delivery-search.ts';
import {
  anyId,
  count,
  eventId,
  eventType,
  maxRoutingKeys,
  ownTenant,
  routingKey,
  tenantLeftOut,
  tenantName,
  timestamp,
} from './fields.ts';
import { maxBatchBytes } from './limits.ts';
import { operations } from './operation.ts';
import { severalInQuery } from './several.ts';

const newValue = z
  .strictObject({
    amount_minor: z.int().describe('Minor units.'),
    currency: z
      .string()
      .regex(/^[A-Za-z]{3}$/, 'an ISO 4217 code')
      .describe('ISO 4217. A code that is not in it is accepted, and shown with two decimals.'),
  })
  .meta({ id: 'NewValue' });

export const newEvent = z
  .strictObject({
    type: eventType.describe('Such as `payment.succeeded`.'),
    data: z
      .unknown()
      .refine((data) => data !== undefined, 'is missing')
      .describe('Any JSON, at most 256 KiB. Delivered byte for byte.'),
    tenant: ownTenant.optional().describe(tenantLeftOut),
    id: eventId
      .optional()
      .describe(
        'Unique in its tenant. The same id and body again return the same receipt. Generated if omitted.',
      ),
    ordering_key: eventId
      .optional()
      .describe('Endpoints with `ordering: key` receive the events of one key one after the other.'),
    routing_keys: z
      .array(routingKey)
      .max(maxRoutingKeys)
      .optional()
      .describe('Endpoints with `routing_keys` receive the event only if they share one with it.'),
    occurred_at: timestamp.optional().describe('When it happened, if not when it is accepted.'),
    value: newValue
      .optional()
      .describe(
        'The value of the event. If omitted, it is taken from the data, as declared by the event type.',
      ),
  })
  .meta({ id: 'NewEvent' });

const eventBatch = z
  .strictObject({ events: z.array(newEvent).min(1).max(1000) })
  .meta({ id: 'NewEventBatch' });

const receiptFields = {
  id: z.string(),
  tenant: z.string(),
  type: z.string(),
  accepted_at: timestamp.describe('When it was committed to disk.'),
  deliveries: count.describe('Deliveries created.'),
  suppressed: count.describe('Deliveries among them that are suppressed because their endpoint is disabled.'),
  unmatched: z
    .boolean()
    .describe(
      'True if no endpoint matches: none subscribes to its type, or their filters or routing keys exclude it.',
    ),
  duplicate: z
    .boolean()
    .describe(
      'True if the event was accepted before: this is the original receipt, and nothing was created.',
    ),
};
export const receipt = z.strictObject(receiptFields).meta({ id: 'Receipt' });
const batchReceipt = z
  .strictObject({ accepted: z.array(receipt).describe('In the order of the events.') })
  .meta({ id: 'BatchReceipt' });

const event = z
  .strictObject({
    id: z.string(),
    tenant: z.string(),
    type: z.string(),
    accepted_at: timestamp,
    occurred_at: timestamp.nullable(),
    ordering_key: z.string().nullable(),
    routing_keys: z.array(z.string()).describe('In the order of the alphabet, each once.'),
    value: value.nullable(),
    integrity: z
      .enum(['intact', 'corrupt', 'unknown', 'deleted'])
      .describe(
        '`corrupt`: the event was changed in the database, and is not sent. `unknown`: it lacks a digest. `deleted`: its data were deleted.',
      ),
    data_deleted_at: dataDeletedAt,
    deliveries: z.array(delivery).describe('The newest 1,000.'),
    deliveries_next_cursor: z
      .string()
      .nullable()
      .describe(
        'Null if these are all; else the `cursor` for `GET /v1/deliveries` with this `event_id` and `tenant`.',
      ),
    payloads: z
      .enum(payloadAccesses)
      .describe(
        'How much of `data` the key may see. `none`: nothing, so it is null. `masked`: card numbers, bank accounts and email addresses are replaced by `[card number]`, `[IBAN]` and `[email address]`.',
      ),
    data: z
      .unknown()
      .describe('Byte for byte as it was published, if `payloads` is `full`. Null if it was deleted.'),
  })
  .meta({ id: 'Event' });

const replayRequest = z
  .strictObject({
    endpoint_id: z
      .string()
      .max(256)
      .optional()
      .describe(
        'Deliver only to this endpoint (id or name), regardless of its subscriptions, filter and routing keys.',
      ),
  })
  .meta({ id: 'ReplayRequest' });
const replay = z
  .strictObject({
    ...receiptFields,
    delivery_ids: z.array(z.string()).describe('The new deliveries.'),
    filtered: count.describe('Subscribed endpoints whose filter or routing keys exclude the event.'),
    overridden: z
      .array(z.enum(['subscription', 'filter']))
      .describe(
        'Why the event does not match the endpoint that was named. `filter`: by its filter or its routing keys.',
      ),
  })
  .meta({ id: 'Replay' });

const params = z.strictObject({ id: anyId });
const tenant = tenantName.optional().describe(`Tenant of the event. ${tenantLeftOut}`);
const query = z.strictObject({ tenant });

const newEventExample = {
  type: 'payment_intent.succeeded',
  id: 'pi_1PgafyB7WZ01zgkWSjxsAJo3-succeeded',
  ordering_key: 'pi_1PgafyB7WZ01zgkWSjxsAJo3',
  data: {
    object: {
      id: 'pi_1PgafyB7WZ01zgkWSjxsAJo3',
      object: 'payment_intent',
      amount: 1099,
      currency: 'usd',
      status: 'succeeded',
    },
  },
  value: { amount_minor: 1099, currency: 'USD' },
} as const;
const refundExample = {
  type: 'refund.created',
  id: 're_1Pgc72B7WZ01zgkWqPvrRrPE-created',
  data: { object: { id: 're_1Pgc72B7WZ01zgkWqPvrRrPE', object: 'refund', amount: 100, currency: 'usd' } },
  value: { amount_minor: 100, currency: 'USD' },
} as const;
const receiptExample = {
  id: newEventExample.id,
  tenant: 'default',
  type: newEventExample.type,
  accepted_at: '2026-11-20T08:15:00.000Z',
  deliveries: 1,
  suppressed: 0,
  unmatched: false,
  duplicate: false,
} as const;
const refusals = [
  'not_found',
  'event_id_conflict',
  'invalid_data',
  'schema_too_expensive',
  'schema_unusable',
  'schema_suspended',
  'too_many_events',
  'too_many_pending',
] as const;
const exampleParams = { id: newEventExample.id };

export const eventOperations = operations({
  'events.publish': {
    method: 'POST',
    path: '/v1/events',
    tag: 'events',
    scope: 'publish',
    summary: 'Publish an event',
    description:
      'Accepts an event and creates its deliveries in one transaction; answers after the commit is on disk. The header `Idempotency-Key` serves as the id of an event that has none; `traceparent` and `tracestate` are passed on to the receivers.',
    body: newEvent,
    status: 202,
    answer: receipt,
    errors: refusals,
    example: { body: newEventExample, answer: receiptExample },
  },
  'events.publishBatch': {
    method: 'POST',
    path: '/v1/events/batch',
    tag: 'events',
    scope: 'publish',
    summary: 'Publish up to 1,000 events',
    description: 'Accepts all or none, in one transaction. The body may have 8 MiB.',
    body: eventBatch,
    maxBodyBytes: maxBatchBytes,
    status: 202,
    answer: batchReceipt,
    errors: refusals,
    example: {
      body: { events: [newEventExample, refundExample] },
      answer: {
        accepted: [receiptExample, { ...receiptExample, id: refundExample.id, type: refundExample.type }],
      },
    },
  },
  'events.get': {
    method: 'GET',
    path: '/v1/events/{id}',
    tag: 'events',
    scope: 'read',
    summary: 'Get an event',
    description: 'Returns the event and its deliveries.',
    params,
    query: z.strictObject({
      tenant,
      endpoint_id: severalInQuery(anyId)
        .optional()
        .describe('Only its deliveries to these endpoints; not found if it has none.'),
    }),
    status: 200,
    answer: event,
    errors: ['not_found'],
    example: {
      params: exampleParams,
      query: { tenant: 'default' },
      answer: {
        id: newEventExample.id,
        tenant: 'default',
        type: newEventExample.type,
        accepted_at: receiptExample.accepted_at,
        occurred_at: null,
        ordering_key: newEventExample.ordering_key,
        routing_keys: [],
        value: newEventExample.value,
        integrity: 'intact',
        data_deleted_at: null,
        deliveries: [{ ...deliveryExample, event_id: newEventExample.id, event_type: newEventExample.type }],
        deliveries_next_cursor: null,
        payloads: 'full',
        data: newEventExample.data,
      },
    },
  },
  'events.replay': {
    method: 'POST',
    path: '/v1/events/{id}/replay',
    tag: 'events',
    scope: 'operate',
    summary: 'Deliver a past event again',
    description:
      'Creates new deliveries of the event, under the same `webhook-id`, for the endpoints that would receive it if it were published now; or for the named endpoint only, regardless of its subscriptions and filter. Deliveries to paused endpoints are suppressed.',
    params,
    query,
    body: replayRequest,
    status: 202,
    answer: replay,
    errors: ['not_found', 'event_corrupt', 'event_data_deleted'],
    example: {
      params: exampleParams,
      body: { endpoint_id: deliveryExample.endpoint_id },
      answer: { ...receiptExample, delivery_ids: [deliveryExample.id], filtered: 0, overridden: ['filter'] },
    },
  },
  'events.deleteData': {
    method: 'DELETE',
    path: '/v1/events/{id}/data',
    tag: 'events',
    scope: 'operate',
    summary: 'Delete the data of an event',
    description:
      'Deletes the data of the event, and what its receivers answered, for ever. The event and its deliveries stay with their ids, times and value, so every count is as before; the event is never sent again. Refused while it has pending deliveries, or a dead letter of it blocks its ordering key. Publishing the same id again returns its receipt if everything but the data is the same: the data are gone, so they are not compared. Repeating the call is harmless.',
    params,
    query,
    status: 204,
    answer: null,
    errors: ['not_found', 'event_unfinished'],
    example: { params: exampleParams, query: { tenant: 'default' } },
  },
});
