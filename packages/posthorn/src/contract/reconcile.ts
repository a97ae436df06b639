import { z } from 'zod';
import { deliveryState } from './delivery-filter.ts';
import { amountMinor, anyId, count, eventId, moneyAnswer, tenantName, timestamp } from './fields.ts';
import { operations } from './operation.ts';

/** Ids in a JSON body; a line body may have `maxReceivedIds`. */
const maxIdsInJson = 100_000;
const maxJsonBytes = 8 * 1024 * 1024;
/** Ids that one request compares: memory holds a number for each. */
export const maxReceivedIds = 5_000_000;
export const maxReconcileBytes = 1024 * 1024 * 1024;

const fields = {
  endpoint_id: anyId.describe('The endpoint whose deliveries are compared, by id or name.'),
  tenant: tenantName
    .optional()
    .describe('Tenant of an endpoint that is given by its name. Default: `default`.'),
  since: timestamp.describe('Deliveries created at or after this time.'),
  until: timestamp.describe('Deliveries created before this time.'),
  cursor: z.string().max(128).optional().describe('`next_cursor` of the previous answer, with the same ids.'),
};
const limit = z.int().min(1).max(10_000);
const limitText = 'Maximum items of `missing`, and of `unexpected`, in an answer.';

const request = z
  .strictObject({
    ...fields,
    limit: limit.default(1000).describe(limitText),
    received_ids: z
      .array(eventId)
      .max(maxIdsInJson)
      .describe('What the receiver has: each is a `webhook-id`, which is the id of an event.'),
  })
  .meta({ id: 'ReconcileRequest' });

const lineQuery = z.strictObject({
  ...fields,
  limit: z.coerce.number().pipe(limit).default(1000).describe(limitText),
});

const missing = z
  .strictObject({
    event_id: z.string(),
    delivery_id: z.string(),
    state: deliveryState.describe(
      '`delivered`: the endpoint answered 2xx, but the receiver does not have it.',
    ),
    settled_at: timestamp.nullable(),
    value: z.strictObject({ currency: z.string(), amount_minor: amountMinor }).nullable(),
  })
  .meta({ id: 'MissingDelivery' });

const totals = {
  sent: count.describe('Deliveries of the window, in any state.'),
  delivered: count.describe('Deliveries among them that the endpoint answered with 2xx.'),
  received: count.describe('Ids that the receiver has, each counted once.'),
  matched: count.describe('Deliveries of the window that the receiver has.'),
  outside: count.describe('Ids that the receiver has from deliveries to this endpoint outside the window.'),
  missing_count: count.describe('Deliveries of the window that the receiver does not have.'),
  missing_by_state: z
    .strictObject({
      pending: count,
      delivered: count,
      dead: count,
      cancelled: count,
      suppressed: count,
    })
    .describe('The part of `missing_count` that is in this state.'),
  missing_value: z.array(moneyAnswer).describe('Value of what is missing, by currency.'),
  unexpected_count: count.describe(
    'Ids that the receiver has but that were never sent to this endpoint, or that retention has deleted.',
  ),
};

const answer = z
  .strictObject({
    ...totals,
    missing: z.array(missing).describe('Oldest first.'),
    unexpected: z.array(z.string()).describe('In the order in which they were given.'),
    next_cursor: z
      .string()
      .nullable()
      .describe('More is missing or unexpected: send the same ids with this cursor. Null on the last page.'),
  })
  .meta({ id: 'Reconciliation' });

const answerLine = z
  .union([
    z.strictObject({ missing }),
    z.strictObject({ unexpected: z.string() }),
    z.strictObject({
      summary: z
        .strictObject({
          ...totals,
          next_cursor: z
            .string()
            .nullable()
            .describe('More is unexpected than an answer lists: send the same ids with this cursor.'),
        })
        .meta({ id: 'ReconciliationSummary' }),
    }),
  ])
  .meta({ id: 'ReconciliationLine' });

const line = z
  .union([
    eventId,
    z.looseObject({ id: eventId }).transform(({ id }) => id),
    z.looseObject({ event_id: eventId }).transform(({ event_id: id }) => id),
  ])
  .describe('An id, or an object that has it as `id` or `event_id`.');

const window = {
  endpoint_id: 'ep_01jd8z0c3r5s7u9w1y3a5c7e9g',
  since: '2026-11-19T00:00:00Z',
  until: '2026-11-20T00:00:00Z',
};
const exampleMissing = {
  event_id: 'evt_01jd8z2m9k4x7v0q5t3n6w8y1a0b',
  delivery_id: 'dlv_0000001f4q2',
  state: 'dead',
  settled_at: '2026-11-19T20:41:07.120Z',
  value: { currency: 'EUR', amount_minor: 12_900 },
} as const;
const exampleTotals = {
  sent: 3,
  delivered: 2,
  received: 3,
  matched: 2,
  outside: 0,
  missing_count: 1,
  missing_by_state: { pending: 0, delivered: 0, dead: 1, cancelled: 0, suppressed: 0 },
  missing_value: [{ currency: 'EUR', amount_minor: 12_900, events: 1 }],
  unexpected_count: 1,
};
const ids = ['evt_01jd8z2m9k4x7v0q5t3n6w8y1a01', 'evt_01jd8z2m9k4x7v0q5t3n6w8y1a02', 'pay_7731'];

export const reconcileOperations = operations({
  'reconcile.run': {
    method: 'POST',
    path: '/v1/reconcile',
    tag: 'reconcile',
    scope: 'read',
    summary: 'Compare with what a receiver has',
    description:
      'Compares the deliveries of a window to one endpoint with the ids that its receiver has, and lists what is missing there and what was never sent. With `Content-Type: application/x-ndjson` the body is one id per line, up to millions, and the other fields of the JSON body are in the query. With `Accept: application/x-ndjson` the answer is lines too, each with one of `missing`, `unexpected` and, on the last line, `summary`: an answer without it is incomplete.',
    body: request,
    maxBodyBytes: maxJsonBytes,
    isRepeatable: false,
    status: 200,
    answer,
    lines: {
      query: lineQuery,
      line,
      answer: answerLine,
      example: {
        query: window,
        body: ids,
        answer: [
          { unexpected: 'pay_7731' },
          { missing: exampleMissing },
          { summary: { ...exampleTotals, next_cursor: null } },
        ],
      },
    },
    errors: ['not_found', 'busy'],
    example: {
      body: { ...window, received_ids: ids },
      answer: { ...exampleTotals, missing: [exampleMissing], unexpected: ['pay_7731'], next_cursor: null },
    },
  },
});
